mod dealt;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use dauphin_core::{Change, Stamp};
use dauphin_model::limits::SHARD_COUNT;
use dauphin_model::{ActiveDay, AppIndex, ProfileKey, SessionFingerprint, WorkspaceIndex, Zone};

use crate::EngineError;

use dealt::Dealt;
pub use dealt::Spares;

/// What one shard is to do.
#[derive(Default)]
pub(crate) struct ShardChanges {
    pub changes: Vec<Change>,
    /// Of a gathered submission, instead of `changes`.
    pub dealt: Dealt,
    /// Anonymous profiles of this shard that belong to a user, unless they belong to somebody already. What comes of it
    /// follows the changes.
    pub claims: Vec<(ProfileKey, ProfileKey)>,
}

impl ShardChanges {
    pub fn is_empty(&self) -> bool {
        self.all().next().is_none() && self.claims.is_empty()
    }

    /// The changes; those of one profile in order.
    pub fn all(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().chain(self.dealt.all())
    }

    /// Hands on the changes in lists; those of one profile are in one, in order.
    pub fn each_list(&self, mut each: impl FnMut(&[Change])) {
        if !self.changes.is_empty() {
            each(&self.changes);
        }
        self.dealt.each_list(each);
    }
}

/// What one partition of a cluster is to do.
#[derive(Clone, Default)]
pub struct PartitionChanges {
    /// In order.
    pub changes: Vec<Change>,
    /// Anonymous profiles of this partition, and to whom they belong unless they belong to somebody already.
    pub claims: Vec<(ProfileKey, ProfileKey)>,
}

/// Changes of one workspace that are answered together, sorted by shard as they are added.
pub struct Submission {
    pub(crate) workspace: WorkspaceIndex,
    pub(crate) stamp: Stamp,
    pub(crate) by_shard: Vec<ShardChanges>,
    change_count: usize,
    activity_count: usize,
    /// The zone its days were cut in, where that could have changed meanwhile.
    pub(crate) zone: Option<Zone>,
    until_visible: bool,
}

impl Submission {
    /// Most changes that should travel together: enough to spread every cost, few enough to bound memory.
    pub const CHANGE_COUNT_MAX: usize = 65_536;

    /// Without changes yet.
    pub fn new(workspace: WorkspaceIndex, stamp: Stamp) -> Self {
        Self {
            workspace,
            stamp,
            by_shard: std::iter::repeat_with(ShardChanges::default).take(usize::from(SHARD_COUNT)).collect(),
            change_count: 0,
            activity_count: 0,
            zone: None,
            until_visible: false,
        }
    }

    /// Says in which zone its days are cut, so that it is refused if the workspace has another one by then.
    pub fn cut_in(mut self, zone: &Zone) -> Self {
        self.zone = Some(zone.clone());
        self
    }

    /// Asks to be answered when the changes are visible, where they are durable before they are.
    pub const fn until_visible(mut self) -> Self {
        self.until_visible = true;
        self
    }

    /// Without changes yet, for the same workspace with the same stamp, to gather others in: the more days of a profile
    /// are folded together, the less each costs.
    pub fn gathered(&self, spares: &Arc<Spares>) -> Self {
        let Self { workspace, stamp, ref zone, until_visible, .. } = *self;
        let mut gathered = Self { zone: zone.clone(), until_visible, ..Self::new(workspace, stamp) };
        gathered.by_shard.iter_mut().for_each(|shard| shard.dealt = Dealt::new(spares));
        gathered
    }

    #[inline]
    fn add(&mut self, change: Change) {
        self.by_shard[usize::from(change.profile().shard())].changes.push(change);
        self.change_count += 1;
    }

    /// Adds that `profile` was active.
    #[inline]
    pub fn active(&mut self, profile: ProfileKey, app: Option<AppIndex>, day: ActiveDay) {
        self.add(Change::Active { profile, app, day });
        self.activity_count += 1;
    }

    /// Adds that `profile` is known, whatever it does.
    pub fn known(&mut self, profile: ProfileKey) {
        self.add(Change::Known { profile });
    }

    /// Adds that the anonymous profile belongs to the user, unless it belongs to somebody already.
    pub fn claim(&mut self, anonymous: ProfileKey, user: ProfileKey) {
        self.by_shard[usize::from(anonymous.shard())].claims.push((anonymous, user));
        self.change_count += 1;
    }

    /// Adds a session that began on `day`, in its hour `hour` counted from the day's start (0 to 24).
    pub fn session(&mut self, app: Option<AppIndex>, day: ActiveDay, hour: u8, fingerprint: SessionFingerprint) {
        self.add(Change::Session { app, day, hour, fingerprint });
    }

    /// Adds that `profile` removed the app on `day`.
    pub fn uninstall(&mut self, profile: ProfileKey, app: Option<AppIndex>, day: ActiveDay) {
        self.add(Change::Uninstall { profile, app, day });
    }

    /// Whose they are, and how they came in.
    pub const fn about(&self) -> (WorkspaceIndex, Stamp) {
        (self.workspace, self.stamp)
    }

    /// Whether whoever waits wants them visible.
    pub const fn waits_until_visible(&self) -> bool {
        self.until_visible
    }

    /// The zone the days were cut in, where that could have changed meanwhile.
    pub const fn zone(&self) -> Option<&Zone> {
        self.zone.as_ref()
    }

    /// Everything in it, sorted anew: by the partition to which each change belongs, in order.
    pub fn by_partition(self, count: u16) -> BTreeMap<u16, PartitionChanges> {
        let mut parts = BTreeMap::<u16, PartitionChanges>::new();
        for shard in self.by_shard {
            for change in shard.all() {
                parts.entry(change.profile().partition(count)).or_default().changes.push(*change);
            }
            for claim in shard.claims {
                parts.entry(claim.0.partition(count)).or_default().claims.push(claim);
            }
        }
        parts
    }

    /// Gathers all that another says, which was made for the same workspace with the same stamp, and leaves it its memory.
    pub fn gather(&mut self, other: &mut Self) {
        debug_assert_eq!((self.workspace, self.stamp), (other.workspace, other.stamp));
        for (own, other) in self.by_shard.iter_mut().zip(&mut other.by_shard) {
            own.dealt.add(&other.changes);
            other.changes.clear();
            own.claims.append(&mut other.claims);
        }
        self.change_count += std::mem::take(&mut other.change_count);
        self.activity_count += std::mem::take(&mut other.activity_count);
    }

    /// How often somebody was active.
    pub const fn activity_count(&self) -> usize {
        self.activity_count
    }

    /// How many changes there are.
    pub const fn change_count(&self) -> usize {
        self.change_count
    }
}

/// What became of a submission, once it is durable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// It is visible, and what follows is known.
    pub is_visible: bool,
    /// User-days (a user, an app, a day) that were not known before.
    pub new_user_days: u64,
    /// Activity that repeated what was known.
    pub repeats: u64,
}

/// Called once, when a submission is durable and visible, or failed.
pub type Done = Box<dyn FnOnce(Result<Receipt, EngineError>) + Send>;

/// Shared by the parts of a submission: the last part to become durable answers for all.
pub(crate) struct Ticket {
    parts_left: AtomicUsize,
    new_user_days: AtomicU64,
    activity_count: u64,
    done: Mutex<Option<Done>>,
}

impl Ticket {
    pub(crate) fn new(parts: usize, activity_count: usize, done: Done) -> Arc<Self> {
        Arc::new(Self {
            parts_left: AtomicUsize::new(parts),
            new_user_days: AtomicU64::new(0),
            activity_count: activity_count as u64,
            done: Mutex::new(Some(done)),
        })
    }

    /// A part leads to another one; it is not settled itself yet.
    pub(crate) fn add_part(&self) {
        self.parts_left.fetch_add(1, Ordering::AcqRel);
    }

    /// One part is durable.
    pub(crate) fn settle(&self, new_user_days: usize) {
        self.new_user_days.fetch_add(new_user_days as u64, Ordering::Relaxed);
        if self.parts_left.fetch_sub(1, Ordering::AcqRel) == 1 {
            let new_user_days = self.new_user_days.load(Ordering::Relaxed);
            self.answer(Ok(Receipt { is_visible: true, new_user_days, repeats: self.activity_count - new_user_days }));
        }
    }

    /// One part failed, and so did the whole.
    pub(crate) fn fail(&self, error: EngineError) {
        self.answer(Err(error));
    }

    fn answer(&self, result: Result<Receipt, EngineError>) {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(done) = done {
            done(result);
        }
    }
}

/// A ticket dropped unanswered (its thread is gone) answers that the engine is closed.
impl Drop for Ticket {
    fn drop(&mut self) {
        self.fail(EngineError::Closed);
    }
}
