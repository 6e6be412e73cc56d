//! What Braze's SDKs post to `/api/v3/data/`: events of a device, each of a user or of nobody known yet.
//!
//! Shapes as @braze/web-sdk 6.13 sends them.

use std::borrow::Cow;

use dauphin_model::{Identity, IdentityKind, Instant};
use serde::Deserialize;

use crate::elements::Objects;
use crate::error::BodyError;
use crate::lenient::{Lenient, Value, described, each_object, object_of};
use crate::plain::members;
use crate::time::{instant_of_fraction, instant_of_whole};
use crate::{Event, EventKind, Message};

/// A body, its events not looked at yet.
pub struct SdkBody<'a> {
    /// The identifier of the app that sent it.
    pub api_key: Option<Cow<'a, str>>,
    device_id: Option<Cow<'a, str>>,
    events: Objects<'a, EventFields<'a>>,
}

#[derive(Default, Deserialize)]
struct BodyFields<'a> {
    #[serde(borrow, default)]
    api_key: Value<'a>,
    #[serde(borrow, default)]
    device_id: Value<'a>,
    #[serde(borrow, default)]
    events: Objects<'a, EventFields<'a>>,
}

#[derive(Default, Deserialize)]
struct EventFields<'a> {
    #[serde(borrow, default)]
    name: Value<'a>,
    #[serde(borrow, default)]
    time: Value<'a>,
    #[serde(borrow, default)]
    user_id: Value<'a>,
    #[serde(borrow, default)]
    session_id: Value<'a>,
    #[serde(borrow, default)]
    data: Option<Lenient<DataFields<'a>>>,
}

/// What of an event's own data is read: the name of a custom event; the name and label of an alias.
#[derive(Default, Deserialize)]
struct DataFields<'a> {
    #[serde(borrow, default)]
    n: Value<'a>,
    #[serde(borrow, default)]
    a: Value<'a>,
    #[serde(borrow, default)]
    l: Value<'a>,
}

members!(BodyFields { "api_key" => api_key, "device_id" => device_id, "events" => events });
members!(EventFields {
    "name" => name,
    "time" => time,
    "user_id" => user_id,
    "session_id" => session_id,
    "data" => data,
});
members!(DataFields { "n" => n, "a" => a, "l" => l });

impl<'a> SdkBody<'a> {
    /// Reads what holds for the whole body.
    pub fn parse(body: &'a [u8]) -> Result<Self, BodyError> {
        Self::of(object_of(body)?)
    }

    fn of(BodyFields { api_key, device_id, events }: BodyFields<'a>) -> Result<Self, BodyError> {
        let device_id = device_id.into_name("device_id").map_err(BodyError::Shape)?;
        if let Some(wrong) = events.other_than_array() {
            return Err(BodyError::Shape(format!("`events` is {}; it must be an array", described(wrong))));
        }
        Ok(Self { api_key: api_key.into_text(), device_id, events })
    }

    /// Hands on what the events say, as of the app `app_id`, each with the index of its event; or why an event says
    /// nothing.
    pub fn messages(
        self,
        app_id: &str,
        sink: &mut dyn FnMut(usize, Result<Message<'_>, String>),
    ) -> Result<(), BodyError> {
        let device_id = self.device_id.as_deref();
        let mut claimed = None;
        each_object(self.events, &mut |index, event: Result<EventFields<'a>, String>| {
            let said = event.and_then(|event| event.say(app_id, device_id, &mut claimed, &mut |m| sink(index, Ok(m))));
            if let Err(reason) = said {
                sink(index, Err(reason));
            }
        })
    }
}

impl<'a> EventFields<'a> {
    fn say(
        self,
        app_id: &str,
        device_id: Option<&str>,
        claimed: &mut Option<Cow<'a, str>>,
        sink: &mut dyn FnMut(Message<'_>),
    ) -> Result<(), String> {
        let user_id = self.user_id.into_name("user_id")?;
        let who = match (&user_id, device_id) {
            (Some(user_id), _) => Identity::new(IdentityKind::ExternalId, &**user_id),
            (None, Some(device_id)) => Identity::new(IdentityKind::Device, device_id),
            (None, None) => return Err("neither the event has a `user_id` nor the body a `device_id`".to_owned()),
        };
        let name = self.name.into_name("name")?.ok_or("the event has no `name`")?;
        let Lenient(DataFields { n, a, l }) = self.data.unwrap_or_default();
        let kind = match &*name {
            "ss" => Some(EventKind::SessionStart { id: self.session_id.into_name("session_id").unwrap_or_default() }),
            "ce" => Some(EventKind::Named(n.into_name("data.n")?.ok_or("the custom event has no name in `data.n`")?)),
            "p" => Some(EventKind::Named("purchase".into())),
            _ if is_deed(&name) => Some(EventKind::Named(name.clone())),
            _ => None,
        };
        if let Some(kind) = kind {
            let instant = Some(instant_of(self.time)?);
            sink(Message::Event(Event { who: who.clone(), app_id: Some(app_id.into()), instant, kind }));
        }

        if user_id.is_none() {
            return Ok(());
        }
        if let ("uae", Some(alias), Some(label)) = (&*name, a.into_text(), l.into_text()) {
            sink(Message::Claim { anonymous: Identity::alias(&label, &alias), user: who.clone() });
        }
        if let Some(device_id) = device_id.filter(|_| *claimed != user_id) {
            sink(Message::Claim { anonymous: Identity::new(IdentityKind::Device, device_id), user: who });
            *claimed = user_id;
        }
        Ok(())
    }
}

/// Whether somebody did it: a click on a push, an in-app message, its button, a card or a banner, or a card or a banner
/// put away. What is left is shown to people (`si`, `cci`, `bi`, …), changes attributes (`inc`, `uae`, `lr`, …), ends a
/// session (`se`) or is the SDK's own (`i`, `ie`).
fn is_deed(name: &str) -> bool {
    matches!(name, "pc" | "sc" | "sbc" | "ccc" | "ccd" | "bc" | "bd")
}

fn instant_of(time: Value<'_>) -> Result<Instant, String> {
    match time {
        Value::Whole(number) => match i64::try_from(number) {
            Ok(seconds) => instant_of_whole(seconds),
            Err(_) => instant_of_fraction(number as f64),
        },
        Value::Fraction(number) => instant_of_fraction(number),
        Value::Missing | Value::Null => Err("the event has no `time`".to_owned()),
        wrong => Err(format!("`time` is {wrong}; it must be a number of Unix seconds")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lenient::object_by_library;
    use crate::plain::{self, bodies};

    fn said(fields: BodyFields<'_>) -> Result<Vec<String>, BodyError> {
        let body = SdkBody::of(fields)?;
        let mut said = vec![format!("{:?} {:?}", body.api_key, body.device_id)];
        body.messages("web", &mut |index, message| said.push(format!("{index} {message:?}")))?;
        Ok(said)
    }

    #[test]
    fn the_usual_body_is_met_here() {
        let body = br#" { "api_key": "k", "device_id":"d", "x":[1], "events" : [
            {"name":"ce","time":1530144000.194,"user_id":"ada","session_id":"s","data":{"n":"m","p":{"q":[]}}},
            {"name":"ss","time":1530144000,"user_id":null}, 7] } "#;
        let fields: BodyFields<'_> = plain::object_of(body).unwrap();
        let said = said(fields).unwrap();
        assert_eq!(said.len(), 5);
        assert_eq!(Ok(said), object_by_library(body).and_then(self::said));
    }

    proptest! {
        #[test]
        fn what_it_finds_is_what_the_library_finds(body in bodies(&[
            "events", "events", "api_key", "device_id", "name", "time", "user_id", "session_id", "data", "n", "a", "l",
        ])) {
            if let Some(fields) = plain::object_of(&body) {
                prop_assert_eq!(said(fields), object_by_library(&body).and_then(said));
            }
        }
    }
}
