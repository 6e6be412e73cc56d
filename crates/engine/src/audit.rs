use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use dauphin_model::{Instant, ProfileKey, WorkspaceIndex};
use dauphin_store::{Batch, KeyRange, Store, Table};
use serde_json::{Map, Value, json};

use crate::record::{
    Malformed, audit_key, audit_last_key, audit_value, read_audit_key, read_audit_last, read_audit_value,
};
use crate::{IdentityChange, RestoreError};

/// Who changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Whoever may run commands on the data directory.
    CommandLine,
    /// Whoever holds this key.
    Key {
        /// The workspace that the key opens.
        workspace: WorkspaceIndex,
        /// The key's name.
        name: String,
    },
}

impl Actor {
    /// How the audit log names whoever runs commands; no key may be called so.
    pub const COMMAND_LINE: &str = "command line";

    /// How the audit log names them.
    pub fn name(&self) -> &str {
        match self {
            Self::CommandLine => Self::COMMAND_LINE,
            Self::Key { name, .. } => name,
        }
    }
}

/// What the audit log is to remember of a change, in the same commit.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// When.
    pub instant: Instant,
    /// Who.
    pub actor: Actor,
    /// What: a noun and a verb, such as `key.revoke`.
    pub action: &'static str,
    /// With what. Never a secret, never an identity in plain text.
    pub details: Map<String, Value>,
}

impl AuditEntry {
    /// Changes of who is who that an entry names; more are counted.
    pub const CHANGES_NAMED_MAX: usize = 1_000;

    /// An entry with these details; anything but an object is none.
    pub fn new(instant: Instant, actor: Actor, action: &'static str, details: Value) -> Self {
        let details = if let Value::Object(details) = details { details } else { Map::new() };
        Self { instant, actor, action, details }
    }

    /// An entry on changes of who is who, with each profile as the hash it is kept by.
    pub fn on_identities(instant: Instant, actor: Actor, action: &'static str, changes: &[IdentityChange]) -> Self {
        let named: Vec<_> = changes.iter().take(Self::CHANGES_NAMED_MAX).map(details_of).collect();
        let details = json!({"count": changes.len(), "changes": named});
        Self::new(instant, actor, action, details)
    }
}

impl AuditEntry {
    /// The entry on a change of `workspace`, as the store keeps it.
    pub fn to_bytes(&self, workspace: WorkspaceIndex) -> Vec<u8> {
        audit_value(workspace, self)
    }

    /// The workspaces whose logs have the entry: the one that was changed, and the one whose key changed it.
    pub fn logs(&self, workspace: WorkspaceIndex) -> BTreeSet<WorkspaceIndex> {
        let mut logs = BTreeSet::from([workspace]);
        if let Actor::Key { workspace, .. } = self.actor {
            logs.insert(workspace);
        }
        logs
    }
}

impl AuditRecord {
    /// Reads what [`AuditEntry::to_bytes`] wrote, as entry `sequence` of a log.
    pub fn read(sequence: u64, bytes: &[u8]) -> Result<Self, Malformed> {
        read_audit_value(sequence, bytes)
    }
}

fn details_of(change: &IdentityChange) -> Value {
    let hash = |profile: &ProfileKey| format!("{profile:?}");
    match change {
        IdentityChange::Link { profile, other } => {
            json!({"change": "link", "profile": hash(profile), "other": hash(other)})
        }
        IdentityChange::Claim { anonymous, user } => {
            json!({"change": "claim", "profile": hash(anonymous), "other": hash(user)})
        }
        IdentityChange::Unlink { profile } => json!({"change": "unlink", "profile": hash(profile)}),
        IdentityChange::Erase { profile } => json!({"change": "erase", "profile": hash(profile)}),
        IdentityChange::Exclude { profile } => json!({"change": "exclude", "profile": hash(profile)}),
        IdentityChange::Include { profile } => json!({"change": "include", "profile": hash(profile)}),
        IdentityChange::Rename { from, to } => {
            json!({"change": "rename", "profile": hash(from), "other": hash(to)})
        }
        IdentityChange::Replace { from, to } => {
            json!({"change": "replace", "profile": hash(from), "other": hash(to)})
        }
        IdentityChange::Remove { profile } => json!({"change": "remove", "profile": hash(profile)}),
    }
}

/// An entry of a workspace's audit log, read back.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRecord {
    /// Its number in the log that it was read from: from 1, without holes.
    pub sequence: u64,
    /// When, in whole seconds.
    pub instant: Instant,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// The workspace that was changed.
    pub workspace: WorkspaceIndex,
    /// With what.
    pub details: Map<String, Value>,
}

/// Which entries of a workspace's audit log to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditPage {
    /// Whose.
    pub workspace: WorkspaceIndex,
    /// Only entries with a lower number; `None`: the latest.
    pub before: Option<u64>,
    /// At most so many.
    pub length: u16,
}

impl AuditPage {
    /// Reads the entries, newest first.
    pub fn read(&self, store: &dyn Store) -> Result<Vec<AuditRecord>, RestoreError> {
        let malformed = |Malformed| RestoreError::Malformed(Table::Audit);
        let next = last_of(store, self.workspace)?.saturating_add(1);
        let end = self.before.map_or(next, |before| before.min(next));
        let start = end.saturating_sub(u64::from(self.length)).max(1);
        let keys = KeyRange::new(audit_key(self.workspace, start), audit_key(self.workspace, end));
        let mut records = Vec::new();
        store.scan(Table::Audit, &keys, &mut |key, value| {
            records.push(read_audit_key(key).and_then(|sequence| read_audit_value(sequence, value)));
            ControlFlow::Continue(())
        })?;
        records.into_iter().rev().collect::<Result<_, _>>().map_err(malformed)
    }
}

/// The number of the latest entry of a workspace; 0 when there is none.
fn last_of(store: &dyn Store, workspace: WorkspaceIndex) -> Result<u64, RestoreError> {
    let key = audit_last_key(workspace);
    let mut last = Ok(0);
    store.scan(Table::Audit, &KeyRange::new(key, audit_key(workspace, 0)), &mut |_, value| {
        last = read_audit_last(value);
        ControlFlow::Break(())
    })?;
    last.map_err(|Malformed| RestoreError::Malformed(Table::Audit))
}

/// Numbers the entries of each workspace as they are written.
pub(crate) struct AuditLog {
    last: BTreeMap<WorkspaceIndex, u64>,
}

impl AuditLog {
    /// Goes on where the store ends.
    pub fn read(store: &dyn Store, workspaces: impl Iterator<Item = WorkspaceIndex>) -> Result<Self, RestoreError> {
        let last = workspaces.map(|workspace| Ok((workspace, last_of(store, workspace)?)));
        Ok(Self { last: last.collect::<Result<_, RestoreError>>()? })
    }

    /// Without an entry yet.
    pub const fn empty() -> Self {
        Self { last: BTreeMap::new() }
    }

    /// Writes an entry on a change of `workspace` to its log, and to that of the workspace whose key changed it.
    pub fn put(&mut self, workspace: WorkspaceIndex, entry: &AuditEntry, batch: &mut Batch) {
        let value = entry.to_bytes(workspace);
        for log in entry.logs(workspace) {
            let last = self.last.entry(log).or_default();
            *last += 1;
            batch.put(Table::Audit, audit_key(log, *last), value.as_slice());
            batch.put(Table::Audit, audit_last_key(log), last.to_le_bytes());
        }
    }
}
