//! What Braze's SDKs post to `/api/v3/data/`: events of a device, each of a user or of nobody known yet.
//!
//! Shapes as @braze/web-sdk 6.13 sends them.

use std::borrow::Cow;

use dauphin_model::{Identity, IdentityKind, Instant};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::BodyError;
use crate::lenient::{Lenient, Value, described, each_object, object_of};
use crate::time::{instant_of_fraction, instant_of_whole};
use crate::{Event, EventKind, Message};

/// A body, its events not looked at yet.
pub struct SdkBody<'a> {
    /// The identifier of the app that sent it.
    pub api_key: Option<Cow<'a, str>>,
    device_id: Option<Cow<'a, str>>,
    events: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct BodyFields<'a> {
    #[serde(borrow, default)]
    api_key: Value<'a>,
    #[serde(borrow, default)]
    device_id: Value<'a>,
    #[serde(borrow)]
    events: Option<&'a RawValue>,
}

#[derive(Deserialize)]
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
    data: Lenient<DataFields<'a>>,
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

impl<'a> SdkBody<'a> {
    /// Reads what holds for the whole body.
    pub fn parse(body: &'a [u8]) -> Result<Self, BodyError> {
        let BodyFields { api_key, device_id, events } = object_of(body)?;
        let device_id = device_id.into_name("device_id").map_err(BodyError::Shape)?;
        if let Some(wrong) = events.filter(|events| !events.get().starts_with('[')) {
            return Err(BodyError::Shape(format!("`events` is {}; it must be an array", described(wrong))));
        }
        Ok(Self { api_key: api_key.into_text(), device_id, events })
    }

    /// Hands on what the events say, as of the app `app_id`, each with the index of its event; or why an event says
    /// nothing.
    pub fn messages(
        &self,
        app_id: &str,
        sink: &mut dyn FnMut(usize, Result<Message<'_>, String>),
    ) -> Result<(), BodyError> {
        let Some(events) = self.events else { return Ok(()) };
        let mut claimed = None;
        each_object(events, &mut |index, event| {
            let said = event.and_then(|event| {
                self.event(app_id, event, &mut claimed, &mut |message| {
                    sink(index, Ok(message));
                })
            });
            if let Err(reason) = said {
                sink(index, Err(reason));
            }
        })
    }

    fn event(
        &self,
        app_id: &str,
        event: EventFields<'a>,
        claimed: &mut Option<Cow<'a, str>>,
        sink: &mut dyn FnMut(Message<'_>),
    ) -> Result<(), String> {
        let user_id = event.user_id.into_name("user_id")?;
        let who = match (&user_id, self.device_id.as_deref()) {
            (Some(user_id), _) => Identity::new(IdentityKind::ExternalId, &**user_id),
            (None, Some(device_id)) => Identity::new(IdentityKind::Device, device_id),
            (None, None) => return Err("neither the event has a `user_id` nor the body a `device_id`".to_owned()),
        };
        let name = event.name.into_name("name")?.ok_or("the event has no `name`")?;
        let Lenient(DataFields { n, a, l }) = event.data;
        let kind = match &*name {
            "ss" => Some(EventKind::SessionStart { id: event.session_id.into_name("session_id").unwrap_or_default() }),
            "ce" => Some(EventKind::Named(n.into_name("data.n")?.ok_or("the custom event has no name in `data.n`")?)),
            "p" => Some(EventKind::Named("purchase".into())),
            _ if is_deed(&name) => Some(EventKind::Named(name.clone())),
            _ => None,
        };
        if let Some(kind) = kind {
            let instant = Some(instant_of(event.time)?);
            sink(Message::Event(Event { who: who.clone(), app_id: Some(app_id.into()), instant, kind }));
        }

        if user_id.is_none() {
            return Ok(());
        }
        if let ("uae", Some(alias), Some(label)) = (&*name, a.into_text(), l.into_text()) {
            sink(Message::Claim { anonymous: Identity::alias(&label, &alias), user: who.clone() });
        }
        if let Some(device_id) = self.device_id.as_deref().filter(|_| *claimed != user_id) {
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
