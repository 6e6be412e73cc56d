use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dauphin_core::Answer;
use dauphin_engine::{Reply, Trace};

use crate::client::random;

/// Who waits until something is visible, and everything that it led to is done.
pub(crate) struct Waiting {
    waits: Mutex<HashMap<u128, Wait>>,
}

/// What came back.
#[derive(Default)]
pub(crate) struct Done {
    pub new_user_days: u64,
    pub answer: Option<Answer>,
}

/// Called once; `None` when it took too long. It may still be done later.
pub(crate) type OnDone = Box<dyn FnOnce(Option<Done>) + Send>;

struct Wait {
    credit_left: u64,
    done: Done,
    on_done: OnDone,
    deadline: Instant,
}

/// The whole of a question.
const CREDIT: u64 = 1 << 62;

/// How long somebody waits: longer than a partition takes to find a new owner.
const WAIT_MAX: Duration = Duration::from_mins(2);

impl Waiting {
    pub fn new() -> Self {
        Self { waits: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u128, Wait>> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to wait for a question that goes out in so many messages; gives the share of each.
    pub fn begin(&self, message_count: usize, on_done: OnDone) -> Vec<Trace> {
        let token = random();
        let share = CREDIT / message_count.max(1) as u64;
        let shares = vec![Trace { token, credit: share }; message_count];
        let credit_left = share * message_count as u64;
        let wait = Wait { credit_left, done: Done::default(), on_done, deadline: Instant::now() + WAIT_MAX };
        self.lock().insert(token, wait);
        shares
    }

    /// Nobody waits any more.
    pub fn forget(&self, token: u128) {
        self.lock().remove(&token);
    }

    /// Takes what a partition said; whoever waited and has everything is told.
    pub fn take(&self, reply: Reply) {
        let mut waits = self.lock();
        let Some(wait) = waits.get_mut(&reply.trace.token) else { return };
        wait.credit_left = wait.credit_left.saturating_sub(reply.trace.credit);
        wait.done.new_user_days += reply.new_user_days;
        wait.done.answer = reply.answer.or(wait.done.answer.take());
        if wait.credit_left == 0
            && let Some(Wait { done, on_done, .. }) = waits.remove(&reply.trace.token)
        {
            drop(waits);
            on_done(Some(done));
        }
    }

    /// Gives up what waited too long.
    pub fn expire(&self, now: Instant) {
        let late: Vec<_> = self.lock().extract_if(|_, wait| wait.deadline <= now).collect();
        late.into_iter().for_each(|(_, wait)| (wait.on_done)(None));
    }
}
