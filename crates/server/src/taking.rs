use std::sync::mpsc::{Receiver, Sender, channel};

use dauphin_core::Arrival;
use dauphin_dialects::Message;
use dauphin_engine::{AuditEntry, Engine, EngineError, IdentityChange, IdentityOutcome, Submission, Workspace};
use dauphin_model::Instant;

use crate::intake::{Intake, UnknownApps};

/// What became of one submission.
type Submitted = Result<(), EngineError>;

/// The messages of one body on their way into the engine: said one by one, then waited for together.
pub struct Taking<'a> {
    engine: &'a Engine,
    workspace: std::sync::Arc<Workspace>,
    intake: Intake<'a>,
    submission: Submission,
    identities: Vec<IdentityChange>,
    results: (Sender<Submitted>, Receiver<Submitted>),
}

impl<'a> Taking<'a> {
    /// For messages that arrive `now`.
    pub fn new(engine: &'a Engine, workspace: std::sync::Arc<Workspace>, now: Instant) -> Self {
        let reject = UnknownApps::Reject;
        let intake = Intake::new(engine, std::sync::Arc::clone(&workspace), now, Arrival::Sent, reject);
        let submission = intake.submission();
        Self { engine, workspace, intake, submission, identities: Vec::new(), results: channel() }
    }

    /// Takes one thing that was said, or says why it cannot be counted; then nothing of it is.
    pub fn say(&mut self, message: &Message<'_>) -> Result<(), String> {
        self.intake.say(message, &mut self.submission, &mut self.identities)?;
        if self.submission.change_count() >= Submission::CHANGE_COUNT_MAX {
            self.submit();
        }
        Ok(())
    }

    /// Takes all that one element of a body says, or says why it cannot be counted; then nothing of it is.
    pub fn say_all<'m>(&mut self, messages: impl Iterator<Item = &'m Message<'m>> + Clone) -> Result<(), String> {
        if messages.clone().nth(1).is_some() {
            // A later message may be refused after an earlier one was taken, so all are looked at before.
            let mut looked_at = self.intake.submission();
            for message in messages.clone() {
                self.intake.say(message, &mut looked_at, &mut Vec::new())?;
            }
        }
        for message in messages {
            self.say(message)?;
        }
        Ok(())
    }

    fn submit(&mut self) {
        let submission = std::mem::replace(&mut self.submission, self.intake.submission());
        let sender = self.results.0.clone();
        self.engine.submit(
            submission,
            Box::new(move |result| {
                // The receiver outlives every submission.
                let _ = sender.send(result.map(|_| ()));
            }),
        );
    }

    /// Waits until everything said is durable and visible: first what happened, then who is who. Blocks its thread.
    pub fn finish(mut self) -> Result<Vec<IdentityOutcome>, EngineError> {
        self.submit();
        let (sender, receiver) = self.results;
        drop(sender);
        receiver.into_iter().collect::<Result<(), _>>()?;
        change_identities(self.engine, &self.workspace, &self.intake, self.identities, None)
    }
}

/// Changes who is who, and waits until it is durable and visible. Blocks its thread.
pub fn change_identities(
    engine: &Engine,
    workspace: &Workspace,
    intake: &Intake<'_>,
    changes: Vec<IdentityChange>,
    audit: Option<AuditEntry>,
) -> Result<Vec<IdentityOutcome>, EngineError> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let (sender, receiver) = channel();
    engine.change_identities(
        workspace.index,
        intake.stamp(),
        changes,
        audit,
        Box::new(move |result| {
            // The receiver waits below.
            let _ = sender.send(result);
        }),
    );
    receiver.recv().unwrap_or(Err(EngineError::Closed))
}
