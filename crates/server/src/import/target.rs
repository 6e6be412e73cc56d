use std::sync::Arc;
use std::sync::mpsc::channel;

use dauphin_core::Arrival;
use dauphin_dialects::{Message, PlainRows, Reject, Row};
use dauphin_engine::{Engine, EngineError, IdentityChange, IdentityOutcome, Receipt, Submission, Workspace};
use dauphin_model::{AppId, Instant, Zone};

use super::gathering::Gathering;
use super::remote::{Body, Remote};
use crate::intake::{Intake, UnknownApps};
use crate::taking::change_identities;

/// Where rows go.
pub enum Target {
    /// Into a data directory.
    Local(Local),
    /// To a running server.
    Remote(Remote),
}

/// A workspace of an open data directory.
pub struct Local {
    pub engine: Arc<Engine>,
    pub workspace: Arc<Workspace>,
    create_apps: bool,
    now: Instant,
    gathering: Gathering,
}

/// What became of some rows of a unit: counted, or rejected late, or the end of everything.
pub type Delivered = anyhow::Result<(Receipt, Vec<Reject>)>;

/// Takes what became of one delivery; called once for each.
pub type Deliver = Arc<dyn Fn(Delivered) + Send + Sync>;

impl Target {
    /// Whose local days are meant.
    pub fn zone(&self) -> &Zone {
        match self {
            Self::Local(local) => &local.workspace.zone,
            Self::Remote(remote) => remote.zone(),
        }
    }

    /// The workspace's name.
    pub fn workspace_name(&self) -> &str {
        match self {
            Self::Local(local) => &local.workspace.name,
            Self::Remote(remote) => remote.workspace_name(),
        }
    }

    /// Takes the rows of one unit.
    pub fn loader(&self, deliver: Deliver) -> Loader<'_> {
        match self {
            Self::Local(local) => {
                let intake = local.intake(if local.create_apps { UnknownApps::Create } else { UnknownApps::Reject });
                let submission = intake.submission();
                Loader::Local(Box::new(LocalLoader { local, intake, submission, identities: Vec::new(), deliver }))
            }
            Self::Remote(remote) => Loader::Remote { remote, body: Body::default(), deliver },
        }
    }

    /// Hands on what loaders left; what becomes of it is told when it is known.
    pub fn hand_on(&self) {
        match self {
            Self::Local(local) => local.gathering.hand_in(&local.engine),
            Self::Remote(_) => {}
        }
    }

    /// Says whether rows would be taken, and takes none.
    pub fn looker(&self) -> Looker<'_> {
        match self {
            Self::Local(local) => {
                let intake = local.intake(if local.create_apps { UnknownApps::Accept } else { UnknownApps::Reject });
                Looker::Local(Box::new(intake))
            }
            Self::Remote(remote) => Looker::Remote(remote),
        }
    }
}

impl Local {
    /// For rows that arrive `now`.
    pub fn new(engine: Arc<Engine>, workspace: Arc<Workspace>, create_apps: bool, now: Instant) -> Self {
        let gathering = Gathering::new(engine.stats().state_bytes_max);
        Self { engine, workspace, create_apps, now, gathering }
    }

    fn intake(&self, unknown_apps: UnknownApps) -> Intake<'_> {
        Intake::new(&*self.engine, Arc::clone(&self.workspace), self.now, Arrival::Imported, unknown_apps)
    }
}

/// Gathers rows and hands them on in parts of bounded size.
pub enum Loader<'a> {
    Local(Box<LocalLoader<'a>>),
    Remote { remote: &'a Remote, body: Body, deliver: Deliver },
}

/// See [`Loader::Local`].
pub struct LocalLoader<'a> {
    local: &'a Local,
    intake: Intake<'a>,
    submission: Submission,
    identities: Vec<IdentityChange>,
    deliver: Deliver,
}

impl Loader<'_> {
    /// Adds a row, or says why it cannot be counted. Returns whether a part was handed on.
    pub fn add(&mut self, row: &Row<'_>) -> Result<bool, String> {
        let full = match self {
            Self::Local(loader) => {
                loader.intake.add(row, &mut loader.submission)?;
                loader.is_full()
            }
            Self::Remote { body, .. } => {
                body.add(row);
                body.is_full()
            }
        };
        if full {
            self.hand_on();
        }
        Ok(full)
    }

    /// Adds rows, and pushes the numbers of those that are left to be added one by one. Returns whether a part
    /// was handed on.
    pub fn add_plain(&mut self, rows: &PlainRows<'_>, left: &mut Vec<usize>) -> bool {
        let Self::Local(loader) = self else {
            left.extend(0..rows.row_count());
            return false;
        };
        loader.intake.add_plain(rows, &mut loader.submission, left);
        let full = loader.is_full();
        if full {
            loader.hand_on();
        }
        full
    }

    /// Adds what a row says, or says why it cannot be counted. Returns whether a part was handed on.
    pub fn say(&mut self, messages: &[Message<'_>]) -> Result<bool, String> {
        let Self::Local(loader) = self else {
            return Err("events are sent to a server as their file has them".to_owned());
        };
        for message in messages {
            loader.intake.say(message, &mut loader.submission, &mut loader.identities)?;
        }
        let full = loader.is_full();
        if full {
            loader.hand_on();
        }
        Ok(full)
    }

    /// Hands on what is gathered.
    pub fn hand_on(&mut self) {
        match self {
            Self::Local(loader) => loader.hand_on(),
            Self::Remote { remote, body, deliver } => deliver(remote.send(&std::mem::take(body))),
        }
    }
}

impl LocalLoader<'_> {
    fn is_full(&self) -> bool {
        self.submission.change_count() + self.identities.len() >= Submission::CHANGE_COUNT_MAX
    }

    fn hand_on(&mut self) {
        let deliver = Arc::clone(&self.deliver);
        if !self.identities.is_empty() {
            let full = std::mem::replace(&mut self.submission, self.intake.submission());
            let identities = std::mem::take(&mut self.identities);
            return deliver(self.submit_and_change(full, identities).map_err(anyhow::Error::from));
        }
        self.local.gathering.add(&self.local.engine, &mut self.submission, deliver);
    }

    /// First what happened, then who is who. Blocks its thread.
    fn submit_and_change(
        &self,
        submission: Submission,
        identities: Vec<IdentityChange>,
    ) -> Result<(Receipt, Vec<Reject>), EngineError> {
        let (sender, receiver) = channel();
        self.local.gathering.hand_in(&self.local.engine);
        self.local.engine.submit(
            submission,
            Box::new(move |result| {
                // The receiver waits below.
                let _ = sender.send(result);
            }),
        );
        let mut receipt = receiver.recv().unwrap_or(Err(EngineError::Closed))?;
        let audit = self.intake.audit(&identities);
        let local = self.local;
        let outcomes =
            change_identities(&*local.engine, local.workspace.index, self.intake.stamp(), identities, Some(audit))?;
        receipt.repeats += outcomes.iter().filter(|outcome| **outcome != IdentityOutcome::Changed).count() as u64;
        Ok((receipt, Vec::new()))
    }
}

/// See [`Target::looker`].
pub enum Looker<'a> {
    Local(Box<Intake<'a>>),
    Remote(&'a Remote),
}

impl Looker<'_> {
    pub fn look(&mut self, row: &Row<'_>) -> Result<(), String> {
        match self {
            Self::Local(intake) => {
                let mut nothing = intake.submission();
                intake.add(row, &mut nothing)
            }
            Self::Remote(remote) => look_at_app(remote, row.app_id.as_deref()),
        }
    }

    pub fn look_at_messages(&mut self, messages: &[Message<'_>]) -> Result<(), String> {
        match self {
            Self::Local(intake) => {
                let mut nothing = intake.submission();
                messages.iter().try_for_each(|message| intake.say(message, &mut nothing, &mut Vec::new()))
            }
            Self::Remote(remote) => messages.iter().try_for_each(|message| match message {
                Message::Event(event) => look_at_app(remote, event.app_id.as_deref()),
                _ => Ok(()),
            }),
        }
    }
}

fn look_at_app(remote: &Remote, app_id: Option<&str>) -> Result<(), String> {
    let Some(app_id) = app_id.filter(|app_id| !app_id.is_empty()) else { return Ok(()) };
    AppId::new(app_id).map_err(|error| error.to_string())?;
    remote.knows_app(app_id)
}
