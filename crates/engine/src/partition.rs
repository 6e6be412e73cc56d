mod sweep;

use std::collections::{BTreeMap, VecDeque};

use dauphin_core::{Change, Effect, Folded, Ledger, Message, Partition, Routes, Shard, Stamp};
use dauphin_model::limits::SHARD_COUNT;
use dauphin_model::{Instant, WorkspaceIndex};
use dauphin_store::{Batch, KeyRange, Store, Table};

use crate::record::{
    Envelope, LogRecord, Malformed, PROGRESS_KEY, Progress, Reply, RouteRecord, Trace, forward_value, identity_key,
    identity_value, log_key, read_route, route_key, route_value, row_key,
};
use crate::restore::each_record;
use crate::row_sums::RowSums;
use crate::{Catalog, RestoreError, Restored};
pub(crate) use sweep::Sweep;

/// One partition of a cluster: what is restored from its store, and what becomes of the messages in its log.
///
/// It folds one message after another, and gives everything that they led to since the last time as one [`Batch`]. What a
/// batch says is true only when it is committed: if that fails the partition is dropped and restored again.
pub struct PartitionEngine {
    number: u16,
    count: u16,
    options: PartitionOptions,
    workspaces: BTreeMap<WorkspaceIndex, Partition>,
    ledgers: Vec<Ledger>,
    next_sequence: u64,
    /// Log records in the store: sequence and size.
    log: VecDeque<(u64, usize)>,
    progress: Progress,
    sweep: Option<Sweep>,
    group: Group,
}

/// How a partition is kept.
#[derive(Clone, Copy, Debug)]
pub struct PartitionOptions {
    /// The log is folded into pages when it reaches this size, or a quarter of the state's size if that is more.
    pub log_bytes_min: usize,
    /// Bytes of memory that it may take when it is restored.
    pub state_bytes_max: usize,
}

/// What came of the messages since the last batch.
#[derive(Default)]
struct Group {
    record: LogRecord,
    rows: RowSums,
    batch: Batch,
    has_messages: bool,
}

/// What a message held, for metrics.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct MessageCounts {
    /// Events.
    pub events: u64,
    /// User-days that were not known before.
    pub new_user_days: u64,
}

/// The log grows to the state divided by this: to more than on one machine, because pages go over the network to every
/// broker that keeps a copy.
const LOG_SHARE: usize = 4;

impl PartitionEngine {
    /// Reads partition `number` of `count` from its store.
    pub fn restore(
        store: &dyn Store,
        catalog: &Catalog,
        (number, count): (u16, u16),
        options: PartitionOptions,
    ) -> Result<Self, RestoreError> {
        let restored = Restored::read_part(catalog, store, 1, options.state_bytes_max)?;
        let mut routes = BTreeMap::<WorkspaceIndex, Routes>::new();
        each_record(store, Table::Route, &KeyRange::all(), &mut |key, value| {
            let (workspace, profile, record) = read_route(key, value)?;
            let routes = routes.entry(workspace).or_default();
            match record {
                RouteRecord::Route(route) => routes.restore_route(profile, route),
                RouteRecord::Forward(forward) => routes.restore_forward(profile, forward),
            }
            Ok(())
        })?;
        let mut shards = restored.shards;
        let mut take = |workspace, number| -> Shard { shards.remove(&(workspace, number)).unwrap_or_default() };
        let workspaces = restored.rows.catalog.workspaces().iter().map(|workspace| {
            let index = workspace.index;
            let mut numbers = 0..SHARD_COUNT;
            let shards = std::array::from_fn(|_| take(index, numbers.next().expect("there are as many")));
            (index, Partition::restored(number, count, shards, routes.remove(&index).unwrap_or_default()))
        });
        Ok(Self {
            number,
            count,
            options,
            workspaces: workspaces.collect(),
            ledgers: restored.rows.ledgers,
            next_sequence: restored.next_sequence,
            log: restored.rows.log,
            progress: restored.rows.progress,
            sweep: None,
            group: Group::default(),
        })
    }

    /// Which partition it is.
    pub const fn number(&self) -> u16 {
        self.number
    }

    /// How far it is.
    pub const fn progress(&self) -> Progress {
        self.progress
    }

    /// Profiles that live here, and the bytes of memory of everything.
    pub fn sizes(&self) -> (usize, usize) {
        let shards = self.workspaces.values().flat_map(Partition::shards);
        let sizes = shards.fold((0, 0), |sum, shard| (sum.0 + shard.profile_count(), sum.1 + shard.byte_count()));
        let routes: usize = self.workspaces.values().map(|partition| partition.routes().byte_count()).sum();
        let rows: usize = self.ledgers.iter().map(Ledger::byte_count).sum();
        (sizes.0, sizes.1 + routes + rows)
    }

    /// About the bytes that the next batch has.
    pub fn batch_byte_count(&self) -> usize {
        self.group.record.byte_count() + self.group.batch.byte_count() + self.group.rows.change_count() * 4
    }

    /// Folds the message at `offset` of the log, sent at `sent`. Bytes that are no message change nothing, and are passed.
    pub fn fold(&mut self, offset: i64, sent: Instant, bytes: &[u8]) -> Result<MessageCounts, Malformed> {
        self.group.has_messages = true;
        self.progress.next_offset = offset + 1;
        self.progress.sent_ms = sent.seconds().saturating_mul(1000);
        let Envelope { workspace, stamp, trace, message } = Envelope::read(bytes)?;
        let event_count = match &message {
            Message::Changes { changes, .. } => changes.len() as u64,
            _ => 0,
        };
        self.grow_to(workspace);
        let (number, count) = (self.number, self.count);
        let partition = self.workspaces.entry(workspace).or_insert_with(|| Partition::new(number, count));
        let position = u64::try_from(offset).map_err(|_| Malformed)?;
        let folded = partition.fold(message, stamp, position);
        let new_user_days = new_user_days(&folded.effects);
        self.progress.event_count += event_count;
        self.group.take((workspace, stamp, trace), folded, new_user_days);
        Ok(MessageCounts { events: event_count, new_user_days })
    }

    /// Everything before `offset` was folded, or is no message.
    pub fn pass_to(&mut self, offset: i64) {
        if offset > self.progress.next_offset {
            self.progress.next_offset = offset;
            self.group.has_messages = true;
        }
    }

    fn grow_to(&mut self, workspace: WorkspaceIndex) {
        let count = workspace.0 as usize + 1;
        if self.ledgers.len() < count {
            self.ledgers.resize_with(count, Ledger::default);
        }
    }

    /// Whether there is something to commit, or pages to go on with.
    pub const fn has_work(&self) -> bool {
        self.group.has_messages || self.sweep.is_some()
    }

    /// Everything since the last batch.
    pub fn batch(&mut self) -> Batch {
        let Group { record, mut rows, mut batch, .. } = std::mem::take(&mut self.group);
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        rows.sum();
        for (workspace, recorded, changes) in rows.by_recording() {
            self.ledgers[workspace.0 as usize].add(recorded, changes);
        }
        for (ledger, workspace) in self.ledgers.iter_mut().zip(0..) {
            for (key, day, row) in ledger.take_dirty() {
                let mut bytes = Vec::new();
                row.write(&mut bytes);
                batch.put(Table::Row, row_key(WorkspaceIndex(workspace), key, day), bytes);
            }
        }
        if let Some(bytes) = record.into_bytes() {
            self.log.push_back((sequence, bytes.len()));
            batch.put(Table::Log, log_key(sequence), bytes);
        }
        self.sweep(sequence, &mut batch);
        self.progress.sequence = sequence;
        batch.put(Table::Row, PROGRESS_KEY, self.progress.to_bytes());
        batch
    }

    /// Writes some pages of a sweep, begins one, or ends it.
    fn sweep(&mut self, sequence: u64, batch: &mut Batch) {
        if let Some(sweep) = &mut self.sweep {
            if !sweep.go_on(&mut self.workspaces, sequence, batch) {
                return;
            }
            let until = sweep.until;
            batch.remove_range(Table::Log, KeyRange::new(log_key(0), log_key(until + 1)));
            while self.log.front().is_some_and(|(sequence, _)| *sequence <= until) {
                self.log.pop_front();
            }
            self.sweep = None;
        }
        let log: usize = self.log.iter().map(|(_, byte_count)| byte_count).sum();
        if log > self.options.log_bytes_min && log > self.sizes().1 / LOG_SHARE {
            self.sweep = Some(Sweep::begin(&self.workspaces, sequence));
        }
    }
}

fn new_user_days(effects: &[Effect]) -> u64 {
    let changes = effects.iter().filter_map(|effect| match effect {
        Effect::Changes(_, changes) => Some(changes),
        Effect::Seen(..) | Effect::Move(_) => None,
    });
    changes.flatten().filter(|change| matches!(change, Change::Active { .. })).count() as u64
}

impl Group {
    /// Takes what followed from a message of a workspace.
    fn take(
        &mut self,
        (workspace, stamp, trace): (WorkspaceIndex, Stamp, Option<Trace>),
        folded: Folded,
        new_user_days: u64,
    ) {
        let Folded { effects, records, routes, forwards, rows, outbox, answer } = folded;
        for effect in &effects {
            match effect {
                Effect::Changes(shard, changes) => self.record.changes(workspace, *shard, changes),
                Effect::Seen(shard, seen) => self.record.seen(workspace, *shard, stamp.recorded, seen),
                Effect::Move(moved) => self.record.moves(workspace, std::slice::from_ref(moved)),
            }
        }
        self.rows.add(workspace, stamp.recorded, rows);
        let batch = &mut self.batch;
        for (profile, record) in records {
            put(batch, Table::Identity, identity_key(workspace, profile), record.as_ref().map(identity_value));
        }
        for (profile, route) in routes {
            put(batch, Table::Route, route_key(0, workspace, profile), route.as_ref().map(route_value));
        }
        for (profile, forward) in forwards {
            put(batch, Table::Route, route_key(1, workspace, profile), forward.as_ref().map(forward_value));
        }
        let says = answer.is_some() || new_user_days > 0;
        let mut shares = trace.map(|trace| trace.split(outbox.len(), says));
        for (to, message) in outbox {
            let trace = shares.as_mut().and_then(Shares::next);
            batch.relay(to, Envelope { workspace, stamp, trace, message }.to_bytes());
        }
        if let Some(trace) = shares.and_then(|shares| shares.own) {
            batch.reply(Reply { trace, new_user_days, answer }.to_bytes());
        }
    }
}

fn put(batch: &mut Batch, table: Table, key: impl Into<Vec<u8>>, value: Option<Vec<u8>>) {
    match value {
        Some(value) => batch.put(table, key, value),
        None => batch.remove(table, key),
    }
}

/// How the credit of a message is shared among what it led to.
struct Shares {
    token: u128,
    /// Each message gets as much.
    credit: u64,
    /// What the first one gets beside that.
    rest: u64,
    /// What comes back at once.
    own: Option<Trace>,
}

impl Shares {
    fn next(&mut self) -> Option<Trace> {
        let credit = self.credit + std::mem::take(&mut self.rest);
        (credit > 0).then_some(Trace { token: self.token, credit })
    }
}

impl Trace {
    /// Shares the credit among so many messages, and whoever waits if there is something to say to them.
    fn split(self, message_count: usize, says: bool) -> Shares {
        let Self { token, credit } = self;
        if message_count == 0 {
            return Shares { token, credit: 0, rest: 0, own: Some(self) };
        }
        let parts = message_count as u64 + u64::from(says);
        let share = credit / parts;
        let own = says.then_some(Self { token, credit: share });
        Shares { token, credit: share, rest: credit - share * parts, own }
    }
}
