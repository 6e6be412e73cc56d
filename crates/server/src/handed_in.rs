use std::sync::Arc;

use dauphin_core::Stamp;
use dauphin_engine::{AuditEntry, Backend, EngineError, IdentityChange, IdentityOutcome, Receipt, Submission};
use dauphin_model::WorkspaceIndex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::intake::Intake;
use crate::taking::change_identities;

/// What became of one submission.
type Submitted = Result<Receipt, EngineError>;

/// When a sender is answered, where what is durable is not visible at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Until {
    /// As soon as nothing can be lost any more.
    #[default]
    Durable,
    /// When a query counts it.
    Visible,
}

/// Submissions of one body. The engine's queues bound them, and with them the channel of their results.
pub struct HandedIn<'a> {
    engine: &'a dyn Backend,
    until: Until,
    sender: UnboundedSender<Submitted>,
    results: UnboundedReceiver<Submitted>,
}

/// What was handed in and is not settled yet, and what changes of who is who follow it. Waiting for it takes no thread.
pub struct Pending {
    results: UnboundedReceiver<Submitted>,
    workspace: WorkspaceIndex,
    stamp: Stamp,
    identities: Vec<IdentityChange>,
    /// Boxed: rare, and large.
    audit: Option<Box<AuditEntry>>,
}

/// What became of a body, once it is settled: durable, and visible if that was asked for or is the same.
pub struct Settled {
    /// The sum of all submissions.
    pub receipt: Receipt,
    /// In the order of the changes of who is who.
    pub outcomes: Vec<IdentityOutcome>,
}

impl<'a> HandedIn<'a> {
    /// Nothing yet.
    pub fn new(engine: &'a dyn Backend, until: Until) -> Self {
        let (sender, results) = unbounded_channel();
        Self { engine, until, sender, results }
    }

    /// Hands in one more. Waits while the engine's queues are full.
    pub fn submit(&self, submission: Submission) {
        let submission = match self.until {
            Until::Durable => submission,
            Until::Visible => submission.until_visible(),
        };
        let sender = self.sender.clone();
        let done = move |result| {
            // Who asked may be gone; then nobody wants to know.
            let _ = sender.send(result);
        };
        self.engine.submit(submission, Box::new(done));
    }

    /// That was all; `identities` follow when it is durable.
    pub fn finish(self, intake: &Intake<'_>, identities: Vec<IdentityChange>, audit: Option<AuditEntry>) -> Pending {
        let Self { results, .. } = self;
        Pending {
            results,
            workspace: intake.workspace(),
            stamp: intake.stamp(),
            identities,
            audit: audit.map(Box::new),
        }
    }
}

impl Pending {
    /// Waits until everything is settled: first what happened, then who is who, which is always visible.
    pub async fn settle(mut self, engine: &Arc<dyn Backend>) -> Result<Settled, EngineError> {
        let mut receipt = Receipt { is_visible: true, new_user_days: 0, repeats: 0 };
        while let Some(result) = self.results.recv().await {
            let part = result?;
            receipt.is_visible &= part.is_visible;
            receipt.new_user_days += part.new_user_days;
            receipt.repeats += part.repeats;
        }
        let Self { workspace, stamp, identities, audit, .. } = self;
        if identities.is_empty() {
            return Ok(Settled { receipt, outcomes: Vec::new() });
        }
        let engine = Arc::clone(engine);
        let work = move || change_identities(&*engine, workspace, stamp, identities, audit.map(|audit| *audit));
        let outcomes = tokio::task::spawn_blocking(work).await.unwrap_or(Err(EngineError::Closed))?;
        Ok(Settled { receipt, outcomes })
    }
}
