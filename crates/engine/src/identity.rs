use dauphin_core::IdentityOutcome;

use crate::EngineError;

/// Called once, when every change is durable and visible, or failed. Outcomes come in the order of the changes.
pub type IdentityDone = Box<dyn FnOnce(Result<Vec<IdentityOutcome>, EngineError>) + Send>;
