use std::sync::Arc;

use dauphin_core::Arrival;
use dauphin_dialects::{Reject, Row};
use dauphin_engine::{Engine, Receipt, Submission, Workspace};
use dauphin_model::{AppId, Instant, Zone};

use super::remote::{Body, Remote};
use crate::intake::{Intake, UnknownApps};

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
    pub create_apps: bool,
    pub now: Instant,
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
                Loader::Local { engine: &local.engine, intake: Box::new(intake), submission, deliver }
            }
            Self::Remote(remote) => Loader::Remote { remote, body: Body::default(), deliver },
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
    fn intake(&self, unknown_apps: UnknownApps) -> Intake<'_> {
        Intake::new(&self.engine, Arc::clone(&self.workspace), self.now, Arrival::Imported, unknown_apps)
    }
}

/// Gathers rows and hands them on in parts of bounded size.
pub enum Loader<'a> {
    Local { engine: &'a Engine, intake: Box<Intake<'a>>, submission: Submission, deliver: Deliver },
    Remote { remote: &'a Remote, body: Body, deliver: Deliver },
}

impl Loader<'_> {
    /// Adds a row, or says why it cannot be counted. Returns whether a part was handed on.
    pub fn add(&mut self, row: &Row<'_>) -> Result<bool, String> {
        let full = match self {
            Self::Local { intake, submission, .. } => {
                intake.add(row, submission)?;
                submission.change_count() >= Submission::CHANGE_COUNT_MAX
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

    /// Hands on what is gathered.
    pub fn hand_on(&mut self) {
        match self {
            Self::Local { engine, intake, submission, deliver } => {
                let deliver = Arc::clone(deliver);
                let full = std::mem::replace(submission, intake.submission());
                engine.submit(
                    full,
                    Box::new(move |result| {
                        deliver(result.map(|receipt| (receipt, Vec::new())).map_err(anyhow::Error::from));
                    }),
                );
            }
            Self::Remote { remote, body, deliver } => deliver(remote.send(&std::mem::take(body))),
        }
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
            Self::Remote(remote) => {
                let Some(app_id) = row.app_id.as_deref() else { return Ok(()) };
                AppId::new(app_id).map_err(|error| error.to_string())?;
                remote.knows_app(app_id)
            }
        }
    }
}
