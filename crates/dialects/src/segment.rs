//! What Segment's and RudderStack's SDKs post to `/v1/…`: one message, or a batch of them.

mod call;
mod fields;

use std::borrow::Cow;

use dauphin_model::{Identity, IdentityKind, Instant, Zone};

use crate::elements::{Element, Objects};
use crate::error::BodyError;
use crate::lenient::{described, each_object, element_of, object_of};
use crate::{Event, EventKind, Message};
use fields::{BodyFields, MessageFields};

pub use call::SegmentCall;

/// A name that says that somebody removed the app; Segment's own, for every SDK.
const UNINSTALLED: &str = "Application Uninstalled";

/// A body, its messages not looked at yet.
pub struct SegmentBody<'a> {
    /// The key of the source that sent it.
    pub write_key: Option<Cow<'a, str>>,
    /// When the sender's clock says that a batch was sent.
    sent_at: Option<Cow<'a, str>>,
    /// What the messages are, where they do not say it themselves.
    call: Option<SegmentCall>,
    messages: Objects<'a, MessageFields<'a>>,
}

/// What it takes to make sense of a body.
pub struct SegmentContext<'a> {
    /// The app whose key it came with.
    pub app_id: &'a str,
    /// When it arrived.
    pub arrival: Instant,
    /// Where a time without an offset is meant.
    pub zone: &'a Zone,
}

impl<'a> SegmentBody<'a> {
    /// Reads what holds for the whole body of a call.
    pub fn parse(call: SegmentCall, body: &'a [u8]) -> Result<Self, BodyError> {
        Self::of(call, object_of(body)?, || element_of(body))
    }

    fn of(
        call: SegmentCall,
        BodyFields { write_key, sent_at, batch }: BodyFields<'a>,
        message: impl FnOnce() -> Result<Element<'a, MessageFields<'a>>, BodyError>,
    ) -> Result<Self, BodyError> {
        let (call, messages) = match (call, batch.other_than_array()) {
            (SegmentCall::Batch, None) if matches!(batch, Objects::Missing) => {
                return Err(BodyError::Shape("The body has no `batch`; it must be an array of messages".to_owned()));
            }
            (SegmentCall::Batch, Some(wrong)) => {
                let what = described(wrong);
                return Err(BodyError::Shape(format!("`batch` is {what}; it must be an array of messages")));
            }
            (SegmentCall::Batch, None) => (None, batch),
            (_, _) => (Some(call), Objects::Read(vec![message()?])),
        };
        Ok(Self { write_key: write_key.into_text(), sent_at: sent_at.into_text(), call, messages })
    }

    /// Hands on what the messages say, each with its index in the batch; or why a message says nothing.
    pub fn messages(
        self,
        context: &SegmentContext<'_>,
        sink: &mut dyn FnMut(usize, Result<Message<'_>, String>),
    ) -> Result<(), BodyError> {
        let sent_at = self.sent_at.as_deref();
        let mut session_id = String::new();
        each_object(self.messages, &mut |index, fields: Result<MessageFields<'a>, String>| {
            let mut sink_message = |message: Message<'_>| sink(index, Ok(message));
            let spoken = fields
                .and_then(|fields| speak(self.call, fields, sent_at, context, &mut session_id, &mut sink_message));
            if let Err(reason) = spoken {
                sink(index, Err(reason));
            }
        })
    }
}

/// What one message says: first what happened, then who is who. `session_id` is a place to write one.
fn speak(
    call: Option<SegmentCall>,
    mut message: MessageFields<'_>,
    sent_at: Option<&str>,
    context: &SegmentContext<'_>,
    session_id: &mut String,
    sink: &mut dyn FnMut(Message<'_>),
) -> Result<(), String> {
    let call = match call {
        Some(call) => call,
        None => message.call()?,
    };
    let instant = message.instant(sent_at, context)?;
    let session = message.session();
    let user_id = message.user_id.into_name("userId")?;
    let anonymous_id = message.anonymous_id.into_name("anonymousId")?;
    let previous_id = message.previous_id.into_name("previousId")?;
    let user = user_id.as_deref().map(|id| Identity::new(IdentityKind::ExternalId, id));
    let anonymous = anonymous_id.as_deref().map(|id| Identity::new(IdentityKind::Anonymous, id));
    let who = user.clone().or_else(|| anonymous.clone()).ok_or("it has neither `userId` nor `anonymousId`")?;

    let kind = match call {
        SegmentCall::Track => match message.event.into_name("event")?.ok_or("the track has no `event`")? {
            name if name == UNINSTALLED => EventKind::Uninstall,
            name => EventKind::Named(name),
        },
        SegmentCall::Page | SegmentCall::Screen => EventKind::Named(call.name().into()),
        SegmentCall::Alias if user.is_none() => return Err("the alias has no `userId`".to_owned()),
        SegmentCall::Alias if previous_id.is_none() => return Err("the alias has no `previousId`".to_owned()),
        SegmentCall::Alias | SegmentCall::Identify | SegmentCall::Group => EventKind::Listed(call.name()),
        SegmentCall::Batch => return Err("a batch has messages; it cannot be one".to_owned()),
    };
    let mut event = |kind| {
        let app_id = Some(Cow::Borrowed(context.app_id));
        sink(Message::Event(Event { who: who.clone(), app_id, instant, kind }));
    };
    if kind == EventKind::Uninstall {
        event(EventKind::Listed(UNINSTALLED));
    }
    event(kind);
    if let Some(session) = session {
        event(session.kind(anonymous.as_ref().unwrap_or(&who), session_id));
    }

    let Some(user) = user else { return Ok(()) };
    if let Some(previous_id) = previous_id.filter(|id| call == SegmentCall::Alias && *id != user.text) {
        // Nothing says which of the two it was.
        let anonymous = Identity::new(IdentityKind::Anonymous, &*previous_id);
        sink(Message::Claim { anonymous, user: user.clone() });
        sink(Message::Link { profile: Identity::new(IdentityKind::ExternalId, &*previous_id), other: user.clone() });
    }
    if let Some(anonymous) = anonymous {
        sink(Message::Claim { anonymous, user });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lenient::{element_by_library, object_by_library};
    use crate::plain::{self, bodies};

    fn said(body: Result<SegmentBody<'_>, BodyError>) -> Result<Vec<String>, BodyError> {
        let body = body?;
        let mut said = vec![format!("{:?} {:?}", body.write_key, body.sent_at)];
        let (arrival, zone) = (Instant::new(1_530_144_000, 0).unwrap(), Zone::utc());
        let context = SegmentContext { app_id: "web", arrival, zone: &zone };
        body.messages(&context, &mut |index, message| said.push(format!("{index} {message:?}")))?;
        Ok(said)
    }

    /// What is found here, if something is, and what the library finds.
    fn both(call: SegmentCall, body: &[u8]) -> Option<[Result<Vec<String>, BodyError>; 2]> {
        let (fields, message) = (plain::object_of(body)?, plain::object_of(body)?);
        let plain = said(SegmentBody::of(call, fields, || Ok(Element::Object(message))));
        let fields = object_by_library(body);
        let by_library = fields.and_then(|fields| SegmentBody::of(call, fields, || element_by_library(body)));
        Some([plain, said(by_library)])
    }

    #[test]
    fn the_usual_body_is_met_here() {
        let body = br#" {"writeKey":"k","sentAt":"2018-06-28T10:00:00Z","x":{"y":[]},"batch":[
            {"type":"track","event":"e","userId":"ada","timestamp":"2018-06-28T10:00:00Z","context":{"x":[],"sessionId":17}},
            {"type":"page","anonymousId":"an","context":{"sessionStart":true}}, 7]} "#;
        let [plain, by_library] = both(SegmentCall::Batch, body).unwrap();
        assert_eq!(plain.as_ref().unwrap().len(), 6);
        assert_eq!(plain, by_library);
        let [plain, by_library] = both(SegmentCall::Track, br#"{"event":"e", "userId":17, "writeKey":"k"}"#).unwrap();
        assert_eq!(plain.as_ref().unwrap().len(), 2);
        assert_eq!(plain, by_library);
    }

    proptest! {
        #[test]
        fn what_it_finds_is_what_the_library_finds(body in bodies(&[
            "batch", "batch", "type", "writeKey", "sentAt", "userId", "anonymousId", "previousId", "event", "messageId",
            "timestamp", "originalTimestamp", "context", "sessionId", "sessionStart",
        ])) {
            for call in [SegmentCall::Batch, SegmentCall::Track, SegmentCall::Alias] {
                if let Some([plain, by_library]) = both(call, &body) {
                    prop_assert_eq!(plain, by_library);
                }
            }
        }
    }
}
