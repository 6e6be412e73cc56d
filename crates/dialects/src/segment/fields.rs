use std::borrow::Cow;
use std::fmt::Write;

use dauphin_model::{Identity, Instant, parse_instant};
use serde::Deserialize;

use super::{SegmentCall, SegmentContext};
use crate::EventKind;
use crate::elements::Objects;
use crate::lenient::{Lenient, Value};
use crate::plain::members;
use crate::row::shown;
use crate::time::out_of_range;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BodyFields<'a> {
    #[serde(borrow, default)]
    pub(super) write_key: Value<'a>,
    #[serde(borrow, default)]
    pub(super) sent_at: Value<'a>,
    #[serde(borrow, default)]
    pub(super) batch: Objects<'a, MessageFields<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageFields<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Value<'a>,
    #[serde(borrow, default)]
    pub(super) user_id: Value<'a>,
    #[serde(borrow, default)]
    pub(super) anonymous_id: Value<'a>,
    #[serde(borrow, default)]
    pub(super) previous_id: Value<'a>,
    #[serde(borrow, default)]
    pub(super) event: Value<'a>,
    #[serde(borrow, default)]
    message_id: Value<'a>,
    #[serde(borrow, default)]
    timestamp: Value<'a>,
    #[serde(borrow, default)]
    original_timestamp: Value<'a>,
    #[serde(borrow, default)]
    sent_at: Value<'a>,
    #[serde(borrow, default)]
    context: Option<Lenient<ContextFields<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContextFields<'a> {
    #[serde(borrow, default)]
    session_id: Value<'a>,
    #[serde(borrow, default)]
    session_start: Value<'a>,
}

members!(BodyFields { "writeKey" => write_key, "sentAt" => sent_at, "batch" => batch });
members!(MessageFields {
    "type" => kind,
    "userId" => user_id,
    "anonymousId" => anonymous_id,
    "previousId" => previous_id,
    "event" => event,
    "messageId" => message_id,
    "timestamp" => timestamp,
    "originalTimestamp" => original_timestamp,
    "sentAt" => sent_at,
    "context" => context,
});
members!(ContextFields { "sessionId" => session_id, "sessionStart" => session_start });

/// That a message was sent in a session, or began one.
pub(super) struct Session<'a> {
    started: Started,
    /// The session's own id, else the message's: a text or a whole number.
    id: Option<Value<'a>>,
}

enum Started {
    Now,
    Earlier,
}

impl<'a> MessageFields<'a> {
    /// What it says it is.
    pub(super) fn call(&mut self) -> Result<SegmentCall, String> {
        let name = std::mem::take(&mut self.kind).into_name("type")?.ok_or("it has no `type`")?;
        SegmentCall::of_type(&name)
            .ok_or_else(|| format!("its `type` is `{}`, which is none that is known", shown(&name)))
    }

    /// `timestamp`; else `originalTimestamp`, which the sender's clock said, moved by what that clock is off, as
    /// `sentAt` shows it; else nothing.
    pub(super) fn instant(
        &mut self,
        batch_sent_at: Option<&str>,
        context: &SegmentContext<'_>,
    ) -> Result<Option<Instant>, String> {
        if let Some(timestamp) = time_text(std::mem::take(&mut self.timestamp), "timestamp")? {
            return parse_instant(&timestamp, context.zone).map(Some).map_err(|error| error.to_string());
        }
        let Some(text) = time_text(std::mem::take(&mut self.original_timestamp), "originalTimestamp")? else {
            return Ok(None);
        };
        let original = parse_instant(&text, context.zone).map_err(|error| error.to_string())?;
        let read = |text: &str| parse_instant(text, context.zone).ok();
        let sent_at = std::mem::take(&mut self.sent_at).into_text();
        let sent_at = sent_at.as_deref().and_then(read).or_else(|| batch_sent_at.and_then(read));
        let Some(sent_at) = sent_at else { return Ok(Some(original)) };
        let nanos = nanos_of(context.arrival) - (nanos_of(sent_at) - nanos_of(original));
        instant_of_nanos(nanos).map(Some).ok_or_else(|| out_of_range(&text))
    }

    /// The session it belongs to, if it names one or begins one.
    pub(super) fn session(&mut self) -> Option<Session<'a>> {
        let ContextFields { session_id, session_start } = self.context.take().unwrap_or_default().0;
        let id = Some(session_id).filter(Value::is_name);
        match (session_start, id) {
            (Value::Boolean(true), Some(id)) => Some(Session { started: Started::Now, id: Some(id) }),
            (Value::Boolean(true), None) => {
                let id = Some(std::mem::take(&mut self.message_id)).filter(Value::is_name);
                Some(Session { started: Started::Now, id })
            }
            (_, Some(id)) => Some(Session { started: Started::Earlier, id: Some(id) }),
            (_, None) => None,
        }
    }
}

impl Session<'_> {
    /// What it says of `sender`, with its id written into `text`. Session ids are often instants, which two senders may
    /// share.
    pub(super) fn kind<'t>(self, sender: &Identity<'_>, text: &'t mut String) -> EventKind<'t> {
        text.clear();
        let id = self.id.map(|id| {
            match id {
                Value::Whole(number) => write!(text, "{}/{number}", sender.text),
                id => write!(text, "{}/{}", sender.text, id.into_text().unwrap_or_default()),
            }
            .expect("a string takes any text");
            Cow::Borrowed(text.as_str())
        });
        match (self.started, id) {
            (Started::Earlier, Some(id)) => EventKind::InSession { id },
            (_, id) => EventKind::SessionStart { id },
        }
    }
}

fn time_text<'a>(value: Value<'a>, field: &str) -> Result<Option<Cow<'a, str>>, String> {
    match value {
        Value::Missing | Value::Null => Ok(None),
        Value::Text(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        wrong => Err(format!("`{field}` is {wrong}; it must be a time such as `2018-06-28T23:59:59.000Z`")),
    }
}

fn nanos_of(instant: Instant) -> i128 {
    i128::from(instant.seconds()) * 1_000_000_000 + i128::from(instant.nanos())
}

fn instant_of_nanos(nanos: i128) -> Option<Instant> {
    let seconds = i64::try_from(nanos.div_euclid(1_000_000_000)).ok()?;
    Instant::new(seconds, u32::try_from(nanos.rem_euclid(1_000_000_000)).ok()?)
}
