//! What Segment's and RudderStack's SDKs post to `/v1/…`: one message, or a batch of them.

mod call;
mod fields;

use std::borrow::Cow;

use dauphin_model::{Identity, IdentityKind, Instant, Zone};
use serde_json::value::RawValue;

use crate::error::BodyError;
use crate::lenient::{described, each_object, object_in, object_of};
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
    content: Content<'a>,
}

enum Content<'a> {
    Batch(&'a RawValue),
    Single(SegmentCall, &'a RawValue),
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
        let BodyFields { write_key, sent_at, batch } = object_of(body)?;
        let content = match (call, batch) {
            (SegmentCall::Batch, None) => {
                return Err(BodyError::Shape("The body has no `batch`; it must be an array of messages".to_owned()));
            }
            (SegmentCall::Batch, Some(batch)) if !batch.get().starts_with('[') => {
                let what = described(batch);
                return Err(BodyError::Shape(format!("`batch` is {what}; it must be an array of messages")));
            }
            (SegmentCall::Batch, Some(batch)) => Content::Batch(batch),
            (_, _) => Content::Single(call, serde_json::from_slice(body).map_err(|error| BodyError::of(&error))?),
        };
        Ok(Self { write_key: write_key.into_text(), sent_at: sent_at.into_text(), content })
    }

    /// Hands on what the messages say, each with its index in the batch; or why a message says nothing.
    pub fn messages(
        &self,
        context: &SegmentContext<'_>,
        sink: &mut dyn FnMut(usize, Result<Message<'_>, String>),
    ) -> Result<(), BodyError> {
        let mut session_id = String::new();
        let mut said = |index, call, fields: Result<MessageFields<'a>, String>| {
            let mut sink_message = |message: Message<'_>| sink(index, Ok(message));
            let spoken = fields.and_then(|fields| {
                speak(call, fields, self.sent_at.as_deref(), context, &mut session_id, &mut sink_message)
            });
            if let Err(reason) = spoken {
                sink(index, Err(reason));
            }
        };
        match self.content {
            Content::Batch(batch) => each_object(batch, &mut |index, fields| said(index, None, fields)),
            Content::Single(call, message) => {
                said(0, Some(call), object_in(message));
                Ok(())
            }
        }
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
