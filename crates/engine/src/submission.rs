use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use dauphin_core::{Change, Stamp};
use dauphin_model::limits::SHARD_COUNT;
use dauphin_model::{ActiveDay, AppIndex, ProfileKey, WorkspaceIndex};

use crate::EngineError;

/// Changes of one workspace that are answered together, sorted by shard as they are added.
pub struct Submission {
    pub(crate) workspace: WorkspaceIndex,
    pub(crate) stamp: Stamp,
    pub(crate) by_shard: Vec<Vec<Change>>,
    change_count: usize,
    /// Of these, the user-days: what a receipt speaks about.
    user_day_count: usize,
}

impl Submission {
    /// Most changes that should travel together: enough to spread every cost, few enough to bound memory.
    pub const CHANGE_COUNT_MAX: usize = 65_536;

    /// Without changes yet.
    pub fn new(workspace: WorkspaceIndex, stamp: Stamp) -> Self {
        let by_shard = vec![Vec::new(); usize::from(SHARD_COUNT)];
        Self { workspace, stamp, by_shard, change_count: 0, user_day_count: 0 }
    }

    /// Adds that `profile` was active.
    pub fn active(&mut self, profile: ProfileKey, app: Option<AppIndex>, day: ActiveDay) {
        self.by_shard[usize::from(profile.shard())].push(Change::Active { profile, app, day });
        self.change_count += 1;
        self.user_day_count += 1;
    }

    /// Adds that the anonymous profile belongs to the user, unless it belongs to somebody already.
    pub fn claim(&mut self, _anonymous: ProfileKey, _user: ProfileKey) {
        // The fold follows.
    }

    /// Adds a session that began on `day`, in its hour `hour` counted from local midnight (0 to 24). `fingerprint` is the
    /// same for what may be a repeat.
    pub fn session(
        &mut self,
        profile: ProfileKey,
        app: Option<AppIndex>,
        day: ActiveDay,
        hour: u8,
        fingerprint: u128,
    ) {
        let session = Change::Session { profile, app, day, hour, fingerprint };
        self.by_shard[usize::from(profile.shard())].push(session);
        self.change_count += 1;
    }

    /// Adds that `profile` removed the app on `day`.
    pub fn uninstall(&mut self, profile: ProfileKey, app: Option<AppIndex>, day: ActiveDay) {
        self.by_shard[usize::from(profile.shard())].push(Change::Uninstall { profile, app, day });
        self.change_count += 1;
    }

    /// How many user-days there are, known or not.
    pub(crate) const fn user_day_count(&self) -> usize {
        self.user_day_count
    }

    /// How many changes there are.
    pub const fn change_count(&self) -> usize {
        self.change_count
    }
}

/// What became of a submission, once it is durable and visible.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// User-days (a user, an app, a day) that were not known before.
    pub new_user_days: u64,
    /// User-days that were known.
    pub repeats: u64,
}

/// Called once, when a submission is durable and visible, or failed.
pub type Done = Box<dyn FnOnce(Result<Receipt, EngineError>) + Send>;

/// Shared by the parts of a submission: the last part to become durable answers for all.
pub(crate) struct Ticket {
    parts_left: AtomicUsize,
    new_user_days: AtomicU64,
    user_day_count: u64,
    done: Mutex<Option<Done>>,
}

impl Ticket {
    pub(crate) fn new(parts: usize, user_day_count: usize, done: Done) -> Arc<Self> {
        Arc::new(Self {
            parts_left: AtomicUsize::new(parts),
            new_user_days: AtomicU64::new(0),
            user_day_count: user_day_count as u64,
            done: Mutex::new(Some(done)),
        })
    }

    /// One part is durable.
    pub(crate) fn settle(&self, new_user_days: usize) {
        self.new_user_days.fetch_add(new_user_days as u64, Ordering::Relaxed);
        if self.parts_left.fetch_sub(1, Ordering::AcqRel) == 1 {
            let new_user_days = self.new_user_days.load(Ordering::Relaxed);
            self.answer(Ok(Receipt { new_user_days, repeats: self.user_day_count - new_user_days }));
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
