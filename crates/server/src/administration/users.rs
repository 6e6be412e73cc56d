use std::collections::BTreeMap;
use std::sync::mpsc::channel;

use dauphin_api::ApiError;
use dauphin_core::{Arrival, Stamp};
use dauphin_engine::{AuditEntry, EngineError, IdentityChange, IdentityOutcome};
use dauphin_model::{ActiveDay, Identity, IdentityKind, ProfileKey};
use serde::Serialize;
use serde_json::{Map, Value};

use super::asked::{Asked, missing, wrong};
use super::{Administration, UserAction, refuse, refused, success};

/// `{"user":IDENTITY}`, for a link also `"other":IDENTITY` → `{"outcome":"changed"|"unchanged"|"unknown"}`.
pub fn change(administration: &Administration<'_>, action: UserAction, mut asked: Asked) -> Result<Vec<u8>, ApiError> {
    #[derive(Serialize)]
    struct Answer {
        outcome: &'static str,
    }
    let profile = profile(administration, &mut asked, "user")?;
    let (change, name) = match action {
        UserAction::Show => {
            asked.end()?;
            return show(administration, profile);
        }
        UserAction::Erase => (IdentityChange::Erase { profile }, "user.erase"),
        UserAction::Exclude => (IdentityChange::Exclude { profile }, "user.exclude"),
        UserAction::Include => (IdentityChange::Include { profile }, "user.include"),
        UserAction::Unlink => (IdentityChange::Unlink { profile }, "user.unlink"),
        UserAction::Link => {
            let other = self::profile(administration, &mut asked, "other")?;
            (IdentityChange::Link { profile, other }, "user.link")
        }
    };
    asked.end()?;
    let outcome = match make(administration, change, name)? {
        IdentityOutcome::Changed => "changed",
        IdentityOutcome::Unchanged => "unchanged",
        IdentityOutcome::Unknown => "unknown",
        IdentityOutcome::Taken => "taken",
        IdentityOutcome::InUse => "in_use",
        IdentityOutcome::OutOfUse => "out_of_use",
        IdentityOutcome::TooMany => "too_many",
    };
    success(&Answer { outcome })
}

/// What is known of a person: `{"known","profiles","excluded","days":[DAY],"apps":{APP:[DAY]}}`, active days of all of
/// their profiles. `days` are those without an app.
fn show(administration: &Administration<'_>, profile: ProfileKey) -> Result<Vec<u8>, ApiError> {
    #[derive(Serialize, Default)]
    struct Answer<'a> {
        known: bool,
        profiles: usize,
        excluded: bool,
        days: Vec<String>,
        apps: BTreeMap<&'a str, Vec<String>>,
    }
    let workspace = &administration.workspace;
    let found = administration.engine()?.person(workspace.index, profile).map_err(|error| refused(&error))?;
    let Some(view) = found else {
        return success(&Answer::default());
    };
    let mut answer = Answer { known: true, profiles: view.profile_count, excluded: view.excluded, ..Answer::default() };
    for (app, days) in view.days {
        let days = days.into_iter().map(|day| day.day().to_string()).collect();
        match app.and_then(|app| workspace.apps().get(usize::from(app.get()))) {
            Some(app) => drop(answer.apps.insert(app.id.as_str(), days)),
            None => answer.days = days,
        }
    }
    success(&answer)
}

/// Makes one change, and waits until it is durable and visible.
fn make(
    administration: &Administration<'_>,
    change: IdentityChange,
    action: &'static str,
) -> Result<IdentityOutcome, ApiError> {
    let workspace = &administration.workspace;
    let today = workspace.zone.day_of(administration.now);
    let recorded = ActiveDay::new(today).ok_or_else(|| refuse("the server's clock is out of range"))?;
    let entry = AuditEntry::on_identities(administration.now, administration.actor(), action, &[change]);
    let (sender, receiver) = channel();
    administration.engine()?.change_identities(
        workspace.index,
        Stamp { recorded, arrival: Arrival::Sent },
        vec![change],
        Some(entry),
        Box::new(move |result| {
            // The receiver waits below.
            let _ = sender.send(result);
        }),
    );
    let outcomes = receiver.recv().unwrap_or(Err(EngineError::Closed)).map_err(|error| refused(&error))?;
    Ok(outcomes.first().copied().unwrap_or(IdentityOutcome::Unchanged))
}

fn profile(administration: &Administration<'_>, asked: &mut Asked, name: &'static str) -> Result<ProfileKey, ApiError> {
    let value = asked.any(name).ok_or_else(|| missing(name))?;
    let Value::Object(fields) = &value else { return Err(wrong(name, &value, MUST)) };
    let identity = identity(fields).ok_or_else(|| refuse(format!("`{name}` must be {MUST}")))?;
    identity.key(&administration.catalog().secret).map_err(|error| refuse(format!("`{name}`: {error}")))
}

const MUST: &str = "an object with one of `external_id`, `user_alias` (of `alias_label` and `alias_name`), `braze_id`, \
                    `email`, `phone`, `device_id`, `anonymous_id`";

/// The one identity that is named: as users/track names them, and what the SDKs of browsers and devices know.
fn identity(fields: &Map<String, Value>) -> Option<Identity<'static>> {
    let [(name, value)] = fields.iter().collect::<Vec<_>>()[..] else { return None };
    if name == "user_alias" {
        let alias = value.as_object().filter(|alias| alias.len() == 2)?;
        return Some(Identity::alias(alias.get("alias_label")?.as_str()?, alias.get("alias_name")?.as_str()?));
    }
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
        _ => return None,
    };
    let kind = match name.as_str() {
        "external_id" => IdentityKind::ExternalId,
        "braze_id" => IdentityKind::BrazeId,
        "email" => IdentityKind::Email,
        "phone" => IdentityKind::Phone,
        "device_id" => IdentityKind::Device,
        "anonymous_id" => IdentityKind::Anonymous,
        _ => return None,
    };
    Some(Identity::new(kind, text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_identity_of_a_known_kind() {
        let of = |value: Value| identity(value.as_object().unwrap());
        assert_eq!(of(json!({"external_id": 7})), Some(Identity::new(IdentityKind::ExternalId, "7")));
        assert_eq!(of(json!({"device_id": "d"})), Some(Identity::new(IdentityKind::Device, "d")));
        let alias = json!({"user_alias": {"alias_name": "n", "alias_label": "l"}});
        assert_eq!(of(alias), Some(Identity::alias("l", "n")));
        for wrong in [
            json!({}),
            json!({"external_id": "a", "email": "b"}),
            json!({"external_id": null}),
            json!({"external_id": 1.5}),
            json!({"name": "a"}),
            json!({"user_alias": "n"}),
            json!({"user_alias": {"alias_name": "n"}}),
            json!({"user_alias": {"alias_name": "n", "alias_label": "l", "x": 1}}),
        ] {
            assert_eq!(of(wrong.clone()), None, "{wrong}");
        }
    }
}
