use dauphin_model::{Instant, WorkspaceIndex};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Malformed;
use crate::{AuditEntry, AuditRecord};

/// `[log: u32][sequence: u64]`, big-endian; `[log: u32]` alone sorts before its entries and holds the last sequence.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryRecord {
    seconds: i64,
    actor: String,
    action: String,
    workspace: u32,
    details: Map<String, Value>,
}

/// Where the number of a log's latest entry stands.
pub fn audit_last_key(log: WorkspaceIndex) -> [u8; 4] {
    log.0.to_be_bytes()
}

/// The number of a log's latest entry.
pub fn read_audit_last(value: &[u8]) -> Result<u64, Malformed> {
    Ok(u64::from_le_bytes(value.try_into().map_err(|_| Malformed)?))
}

/// Where an entry of a workspace's log stands.
pub fn audit_key(log: WorkspaceIndex, sequence: u64) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&log.0.to_be_bytes());
    key[4..].copy_from_slice(&sequence.to_be_bytes());
    key
}

/// The number of the entry with this key.
pub fn read_audit_key(key: &[u8]) -> Result<u64, Malformed> {
    match key.split_at_checked(4) {
        Some((_, sequence)) => Ok(u64::from_be_bytes(sequence.try_into().map_err(|_| Malformed)?)),
        None => Err(Malformed),
    }
}

/// An entry on a change of `workspace`.
pub fn audit_value(workspace: WorkspaceIndex, entry: &AuditEntry) -> Vec<u8> {
    let record = EntryRecord {
        seconds: entry.instant.seconds(),
        actor: entry.actor.name().to_owned(),
        action: entry.action.to_owned(),
        workspace: workspace.0,
        details: entry.details.clone(),
    };
    serde_json::to_vec(&record).expect("strings, numbers and maps of them have JSON")
}

/// The entry with this number.
pub fn read_audit_value(sequence: u64, value: &[u8]) -> Result<AuditRecord, Malformed> {
    let record: EntryRecord = serde_json::from_slice(value).map_err(|_| Malformed)?;
    Ok(AuditRecord {
        sequence,
        instant: Instant::new(record.seconds, 0).ok_or(Malformed)?,
        actor: record.actor,
        action: record.action,
        workspace: WorkspaceIndex(record.workspace),
        details: record.details,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Actor;

    #[test]
    fn golden_bytes() {
        let instant = Instant::new(1_530_230_399, 5).unwrap();
        let actor = Actor::Key { workspace: WorkspaceIndex(0), name: "ops".into() };
        let entry = AuditEntry::new(instant, actor, "key.revoke", json!({"number": 3}));
        let value = audit_value(WorkspaceIndex(1), &entry);
        let golden =
            r#"{"seconds":1530230399,"actor":"ops","action":"key.revoke","workspace":1,"details":{"number":3}}"#;
        assert_eq!(std::str::from_utf8(&value), Ok(golden));
        let read = read_audit_value(7, &value).unwrap();
        assert_eq!((read.sequence, read.instant.to_string()), (7, "2018-06-28T23:59:59Z".to_owned()));
        assert_eq!((read.actor.as_str(), read.action.as_str()), ("ops", "key.revoke"));
        assert_eq!((read.workspace, Value::Object(read.details)), (WorkspaceIndex(1), json!({"number": 3})));

        assert_eq!(audit_last_key(WorkspaceIndex(258)), [0, 0, 1, 2]);
        assert_eq!(audit_key(WorkspaceIndex(258), 259), [0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 1, 3]);
        assert_eq!(read_audit_key(&audit_key(WorkspaceIndex(258), 259)), Ok(259));
        assert_eq!(read_audit_last(&[3, 1, 0, 0, 0, 0, 0, 0]), Ok(259));
    }

    #[test]
    fn malformed_records_are_refused() {
        for (value, why) in [
            ("", "nothing"),
            ("{}", "fields are missing"),
            (r#"{"seconds":1,"actor":"a","action":"b","workspace":0,"details":{},"x":1}"#, "an unknown field"),
            (r#"{"seconds":1,"actor":"a","action":"b","workspace":-1,"details":{}}"#, "no workspace"),
            (r#"{"seconds":9e18,"actor":"a","action":"b","workspace":0,"details":{}}"#, "no time"),
            (r#"{"seconds":9000000000000000,"actor":"a","action":"b","workspace":0,"details":{}}"#, "beyond time"),
        ] {
            assert_eq!(read_audit_value(1, value.as_bytes()), Err(Malformed), "{why}");
        }
        assert_eq!(read_audit_key(&[0; 4]), Err(Malformed));
        assert_eq!(read_audit_key(&[0; 13]), Err(Malformed));
        assert_eq!(read_audit_last(&[0; 7]), Err(Malformed));
    }
}
