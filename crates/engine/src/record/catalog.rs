use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use dauphin_model::limits::SHARD_COUNT;
use dauphin_model::{AppId, IdentitySecret, WorkspaceIndex, Zone};
use dauphin_store::{Batch, KeyRange, Store, StoreError, Table};
use serde::{Deserialize, Serialize};

use super::Malformed;
use crate::{ActivityRule, ApiKey, App, Catalog, CatalogEdit, Setting, Workspace};

/// Key of the identity secret; its value is the 16 bytes.
const SECRET_KEY: &[u8] = b"secret";
/// `w[workspace: u32]`, `a[workspace: u32][app: u32]`, `k[workspace: u32][key: u32]`, numbers big-endian; values are
/// JSON. `a` sorts before `k` before `w`, so a reader takes workspaces first.
const WORKSPACE: u8 = b'w';
const APP: u8 = b'a';
const KEY: u8 = b'k';

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WorkspaceRecord {
    name: String,
    zone: String,
    rate_limit_per_hour: u32,
    api_key_in_query: bool,
    shard_count: u8,
    /// Names of the events that make a user active; absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    activity: Option<BTreeSet<String>>,
    /// Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ingest_limit_per_hour: Option<u32>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AppRecord {
    app_id: String,
    name: String,
    write_key: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyRecord {
    sha256: String,
    name: String,
    permissions: Vec<String>,
    allowed_addresses: Vec<String>,
    revoked: bool,
}

/// Puts the identity secret of a new store.
pub fn put_secret(secret: &IdentitySecret, batch: &mut Batch) {
    batch.put(Table::Catalog, SECRET_KEY, secret.bytes().to_vec());
}

/// Puts the records that `edit` made or changed; `catalog` has them already.
pub fn put_edit(catalog: &Catalog, edit: &CatalogEdit, batch: &mut Batch) {
    match edit {
        CatalogEdit::AddWorkspace { .. } => put_workspace(catalog.workspaces().last(), batch),
        CatalogEdit::AddWorkspaceWithKey { .. } => {
            let made = catalog.workspaces().last();
            put_workspace(made, batch);
            put_key(made, 0, batch);
        }
        CatalogEdit::SetWorkspace { workspace, .. } => put_workspace(catalog.workspace(*workspace), batch),
        CatalogEdit::AddApp { workspace, .. } => {
            let workspace = catalog.workspace(*workspace);
            put_app(workspace, workspace.map_or(0, |workspace| workspace.apps().len() - 1), batch);
        }
        CatalogEdit::RenameApp { workspace, app, .. } | CatalogEdit::RotateApp { workspace, app, .. } => {
            put_app(catalog.workspace(*workspace), usize::from(app.get()), batch);
        }
        CatalogEdit::AddKey { workspace, .. } => {
            let workspace = catalog.workspace(*workspace);
            put_key(workspace, workspace.map_or(0, |workspace| workspace.keys().len() - 1), batch);
        }
        CatalogEdit::RevokeKey { workspace, key } => put_key(catalog.workspace(*workspace), key.0 as usize, batch),
    }
}

/// An edit that was made changed something that is there.
const MADE: &str = "the edit was made";

fn put_workspace(workspace: Option<&Arc<Workspace>>, batch: &mut Batch) {
    let workspace = workspace.expect(MADE);
    let record = WorkspaceRecord {
        name: workspace.name.clone(),
        zone: workspace.zone.name().to_owned(),
        rate_limit_per_hour: workspace.rate_limit_per_hour,
        api_key_in_query: workspace.api_key_in_query,
        shard_count: SHARD_COUNT,
        activity: match &workspace.activity {
            ActivityRule::Any => None,
            ActivityRule::Names(names) => Some(names.clone()),
        },
        ingest_limit_per_hour: workspace.ingest_limit_per_hour,
    };
    batch.put(Table::Catalog, [&[WORKSPACE], &workspace.index.0.to_be_bytes()[..]].concat(), json(&record));
}

fn put_app(workspace: Option<&Arc<Workspace>>, app: usize, batch: &mut Batch) {
    let workspace = workspace.expect(MADE);
    let App { id, name, write_key } = &workspace.apps()[app];
    let record = AppRecord { app_id: id.as_str().to_owned(), name: name.clone(), write_key: write_key.clone() };
    batch.put(Table::Catalog, key_of(APP, workspace, app), json(&record));
}

fn put_key(workspace: Option<&Arc<Workspace>>, key: usize, batch: &mut Batch) {
    let workspace = workspace.expect(MADE);
    let ApiKey { hash, name, permissions, allowed_addresses, revoked } = &*workspace.keys()[key];
    let record = KeyRecord {
        sha256: hex(hash),
        name: name.clone(),
        permissions: permissions.clone(),
        allowed_addresses: allowed_addresses.clone(),
        revoked: *revoked,
    };
    batch.put(Table::Catalog, key_of(KEY, workspace, key), json(&record));
}

fn key_of(kind: u8, workspace: &Workspace, number: usize) -> Vec<u8> {
    let number = u32::try_from(number).expect("the catalog is bounded");
    [&[kind], &workspace.index.0.to_be_bytes()[..], &number.to_be_bytes()].concat()
}

fn json(record: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(record).expect("strings, numbers and booleans have JSON")
}

/// Reads the whole catalog; `None` when the store has none.
pub fn read_catalog(store: &dyn Store) -> Result<Result<Option<Catalog>, Malformed>, StoreError> {
    let mut records = Vec::new();
    store.scan(Table::Catalog, &KeyRange::all(), &mut |key, value| {
        records.push((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    })?;
    Ok(build(&records))
}

fn build(records: &[(Vec<u8>, Vec<u8>)]) -> Result<Option<Catalog>, Malformed> {
    let Some((_, secret)) = records.iter().find(|(key, _)| key == SECRET_KEY) else {
        return if records.is_empty() { Ok(None) } else { Err(Malformed) };
    };
    let secret = IdentitySecret::new(secret.as_slice().try_into().map_err(|_| Malformed)?);
    let mut catalog = Catalog::new(secret);
    for kind in [WORKSPACE, APP, KEY] {
        for (key, value) in records.iter().filter(|(key, _)| key[0] == kind && key != SECRET_KEY) {
            for edit in read_edits(kind, &key[1..], value)? {
                catalog = catalog.with(&edit).map_err(|_| Malformed)?;
            }
        }
    }
    Ok(Some(catalog))
}

/// The edits that make what a record holds.
fn read_edits(kind: u8, key: &[u8], value: &[u8]) -> Result<Vec<CatalogEdit>, Malformed> {
    let workspace = || -> Result<_, Malformed> {
        let number = key.first_chunk().ok_or(Malformed)?;
        Ok(WorkspaceIndex(u32::from_be_bytes(*number)))
    };
    match kind {
        WORKSPACE => {
            let record: WorkspaceRecord = from_json(value)?;
            if record.shard_count != SHARD_COUNT {
                return Err(Malformed);
            }
            let add = CatalogEdit::AddWorkspace {
                name: record.name,
                zone: Zone::named(&record.zone).map_err(|_| Malformed)?,
                rate_limit_per_hour: record.rate_limit_per_hour,
                api_key_in_query: record.api_key_in_query,
            };
            let settings = vec![
                Setting::Activity(record.activity.map_or(ActivityRule::Any, ActivityRule::Names)),
                Setting::IngestLimitPerHour(record.ingest_limit_per_hour),
            ];
            Ok(vec![add, CatalogEdit::SetWorkspace { workspace: workspace()?, settings }])
        }
        APP => {
            let record: AppRecord = from_json(value)?;
            let id = AppId::new(&record.app_id).map_err(|_| Malformed)?;
            let app = App { id, name: record.name, write_key: record.write_key };
            Ok(vec![CatalogEdit::AddApp { workspace: workspace()?, app }])
        }
        _ => {
            let record: KeyRecord = from_json(value)?;
            let key = ApiKey {
                hash: hash_from_hex(&record.sha256)?,
                name: record.name,
                permissions: record.permissions,
                allowed_addresses: record.allowed_addresses,
                revoked: record.revoked,
            };
            Ok(vec![CatalogEdit::AddKey { workspace: workspace()?, key }])
        }
    }
}

fn from_json<'a, T: Deserialize<'a>>(value: &'a [u8]) -> Result<T, Malformed> {
    serde_json::from_slice(value).map_err(|_| Malformed)
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).expect("four bits");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn hash_from_hex(text: &str) -> Result<[u8; 32], Malformed> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return Err(Malformed);
    }
    for (index, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).map_err(|_| Malformed)?;
    }
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use dauphin_store::MemoryStore;

    use super::*;

    #[test]
    fn a_catalog_comes_back_and_its_bytes_are_pinned() {
        let mut store = MemoryStore::open(&dauphin_store::MemoryDisk::new());
        assert!(read_catalog(&store).unwrap().unwrap().is_none());
        let mut catalog = Catalog::new(IdentitySecret::new([7; 16]));
        let workspace = WorkspaceIndex(0);
        let app = App { id: AppId::new("cargo").unwrap(), name: "Cargo".into(), write_key: "wk".into() };
        let key = ApiKey {
            hash: [0xab; 32],
            name: "first".into(),
            permissions: vec!["*".into()],
            allowed_addresses: vec![],
            revoked: false,
        };
        let mut batch = Batch::new();
        put_secret(&catalog.secret, &mut batch);
        for edit in [
            CatalogEdit::AddWorkspace {
                name: "main".into(),
                zone: Zone::named("Asia/Kolkata").unwrap(),
                rate_limit_per_hour: 250_000,
                api_key_in_query: true,
            },
            CatalogEdit::AddApp { workspace, app: app.clone() },
            CatalogEdit::AddKey { workspace, key: key.clone() },
        ] {
            catalog = catalog.with(&edit).unwrap();
            put_edit(&catalog, &edit, &mut batch);
        }
        store.commit(batch).unwrap();
        let read = read_catalog(&store).unwrap().unwrap().unwrap();
        assert_eq!(read.secret.bytes(), &[7; 16]);
        let main = read.workspace_named("main").unwrap();
        assert_eq!((main.zone.name(), main.apps(), main.keys()), ("Asia/Kolkata", &[app][..], &[Arc::new(key)][..]));

        let mut golden = Vec::new();
        store
            .scan(Table::Catalog, &KeyRange::all(), &mut |key, value| {
                golden.push((key.to_vec(), String::from_utf8_lossy(value).into_owned()));
                ControlFlow::Continue(())
            })
            .unwrap();
        let hash = "ab".repeat(32);
        assert_eq!(golden, [
            (b"a\0\0\0\0\0\0\0\0".to_vec(), r#"{"app_id":"cargo","name":"Cargo","write_key":"wk"}"#.to_owned()),
            (
                b"k\0\0\0\0\0\0\0\0".to_vec(),
                format!(
                    r#"{{"sha256":"{hash}","name":"first","permissions":["*"],"allowed_addresses":[],"revoked":false}}"#
                )
            ),
            (b"secret".to_vec(), "\u{7}".repeat(16)),
            (
                b"w\0\0\0\0".to_vec(),
                r#"{"name":"main","zone":"Asia/Kolkata","rate_limit_per_hour":250000,"api_key_in_query":true,"shard_count":16}"#
                    .to_owned()
            ),
        ]);
    }

    #[test]
    fn settings_come_back_and_a_record_without_them_is_read() {
        let workspace = WorkspaceIndex(0);
        let add = CatalogEdit::AddWorkspace {
            name: "main".into(),
            zone: Zone::utc(),
            rate_limit_per_hour: 5,
            api_key_in_query: true,
        };
        let names = ["b".to_owned(), "a".to_owned()].into();
        let settings = vec![
            Setting::Activity(ActivityRule::Names(names)),
            Setting::IngestLimitPerHour(Some(7)),
            Setting::ApiKeyInQuery(false),
        ];
        let plain = Catalog::new(IdentitySecret::new([7; 16])).with(&add).unwrap();
        let edit = CatalogEdit::SetWorkspace { workspace, settings };
        let catalog = plain.with(&edit).unwrap();
        let mut batch = Batch::new();
        put_edit(&catalog, &edit, &mut batch);
        let [dauphin_store::Change::Put { key, value, .. }] = batch.changes() else { panic!("one record") };
        let golden = r#"{"name":"main","zone":"UTC","rate_limit_per_hour":5,"api_key_in_query":false,"shard_count":16,"activity":["a","b"],"ingest_limit_per_hour":7}"#;
        assert_eq!((key.as_slice(), std::str::from_utf8(value)), (&b"w\0\0\0\0"[..], Ok(golden)));

        let secret = (SECRET_KEY.to_vec(), vec![0; 16]);
        let read = |value: &[u8]| {
            let read = build(&[secret.clone(), (key.clone(), value.to_vec())]).unwrap().unwrap();
            let found = read.workspace(workspace).unwrap();
            (found.activity.clone(), found.ingest_limit_per_hour, found.api_key_in_query)
        };
        let set = catalog.workspace(workspace).unwrap();
        assert_eq!(read(value), (set.activity.clone(), Some(7), false));
        let older = r#"{"name":"main","zone":"UTC","rate_limit_per_hour":5,"api_key_in_query":true,"shard_count":16}"#;
        assert_eq!(read(older.as_bytes()), (ActivityRule::Any, None, true));
    }

    #[test]
    fn malformed_catalogs_are_refused() {
        let secret = (SECRET_KEY.to_vec(), vec![0; 16]);
        for (records, why) in [
            (vec![(b"w\0\0\0\0".to_vec(), b"{}".to_vec())], "no secret"),
            (vec![(SECRET_KEY.to_vec(), vec![0; 15])], "a short secret"),
            (vec![secret.clone(), (b"w\0\0\0\0".to_vec(), b"{}".to_vec())], "fields are missing"),
            (
                vec![
                    secret.clone(),
                    (b"a\0\0\0\0\0\0\0\0".to_vec(), br#"{"app_id":"x","name":"","write_key":""}"#.to_vec()),
                ],
                "an app of no workspace",
            ),
        ] {
            assert!(build(&records).is_err(), "{why}");
        }
        assert!(build(&[secret]).unwrap().is_some());
        assert!(hash_from_hex("é").is_err());
    }
}
