use dauphin_api::ApiError;
use dauphin_engine::AuditPage;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::asked::{Asked, wrong};
use super::{Administration, success};

/// Most entries in one answer.
const LENGTH_MAX: u16 = 100;

/// `{"length"?,"before"?}` → `{"entries":[{"sequence","time","actor","action","workspace","details"}]}`, newest first.
pub fn list(administration: &Administration<'_>, mut asked: Asked) -> Result<Vec<u8>, ApiError> {
    #[derive(Serialize)]
    struct Answer<'a> {
        entries: Vec<Entry<'a>>,
    }
    #[derive(Serialize)]
    struct Entry<'a> {
        sequence: u64,
        time: String,
        actor: String,
        action: String,
        workspace: &'a str,
        details: Map<String, Value>,
    }
    let length = asked.number("length")?;
    let before = asked.number("before")?;
    let length = match length {
        None => LENGTH_MAX,
        Some(length) => u16::try_from(length)
            .ok()
            .filter(|length| (1..=LENGTH_MAX).contains(length))
            .ok_or_else(|| wrong("length", &json!(length), &format!("a whole number from 1 to {LENGTH_MAX}")))?,
    };
    let page = AuditPage { workspace: administration.workspace.index, before, length };
    let catalog = administration.catalog();
    let entries = administration.audit(page)?.into_iter().map(|record| Entry {
        sequence: record.sequence,
        time: record.instant.to_string(),
        actor: record.actor,
        action: record.action,
        workspace: catalog.workspace(record.workspace).map_or("", |workspace| &workspace.name),
        details: record.details,
    });
    success(&Answer { entries: entries.collect() })
}
