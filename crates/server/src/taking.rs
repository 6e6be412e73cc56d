use std::sync::Arc;
use std::sync::mpsc::channel;

use dauphin_core::{Arrival, Stamp};
use dauphin_dialects::Message;
use dauphin_engine::{AuditEntry, Backend, EngineError, IdentityChange, IdentityOutcome, Submission, Workspace};
use dauphin_model::{Instant, WorkspaceIndex};

use crate::handed_in::{HandedIn, Pending, Until};
use crate::intake::{Intake, UnknownApps};

/// The messages of one body on their way into the engine: said one by one, then waited for together.
pub struct Taking<'a> {
    intake: Intake<'a>,
    submission: Submission,
    identities: Vec<IdentityChange>,
    handed_in: HandedIn<'a>,
}

impl<'a> Taking<'a> {
    /// For messages that arrive `now`.
    pub fn new(engine: &'a dyn Backend, workspace: Arc<Workspace>, now: Instant, until: Until) -> Self {
        let intake = Intake::new(engine, workspace, now, Arrival::Sent, UnknownApps::Reject);
        let submission = intake.submission();
        Self { intake, submission, identities: Vec::new(), handed_in: HandedIn::new(engine, until) }
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
        self.handed_in.submit(submission);
    }

    /// Hands in the rest.
    pub fn finish(mut self) -> Pending {
        self.submit();
        self.handed_in.finish(&self.intake, self.identities, None)
    }
}

/// Changes who is who, and waits until it is durable and visible. Blocks its thread.
pub fn change_identities(
    engine: &dyn Backend,
    workspace: WorkspaceIndex,
    stamp: Stamp,
    changes: Vec<IdentityChange>,
    audit: Option<AuditEntry>,
) -> Result<Vec<IdentityOutcome>, EngineError> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let (sender, receiver) = channel();
    engine.change_identities(
        workspace,
        stamp,
        changes,
        audit,
        Box::new(move |result| {
            // The receiver waits below.
            let _ = sender.send(result);
        }),
    );
    receiver.recv().unwrap_or(Err(EngineError::Closed))
}
