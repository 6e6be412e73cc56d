use std::collections::BTreeSet;

use dauphin_api::ApiError;
use dauphin_engine::{ActivityRule, CatalogEdit, Setting, Workspace};
use dauphin_model::Zone;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::asked::{Asked, texts_of, wrong};
use super::{Administration, RATE_LIMIT_PER_HOUR, check_name, refuse, success};
use crate::keys;

/// Greatest limit of requests an hour: beyond what any machine answers.
const LIMIT_PER_HOUR_MAX: u64 = 4_000_000_000;
/// Names that an activity rule may have; each event is held against them.
const ACTIVITY_NAMES_MAX: usize = 1_000;

#[derive(Serialize)]
struct Shown<'a> {
    name: &'a str,
    zone: &'a str,
    activity: Value,
    rate_limit_per_hour: u32,
    ingest_limit_per_hour: Option<u32>,
    api_key_in_query: bool,
    apps: usize,
}

impl<'a> Shown<'a> {
    fn of(workspace: &'a Workspace) -> Self {
        Self {
            name: &workspace.name,
            zone: workspace.zone.name(),
            activity: match &workspace.activity {
                ActivityRule::Any => json!("any"),
                ActivityRule::Names(names) => json!(names),
            },
            rate_limit_per_hour: workspace.rate_limit_per_hour,
            ingest_limit_per_hour: workspace.ingest_limit_per_hour,
            api_key_in_query: workspace.api_key_in_query,
            apps: workspace.apps().len(),
        }
    }
}

/// `{"name","zone","activity","rate_limit_per_hour","ingest_limit_per_hour","api_key_in_query","apps"}`
pub fn show(administration: &Administration<'_>, asked: Asked) -> Result<Vec<u8>, ApiError> {
    asked.end()?;
    success(&Shown::of(&administration.workspace))
}

/// `{"workspaces":[…]}`, each as [`show`] has it.
pub fn list(administration: &Administration<'_>, asked: Asked) -> Result<Vec<u8>, ApiError> {
    #[derive(Serialize)]
    struct Answer<'a> {
        workspaces: Vec<Shown<'a>>,
    }
    asked.end()?;
    let catalog = administration.catalog();
    success(&Answer { workspaces: catalog.workspaces().iter().map(|workspace| Shown::of(workspace)).collect() })
}

/// `{"name","zone"}` → `{"name","zone","key"}`: the key has every permission in the new workspace, shown this once.
pub fn add(administration: &Administration<'_>, mut asked: Asked) -> Result<Vec<u8>, ApiError> {
    #[derive(Serialize)]
    struct Answer<'a> {
        name: &'a str,
        zone: &'a str,
        key: &'a str,
    }
    let name = asked.needed_name("name")?;
    let zone = asked.any("zone").map_or_else(|| Ok(Zone::utc()), |value| zone_of(&value))?;
    asked.end()?;
    let (text, key) = keys::new_api_key(keys::FIRST_KEY).map_err(|error| keys::no_randomness(&error))?;
    let edit = CatalogEdit::AddWorkspaceWithKey {
        name: name.clone(),
        zone: zone.clone(),
        rate_limit_per_hour: RATE_LIMIT_PER_HOUR,
        key,
    };
    let details = json!({"name": &name, "zone": zone.name(), "key": keys::FIRST_KEY});
    administration.edit(edit, "workspace.add", details)?;
    success(&Answer { name: &name, zone: zone.name(), key: &text })
}

/// Some of `{"zone","activity","rate_limit_per_hour","ingest_limit_per_hour","api_key_in_query"}` → as [`show`].
pub fn set(administration: &Administration<'_>, mut asked: Asked) -> Result<Vec<u8>, ApiError> {
    let mut settings = Vec::new();
    let mut details = Map::new();
    for (name, read) in SETTINGS {
        if let Some(value) = asked.any(name) {
            settings.push(read(&value)?);
            details.insert(name.to_owned(), value);
        }
    }
    asked.end()?;
    if settings.is_empty() {
        let names = SETTINGS.map(|(name, _)| name).join("`, `");
        return Err(refuse(format!("Nothing is to be changed; there are `{names}`")));
    }
    let workspace = administration.workspace.index;
    let edit = CatalogEdit::SetWorkspace { workspace, settings };
    let catalog = administration.edit(edit, "workspace.set", Value::Object(details))?;
    success(&Shown::of(catalog.workspace(workspace).unwrap_or(&administration.workspace)))
}

type ReadSetting = fn(&Value) -> Result<Setting, ApiError>;

const SETTINGS: [(&str, ReadSetting); 5] = [
    ("zone", |value| zone_of(value).map(Setting::Zone)),
    ("activity", |value| activity_of(value).map(Setting::Activity)),
    ("rate_limit_per_hour", |value| limit_of("rate_limit_per_hour", value).map(Setting::RateLimitPerHour)),
    ("ingest_limit_per_hour", |value| match value {
        Value::Null => Ok(Setting::IngestLimitPerHour(None)),
        limit => limit_of("ingest_limit_per_hour", limit).map(|limit| Setting::IngestLimitPerHour(Some(limit))),
    }),
    ("api_key_in_query", |value| match value {
        Value::Bool(allowed) => Ok(Setting::ApiKeyInQuery(*allowed)),
        other => Err(wrong("api_key_in_query", other, "`true` or `false`")),
    }),
];

fn zone_of(value: &Value) -> Result<Zone, ApiError> {
    match value {
        Value::String(name) => Zone::named(name).map_err(|error| refuse(format!("`zone`: {error}"))),
        other => Err(wrong("zone", other, "an IANA time zone, such as `Europe/Paris`")),
    }
}

fn activity_of(value: &Value) -> Result<ActivityRule, ApiError> {
    const MUST: &str = "`any`, or a list of event names";
    match value {
        Value::String(text) if text == "any" => Ok(ActivityRule::Any),
        Value::Array(_) => {
            let names: BTreeSet<_> = texts_of("activity", value.clone())?.into_iter().collect();
            if names.is_empty() || names.len() > ACTIVITY_NAMES_MAX {
                return Err(refuse(format!("`activity` must be `any`, or 1 to {ACTIVITY_NAMES_MAX} event names")));
            }
            for name in &names {
                check_name(name).map_err(|reason| refuse(format!("`activity`: {reason}")))?;
            }
            Ok(ActivityRule::Names(names))
        }
        other => Err(wrong("activity", other, MUST)),
    }
}

fn limit_of(name: &'static str, value: &Value) -> Result<u32, ApiError> {
    let limit = value.as_u64().filter(|limit| (1..=LIMIT_PER_HOUR_MAX).contains(limit));
    let limit = limit.and_then(|limit| u32::try_from(limit).ok());
    limit.ok_or_else(|| wrong(name, value, &format!("a whole number from 1 to {LIMIT_PER_HOUR_MAX}")))
}
