use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as Stopwatch};

use anyhow::Error;
use dauphin_core::Change;
use dauphin_engine::{Engine, EngineError, Receipt, Spares, Submission};

use super::target::Deliver;

/// Gathers what many units say, because the more days of a profile are folded together, the less each costs; nobody
/// waits for an import as for an answer.
///
/// One group is gathered while one is under way: whoever adds to a full group waits.
pub struct Gathering {
    group: Mutex<Option<Group>>,
    spares: Arc<Spares>,
    under_way: Arc<UnderWay>,
    changes_max: usize,
}

/// Changes of a group: more make a row cheaper, and take memory.
const CHANGES_MAX: usize = 8 << 20;
/// Where there is little memory, a group's changes take this part of what the state may take. There are two groups at a
/// time, and of the one under way what is to be remembered.
const MEMORY_SHARE: usize = 32;
/// A group is handed in after this time, full or not, unless one is under way: an import that is killed goes on from
/// what is durable.
const AGE_MAX: Duration = Duration::from_secs(2);

struct Group {
    submission: Submission,
    parts: Vec<Part>,
    began: Stopwatch,
}

/// What one loader added, and who is told what became of it.
struct Part {
    activity_count: usize,
    deliver: Deliver,
}

/// Whether a group is being folded and made durable.
#[derive(Default)]
struct UnderWay {
    is_so: Mutex<bool>,
    landed: Condvar,
}

impl UnderWay {
    fn lock(&self) -> MutexGuard<'_, bool> {
        // It is one word.
        self.is_so.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self) {
        let mut is_so = self.lock();
        while *is_so {
            is_so = self.landed.wait(is_so).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn set(&self, is_so: bool) {
        *self.lock() = is_so;
        self.landed.notify_all();
    }
}

impl Gathering {
    /// For an engine whose state may take so many bytes.
    pub fn new(state_bytes_max: usize) -> Self {
        let changes_max = state_bytes_max / MEMORY_SHARE / size_of::<Change>();
        let changes_max = changes_max.clamp(Submission::CHANGE_COUNT_MAX, CHANGES_MAX);
        Self { group: Mutex::default(), spares: Arc::default(), under_way: Arc::default(), changes_max }
    }

    fn group(&self) -> MutexGuard<'_, Option<Group>> {
        // Whoever panicked with the lock held ends the import.
        self.group.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a part out of `submission`, and tells `deliver` once it is durable and visible.
    pub fn add(&self, engine: &Engine, submission: &mut Submission, deliver: Deliver) {
        let mut gathered = self.group();
        let new = || {
            let submission = submission.gathered(&self.spares);
            Group { submission, parts: Vec::new(), began: Stopwatch::now() }
        };
        let group = gathered.get_or_insert_with(new);
        group.parts.push(Part { activity_count: submission.activity_count(), deliver });
        group.submission.gather(submission);
        let is_full = group.submission.change_count() >= self.changes_max;
        if is_full || (group.began.elapsed() >= AGE_MAX && !*self.under_way.lock()) {
            self.hand_in_group(engine, gathered);
        }
    }

    /// Hands in what is gathered.
    pub fn hand_in(&self, engine: &Engine) {
        self.hand_in_group(engine, self.group());
    }

    fn hand_in_group(&self, engine: &Engine, mut gathered: MutexGuard<'_, Option<Group>>) {
        let Some(Group { submission, parts, .. }) = gathered.take() else { return };
        self.under_way.wait();
        self.under_way.set(true);
        drop(gathered);
        let under_way = Arc::clone(&self.under_way);
        let done = move |result: Result<Receipt, EngineError>| {
            under_way.set(false);
            match result {
                Ok(receipt) => deliver_shares(receipt, parts),
                Err(error) => parts.into_iter().for_each(|part| (part.deliver)(Err(Error::new(error.clone())))),
            }
        };
        engine.submit(submission, Box::new(done));
    }
}

/// Tells each part its share of what became of a group. Which of two parts that say the same is the one that said it
/// first is arbitrary; the sums are not.
fn deliver_shares(receipt: Receipt, parts: Vec<Part>) {
    let mut new_left = receipt.new_user_days;
    for Part { activity_count, deliver } in parts {
        let activity_count = activity_count as u64;
        let new_user_days = new_left.min(activity_count);
        new_left -= new_user_days;
        deliver(Ok((Receipt { is_visible: true, new_user_days, repeats: activity_count - new_user_days }, Vec::new())));
    }
}
