use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use dauphin_engine::{
    AuditEntry, AuditPage, AuditRecord, Catalog, CatalogEdit, CatalogError, Engine, EngineError, RestoreError, Settings,
};
use dauphin_model::{WorkspaceIndex, Zone};
use dauphin_store::kafka::{KafkaOptions, MessageKey};
use dauphin_store::{Batch, Change, MemoryDisk, MemoryStore, Store, StoreError, Table};
use rdkafka::Message as _;
use rdkafka::Offset;
use rdkafka::error::KafkaError;

use crate::ClusterError;
use crate::client::{Follows, assigned, random};

mod writer;

use writer::{Appender, MetaWriter, Written};

/// What all nodes share: the secret, the catalog, the audit log. One topic with one partition, which all nodes follow.
///
/// Who changes the catalog takes the right to write it from everybody else, reads to the end, decides, and writes; if
/// somebody takes it meanwhile, nothing is written and it begins again. So each change is decided on all before it.
pub(crate) struct Meta {
    options: KafkaOptions,
    followed: Mutex<Followed>,
    moved: Condvar,
    catalog: ArcSwapOption<Catalog>,
    writer: Mutex<Option<MetaWriter>>,
    /// One that failed is not kept.
    appender: Mutex<Option<Arc<Appender>>>,
}

struct Followed {
    /// The records of the catalog.
    store: MemoryStore,
    audit: BTreeMap<WorkspaceIndex, Vec<Vec<u8>>>,
    /// Workspaces whose zone is fixed, because data came in.
    zones_fixed: BTreeSet<WorkspaceIndex>,
    /// Everything before this offset was read.
    next_offset: i64,
    caught_up: bool,
}

/// The key, in the table of sources, of the format in which everything in the topics is written, and the one known here.
const FORMAT_KEY: &[u8] = b"format";
const FORMAT: &[u8] = &[1];

/// How often a change is tried when others change something at the same time.
const TRIES: usize = 20;
/// How long is waited to read what was written.
const READ_MAX: Duration = Duration::from_secs(30);

/// Entries of the audit log that are written together.
const AUDIT_MESSAGES_MAX: usize = 1000;

/// The key, in the table of sources, of a workspace whose zone is fixed: this, and its number.
const ZONE_FIXED: &[u8] = b"zone";

impl Meta {
    pub fn new(options: KafkaOptions) -> Self {
        let followed = Followed {
            store: MemoryStore::open(&MemoryDisk::new()),
            audit: BTreeMap::new(),
            zones_fixed: BTreeSet::new(),
            next_offset: 0,
            caught_up: false,
        };
        Self {
            options,
            followed: Mutex::new(followed),
            moved: Condvar::new(),
            catalog: ArcSwapOption::empty(),
            writer: Mutex::default(),
            appender: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Followed> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is set up, if anything is.
    pub fn catalog(&self) -> Option<Arc<Catalog>> {
        self.catalog.load_full()
    }

    /// Follows the topic until told to stop.
    pub fn follow(&self, stopped: &dyn Fn() -> bool) -> Result<(), ClusterError> {
        let topic = self.options.meta_topic();
        let consumer = assigned(&self.options.reader(), &topic, std::iter::once((0, Offset::Beginning)))?;
        while !stopped() {
            self.read_some(&consumer)?;
        }
        Ok(())
    }

    fn read_some(&self, consumer: &Follows) -> Result<(), ClusterError> {
        let message = match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => message,
            Some(Err(KafkaError::PartitionEOF(_))) => {
                let mut followed = self.lock();
                followed.caught_up = true;
                self.publish(&followed)?;
                self.moved.notify_all();
                return Ok(());
            }
            Some(Err(error)) => {
                tracing::warn!("following what nodes share: {error}");
                return Ok(());
            }
            None => return Ok(()),
        };
        let mut followed = self.lock();
        followed.next_offset = message.offset() + 1;
        let value = message.payload();
        match message.key().and_then(MessageKey::decode) {
            Some(MessageKey::Record { table: Table::Catalog, key }) => {
                let mut batch = Batch::new();
                match value {
                    Some(value) => batch.put(Table::Catalog, key, value),
                    None => batch.remove(Table::Catalog, key),
                }
                followed.store.commit(batch)?;
            }
            Some(MessageKey::Record { table: Table::Audit, key }) => {
                if let (Some(log), Some(value)) = (key.first_chunk(), value) {
                    let log = WorkspaceIndex(u32::from_be_bytes(*log));
                    followed.audit.entry(log).or_default().push(value.to_vec());
                }
            }
            Some(MessageKey::Record { table: Table::Source, key: FORMAT_KEY }) if value != Some(FORMAT) => {
                let reason = "a later release of dauphin set it up; use that one".to_owned();
                return Err(ClusterError::Brokers { action: "read what nodes share", reason });
            }
            Some(MessageKey::Record { table: Table::Source, key }) => {
                if let Some(Some(workspace)) = key.strip_prefix(ZONE_FIXED).map(|rest| rest.first_chunk()) {
                    followed.zones_fixed.insert(WorkspaceIndex(u32::from_be_bytes(*workspace)));
                }
            }
            _ => {}
        }
        drop(followed);
        self.moved.notify_all();
        Ok(())
    }

    /// The records are those of whole changes when the end was reached.
    fn publish(&self, followed: &Followed) -> Result<(), ClusterError> {
        match Engine::read_catalog(&followed.store) {
            Ok(catalog) => self.catalog.store(Some(Arc::new(catalog))),
            Err(RestoreError::Empty) => {}
            Err(error) => {
                return Err(ClusterError::Brokers { action: "read what nodes share", reason: error.to_string() });
            }
        }
        Ok(())
    }

    /// Waits until everything that was there at the start was read.
    pub fn wait_caught_up(&self) -> Result<(), ClusterError> {
        let followed = self.lock();
        let (followed, _) = self
            .moved
            .wait_timeout_while(followed, READ_MAX, |followed| !followed.caught_up)
            .unwrap_or_else(PoisonError::into_inner);
        if followed.caught_up {
            return Ok(());
        }
        let reason = format!("`{}` says nothing of `{}`", self.options.brokers, self.options.meta_topic());
        Err(ClusterError::Brokers { action: "read what nodes share", reason })
    }

    /// Waits until the message at `offset` was read and shows.
    fn wait_for(&self, offset: i64) -> Result<(), EngineError> {
        let followed = self.lock();
        let (followed, _) = self
            .moved
            .wait_timeout_while(followed, READ_MAX, |followed| followed.next_offset <= offset)
            .unwrap_or_else(PoisonError::into_inner);
        if followed.next_offset <= offset {
            return Err(unavailable("what was written for all nodes did not come back"));
        }
        self.publish(&followed).map_err(|error| unavailable(&error.to_string()))
    }

    /// Changes the catalog, as the only one who does.
    pub fn edit(&self, edit: &CatalogEdit, audit: Option<&AuditEntry>) -> Result<Arc<Catalog>, EngineError> {
        self.decide(&mut || {
            let before = self.catalog().ok_or(EngineError::Closed)?;
            let (_, mut batch) = before.edited(edit)?;
            if let Some((workspace, zone)) = edit.new_zone()
                && let Some(of) = before.workspace(workspace)
                && of.zone.name() != zone.name()
                && self.lock().zones_fixed.contains(&workspace)
            {
                let (name, zone) = (of.name.clone(), of.zone.name().to_owned());
                return Err(CatalogError::ZoneFixed { name, zone }.into());
            }
            if let Some(entry) = audit {
                let made = WorkspaceIndex(u32::try_from(before.workspaces().len()).unwrap_or(u32::MAX));
                put_audit(edit.workspace(made), entry, &mut batch);
            }
            Ok(Some(batch))
        })?;
        self.catalog().ok_or(EngineError::Closed)
    }

    /// Adds to what is not set up yet.
    fn found(&self, batch: &Batch) -> Result<(), EngineError> {
        self.decide(&mut || {
            if self.catalog().is_some() {
                return Err(unavailable("a cluster is set up already"));
            }
            let mut batch = batch.clone();
            batch.put(Table::Source, FORMAT_KEY, FORMAT);
            Ok(Some(batch))
        })
    }

    /// Sets up what a data directory has, where nothing is set up: some messages at a time the audit log, and in the end,
    /// at once, what is set up, with the workspaces whose zones are fixed.
    pub fn import(&self, settings: &Settings, zones_fixed: &[WorkspaceIndex]) -> Result<(), EngineError> {
        let entries = settings.audit.iter().flat_map(|(log, entries)| entries.iter().map(|entry| (*log, entry)));
        let entries: Vec<_> = entries.collect();
        for some in entries.chunks(AUDIT_MESSAGES_MAX) {
            let mut batch = Batch::new();
            some.iter().for_each(|(log, entry)| batch.put(Table::Audit, audit_key(*log), entry.as_slice()));
            self.found(&batch)?;
        }
        let mut batch = Batch::new();
        for (key, value) in &settings.catalog {
            batch.put(Table::Catalog, key.as_slice(), value.as_slice());
        }
        zones_fixed.iter().for_each(|workspace| batch.put(Table::Source, zone_fixed_key(*workspace), Vec::new()));
        self.found(&batch)
    }

    /// Everything that belongs to the whole cluster, as a store keeps it.
    pub fn settings(&self) -> Result<Settings, ClusterError> {
        let followed = self.lock();
        let catalog = Settings::read(&followed.store)?.catalog;
        Ok(Settings { catalog, audit: followed.audit.clone() })
    }

    /// Fixes the zone of a workspace, in which `zone` (`None`: whichever there is) is about to cut days.
    pub fn fix_zone(&self, workspace: WorkspaceIndex, zone: Option<&Zone>) -> Result<(), EngineError> {
        let is_fixed = |meta: &Self| meta.lock().zones_fixed.contains(&workspace);
        if !is_fixed(self) {
            self.decide(&mut || {
                if is_fixed(self) {
                    return Ok(None);
                }
                let mut batch = Batch::new();
                batch.put(Table::Source, zone_fixed_key(workspace), Vec::new());
                Ok(Some(batch))
            })?;
        }
        let catalog = self.catalog().ok_or(EngineError::Closed)?;
        let now = catalog.workspace(workspace).map(|workspace| workspace.zone.name());
        if zone.is_some_and(|zone| Some(zone.name()) != now) { Err(EngineError::ZoneChanged) } else { Ok(()) }
    }

    /// Adds an entry to the audit log; it is there when this answers.
    pub fn note(&self, workspace: WorkspaceIndex, entry: &AuditEntry) -> Result<(), EngineError> {
        let mut batch = Batch::new();
        put_audit(workspace, entry, &mut batch);
        let kept = || self.appender.lock().unwrap_or_else(PoisonError::into_inner);
        let appender = match &mut *kept() {
            Some(appender) => Arc::clone(appender),
            none => {
                let appender = Appender::open(&self.options).map_err(|error| unavailable(&error))?;
                Arc::clone(none.insert(Arc::new(appender)))
            }
        };
        match appender.append(batch) {
            Ok(offset) => self.wait_for(offset),
            Err(error) => {
                *kept() = None;
                Err(unavailable(&error))
            }
        }
    }

    /// Reads a page of a workspace's audit log, newest entry first.
    pub fn audit(&self, page: AuditPage) -> Result<Vec<AuditRecord>, EngineError> {
        let followed = self.lock();
        let entries = followed.audit.get(&page.workspace).map_or(&[][..], Vec::as_slice);
        let before =
            page.before.map_or(usize::MAX, |before| usize::try_from(before.saturating_sub(1)).unwrap_or(usize::MAX));
        let end = entries.len().min(before);
        let start = end.saturating_sub(usize::from(page.length));
        let numbered = (start..end).rev().map(|place| (place as u64 + 1, &entries[place]));
        let records = numbered.map(|(sequence, bytes)| AuditRecord::read(sequence, bytes));
        records.collect::<Result<_, _>>().map_err(|_| unavailable("an entry of the audit log is damaged"))
    }

    /// Decides, as the only one, what to write; again if somebody else decided meanwhile.
    fn decide(&self, decision: &mut dyn FnMut() -> Result<Option<Batch>, EngineError>) -> Result<(), EngineError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut last = String::new();
        for attempt in 0..TRIES {
            if attempt > 0 {
                // So that two do not take it from each other for ever.
                let millis = u64::try_from(random() % 200).unwrap_or(0);
                std::thread::sleep(Duration::from_millis(millis));
            }
            let open = match writer.take() {
                Some(open) => open,
                None => match MetaWriter::open(&self.options) {
                    Ok((open, mark)) => {
                        self.wait_for(mark)?;
                        open
                    }
                    Err(error) => {
                        last = error;
                        continue;
                    }
                },
            };
            let Some(batch) = decision()? else { return Ok(()) };
            match open.write(batch) {
                Ok(Written { last }) => {
                    *writer = Some(open);
                    return self.wait_for(last);
                }
                Err(error) => last = error,
            }
        }
        Err(unavailable(&format!("what all nodes share cannot be changed now: {last}")))
    }
}

/// The key of a new entry of a log. Its place follows from when it was written.
fn audit_key(log: WorkspaceIndex) -> Vec<u8> {
    [&log.0.to_be_bytes()[..], &random().to_be_bytes()].concat()
}

fn zone_fixed_key(workspace: WorkspaceIndex) -> Vec<u8> {
    [ZONE_FIXED, &workspace.0.to_be_bytes()].concat()
}

fn put_audit(workspace: WorkspaceIndex, entry: &AuditEntry, batch: &mut Batch) {
    let value = entry.to_bytes(workspace);
    for log in entry.logs(workspace) {
        batch.put(Table::Audit, audit_key(log), value.as_slice());
    }
}

pub(crate) fn unavailable(reason: &str) -> EngineError {
    EngineError::Unavailable(reason.into())
}

/// Key, and value or nothing.
type Message = (Vec<u8>, Option<Vec<u8>>);

/// The changes of a batch as messages.
fn messages(batch: Batch) -> Result<Vec<Message>, StoreError> {
    let message = |change| match change {
        Change::Put { table, key, value } => Some((MessageKey::Record { table, key: &key }.encode(), Some(value))),
        Change::Remove { table, key } => Some((MessageKey::Record { table, key: &key }.encode(), None)),
        Change::RemoveRange { .. } => None,
    };
    let count = batch.change_count();
    let messages: Vec<_> = batch.into_changes().into_iter().filter_map(message).collect();
    if messages.len() == count { Ok(messages) } else { Err(StoreError::Failed) }
}
