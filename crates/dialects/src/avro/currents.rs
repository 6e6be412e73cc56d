//! The events that Braze Currents exports: one type of event a file, one event a row.

use std::borrow::Cow;

use dauphin_model::{Identity, IdentityKind, Zone};

use super::value::Value;
use crate::row::{checked_session_id, checked_user_id};
use crate::{Event, EventKind, Message};

/// An event of Currents that says something about who was active, or who is who.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Currents {
    SessionStart,
    FirstSession,
    SessionEnd,
    CustomEvent,
    Purchase,
    Uninstall,
    UserOrphan,
    UserDeleteRequest,
}

/// The type of event, under the last word of its name.
const EVENTS: [(&str, Currents); 8] = [
    ("SessionStart", Currents::SessionStart),
    ("FirstSession", Currents::FirstSession),
    ("SessionEnd", Currents::SessionEnd),
    ("CustomEvent", Currents::CustomEvent),
    ("Purchase", Currents::Purchase),
    ("Uninstall", Currents::Uninstall),
    ("UserOrphan", Currents::UserOrphan),
    ("UserDeleteRequest", Currents::UserDeleteRequest),
];

/// The fields that are read.
pub(super) const FIELDS: [&str; 8] =
    ["user_id", "time", "app_id", "session_id", "external_user_id", "id", "name", "orphaned_by_id"];

/// What a file's rows are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// Rows of the bulk dialect.
    Rows,
    /// Events that are counted.
    Events(Currents),
    /// Events, of this type, that say nothing about activity.
    Nothing(String),
}

/// What the rows of a file are, by the type of event in its path (`…/event_type=users.behaviors.Purchase/…`), as
/// Currents lays out a bucket, else by the full name of its record.
pub(super) fn content_of(path: &str, record: &str, fields: &[&str]) -> Content {
    let has = |name: &str| fields.contains(&name);
    // Every event has these, and rows of another make have no reason to.
    if !has("id") || !has("user_id") {
        return Content::Rows;
    }
    let named = path.split_once("event_type=").map(|(_, rest)| rest.split(['/', '%']).next().unwrap_or(rest));
    let event = |name: &str| {
        let last = name.rsplit('.').next().unwrap_or(name);
        EVENTS.iter().find(|(word, _)| *word == last).map(|(_, event)| *event)
    };
    let is_of_users = |name: &str| name.split('.').any(|word| word == "users");
    match (named.and_then(event).or_else(|| event(record)), named) {
        (Some(event), _) => Content::Events(event),
        (None, Some(name)) => Content::Nothing(name.to_owned()),
        (None, None) if is_of_users(record) || has("external_user_id") => Content::Nothing(record.to_owned()),
        (None, None) => Content::Rows,
    }
}

/// The values of one event, in the order of [`FIELDS`].
pub(super) type Values<'a> = [Value<'a>; FIELDS.len()];

impl Currents {
    /// What an event says, or why it says nothing that can be counted.
    pub(super) fn read<'a>(
        self,
        values: &Values<'a>,
        zone: &Zone,
        messages: &mut Vec<Message<'a>>,
    ) -> Result<(), String> {
        let [user_id, time, app_id, session_id, external_user_id, id, name, orphaned_by] = *values;
        let braze_id = profile(IdentityKind::BrazeId, user_id.identifier("user_id")?.ok_or("`user_id` is null")?)?;
        let external_id = external_user_id.identifier("external_user_id")?;
        let external_id = external_id.map(|id| profile(IdentityKind::ExternalId, id)).transpose()?;
        let instant = time.instant("time", zone)?;
        let kind = match self {
            Self::SessionStart => {
                // Older exports have no id of the session; that of the event tells repeats apart as well.
                let id = session_id.identifier("session_id")?.or(id.identifier("id")?);
                Some(EventKind::SessionStart { id: checked_session_id(id)? })
            }
            Self::FirstSession => Some(EventKind::Seen),
            Self::CustomEvent => {
                Some(EventKind::Named(name.identifier("name")?.ok_or("`name`, that of the event, is null")?))
            }
            Self::Purchase => Some(EventKind::Named(Cow::Borrowed("purchase"))),
            Self::Uninstall => Some(EventKind::Uninstall),
            Self::SessionEnd | Self::UserOrphan | Self::UserDeleteRequest => None,
        };
        if let Some(kind) = kind {
            let who = external_id.as_ref().unwrap_or(&braze_id).clone();
            messages.push(Message::Event(Event {
                who,
                app_id: app_id.identifier("app_id")?,
                instant: Some(instant),
                kind,
            }));
        }
        if let Some(user) = external_id {
            messages.push(Message::Claim { anonymous: braze_id.clone(), user });
        }
        match self {
            Self::UserOrphan => {
                let kept = orphaned_by.identifier("orphaned_by_id")?.ok_or("`orphaned_by_id` is null")?;
                messages.push(Message::Link { profile: braze_id, other: profile(IdentityKind::BrazeId, kept)? });
            }
            Self::UserDeleteRequest => messages.push(Message::Erase { profile: braze_id }),
            _ => {}
        }
        Ok(())
    }
}

fn profile(kind: IdentityKind, id: Cow<'_, str>) -> Result<Identity<'_>, String> {
    checked_user_id(id).map(|id| Identity::new(kind, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_record_and_fields_tell_what_the_rows_are() {
        let events = &["id", "user_id", "external_user_id", "time"][..];
        let start = Content::Events(Currents::SessionStart);
        let send = || Content::Nothing("users.messages.email.Send".to_owned());
        for (path, record, fields, expected) in [
            ("a.avro", "users.behaviors.app.SessionStart", events, start.clone()),
            ("a.avro", "SessionStart", events, start.clone()),
            ("b/event_type=users.behaviors.app.SessionStart/date=2018-06-28/a.avro", "Row", events, start),
            ("b/event_type=users.messages.email.Send/date=2018-06-28/a.avro", "Row", events, send()),
            ("a.avro", "users.messages.email.Send", events, send()),
            ("a.avro", "Send", events, Content::Nothing("Send".to_owned())),
            ("a.avro", "Send", &["id", "user_id", "time"], Content::Rows),
            ("a.avro", "com.shop.Purchase", &["user_id", "time"], Content::Rows),
        ] {
            assert_eq!(content_of(path, record, fields), expected, "{path} {record}");
        }
    }
}
