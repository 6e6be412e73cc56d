use std::sync::Arc;

use dauphin_core::{Arrival, Stamp};
use dauphin_dialects::Row;
use dauphin_engine::{App, CatalogEdit, CatalogError, Engine, EngineError, Submission, Workspace};
use dauphin_model::limits::AHEAD_SECONDS_MAX;
use dauphin_model::{
    ActiveDay, Activity, AppId, AppIndex, IdentityKind, IdentitySecret, Instant, OffsetCursor, ProfileKey,
    WorkspaceIndex,
};

use crate::keys;

/// What to do with an app identifier that the workspace does not have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnknownApps {
    /// The row is rejected.
    Reject,
    /// The app is made.
    Create,
    /// The row is taken, nothing is made: for looking before importing.
    Accept,
}

/// Apps that are found by comparing before they are looked up by hashing.
const RECENT_APPS_MAX: usize = 8;

/// Turns rows into changes of a workspace: identities into keys, identifiers into apps, instants into local days.
pub struct Intake<'a> {
    engine: &'a Engine,
    workspace: Arc<Workspace>,
    secret: IdentitySecret,
    now: Instant,
    arrival: Arrival,
    unknown_apps: UnknownApps,
    /// Apps met lately: rows of a file name the same few again and again.
    recent_apps: Vec<(Box<str>, AppIndex)>,
    days: OffsetCursor,
}

impl<'a> Intake<'a> {
    /// For rows that arrive `now`.
    pub fn new(
        engine: &'a Engine,
        workspace: Arc<Workspace>,
        now: Instant,
        arrival: Arrival,
        unknown_apps: UnknownApps,
    ) -> Self {
        let secret = engine.catalog().secret.clone();
        let days = workspace.zone.cursor();
        Self { engine, workspace, secret, now, arrival, unknown_apps, recent_apps: Vec::new(), days }
    }

    /// An empty submission with today's stamp.
    pub fn submission(&self) -> Submission {
        let recorded = ActiveDay::new(self.workspace.zone.day_of(self.now)).expect("the clock is before 2149");
        Submission::new(self.workspace.index, Stamp { recorded, arrival: self.arrival })
    }

    /// Adds a row, or says why it cannot be counted.
    pub fn add(&mut self, row: &Row<'_>, submission: &mut Submission) -> Result<(), String> {
        let activity = self.activity(row)?;
        let day =
            ActiveDay::new(self.days.day_of(activity.instant)).ok_or_else(|| "the time is out of range".to_owned())?;
        submission.active(activity.profile, activity.app, day);
        Ok(())
    }

    fn activity(&mut self, row: &Row<'_>) -> Result<Activity, String> {
        let profile = ProfileKey::of(&self.secret, IdentityKind::ExternalId, &row.user_id);
        let profile = profile.map_err(|error| error.to_string())?;
        let instant = row.instant.unwrap_or(self.now);
        if instant.seconds() < 0 {
            return Err(format!("the time {instant} is before 1970; activity is counted from 1970-01-01T00:00:00Z on"));
        }
        if instant > self.now.offset_saturating(AHEAD_SECONDS_MAX) {
            return Err(format!("the time {instant} is more than 48 hours ahead of the server's clock"));
        }
        let app = match row.app_id.as_deref() {
            None | Some("") => None,
            Some(id) => self.app(id)?,
        };
        Ok(Activity { profile, app, instant })
    }

    fn app(&mut self, id: &str) -> Result<Option<AppIndex>, String> {
        if let Some((_, index)) = self.recent_apps.iter().find(|(recent, _)| **recent == *id) {
            return Ok(Some(*index));
        }
        let index = match self.workspace.app(id) {
            Some(index) => index,
            None => match self.unknown_apps {
                UnknownApps::Accept => return AppId::new(id).map(|_| None).map_err(|error| error.to_string()),
                UnknownApps::Create => self.create_app(id)?,
                UnknownApps::Reject => {
                    let shown: String = id.chars().take(64).filter(|c| !c.is_control()).collect();
                    return Err(format!(
                        "the workspace `{}` has no app `{shown}`; make it first, or let the import make it with \
                         --create-apps (create_apps=true over HTTP)",
                        self.workspace.name
                    ));
                }
            },
        };
        if self.recent_apps.len() == RECENT_APPS_MAX {
            self.recent_apps.clear();
        }
        self.recent_apps.push((id.into(), index));
        Ok(Some(index))
    }

    fn create_app(&mut self, id: &str) -> Result<AppIndex, String> {
        let app_id = AppId::new(id).map_err(|error| error.to_string())?;
        let write_key = keys::random_text::<16>().map_err(|error| error.to_string())?;
        let app = App { name: id.to_owned(), id: app_id, write_key };
        match self.engine.edit(CatalogEdit::AddApp { workspace: self.workspace.index, app }) {
            // Another thread may have met the same app first.
            Ok(_) | Err(EngineError::Catalog(CatalogError::AppExists(_))) => {}
            Err(error) => return Err(error.to_string()),
        }
        self.workspace = refreshed(self.engine, self.workspace.index).unwrap_or_else(|| Arc::clone(&self.workspace));
        self.workspace.app(id).ok_or_else(|| format!("the app `{id}` could not be made"))
    }
}

fn refreshed(engine: &Engine, workspace: WorkspaceIndex) -> Option<Arc<Workspace>> {
    engine.catalog().workspace(workspace).cloned()
}
