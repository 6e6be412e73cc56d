use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use dauphin_api::{Format, Route};
use dauphin_core::ScopeRows;
use dauphin_model::{Day, Scope, WorkspaceIndex};

/// Finished answers, each good as long as the rows it was counted from are those that are published: a commit that changes
/// them publishes others.
#[derive(Default)]
pub struct Answers {
    kept: Mutex<HashMap<Question, Answer>>,
}

/// All that an answer depends on, besides the rows.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Question {
    pub workspace: WorkspaceIndex,
    pub scope: Scope,
    pub route: Route,
    pub first: Day,
    pub length: u16,
    pub window: u16,
    pub format: Format,
}

struct Answer {
    /// Held: so they are not changed in place, and no others come to lie where they are.
    rows: Arc<ScopeRows>,
    body: Bytes,
}

/// Answers kept: of dashboards, not of everything that may be asked. About 5 KB each.
const KEPT_MAX: usize = 256;

impl Answers {
    /// The answer, if it was counted from `rows`.
    pub fn get(&self, question: &Question, rows: &Arc<ScopeRows>) -> Option<Bytes> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(question).filter(|answer| Arc::ptr_eq(&answer.rows, rows)).map(|answer| answer.body.clone())
    }

    /// Keeps an answer that was counted from `rows`.
    pub fn keep(&self, question: Question, rows: Arc<ScopeRows>, body: Bytes) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX && !kept.contains_key(&question) {
            kept.clear();
        }
        kept.insert(question, Answer { rows, body });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(length: u16) -> Question {
        let (route, scope, first) = (Route::Mau, Scope::Workspace, Day::new(20_000).unwrap());
        Question { workspace: WorkspaceIndex(0), scope, route, first, length, window: 30, format: Format::Json }
    }

    #[test]
    fn an_answer_is_good_for_the_rows_it_was_counted_from() {
        let (answers, rows, others) = (Answers::default(), Arc::default(), Arc::default());
        answers.keep(question(1), Arc::clone(&rows), Bytes::from_static(b"one"));
        assert_eq!(answers.get(&question(1), &rows).as_deref(), Some(&b"one"[..]));
        assert_eq!(answers.get(&question(2), &rows), None);
        assert_eq!(answers.get(&question(1), &others), None);
        answers.keep(question(1), Arc::clone(&others), Bytes::from_static(b"two"));
        assert_eq!(answers.get(&question(1), &others).as_deref(), Some(&b"two"[..]));
        assert_eq!(answers.get(&question(1), &rows), None);
    }

    #[test]
    fn no_more_are_kept_than_fit() {
        let (answers, rows) = (Answers::default(), Arc::default());
        for length in 0..=u16::try_from(KEPT_MAX).unwrap() {
            answers.keep(question(length), Arc::clone(&rows), Bytes::new());
            assert!(answers.kept.lock().unwrap().len() <= KEPT_MAX);
        }
        assert!(answers.get(&question(256), &rows).is_some());
    }
}
