use std::collections::{BTreeMap, BTreeSet};

use dauphin_core::IdentityOutcome;
use dauphin_model::{ActiveDay, AppIndex};

use crate::EngineError;

/// Called once, when every change is durable and visible, or failed. Outcomes come in the order of the changes.
pub type IdentityDone = Box<dyn FnOnce(Result<Vec<IdentityOutcome>, EngineError>) + Send>;

/// What is known of the person behind a profile: why they count, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PersonView {
    /// How many profiles the person has.
    pub profile_count: usize,
    /// The person is counted nowhere.
    pub excluded: bool,
    /// Active days by app; `None` is activity without an app.
    pub days: BTreeMap<Option<AppIndex>, BTreeSet<ActiveDay>>,
}
