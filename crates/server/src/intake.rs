use std::sync::Arc;

use dauphin_core::{Arrival, Stamp};
use dauphin_dialects::{Event, EventKind, Message, PlainRows, Row};
use dauphin_engine::{
    Actor, App, AuditEntry, Backend, CatalogEdit, CatalogError, EngineError, IdentityChange, Submission, Workspace,
};
use dauphin_model::limits::AHEAD_SECONDS_MAX;
use dauphin_model::{
    ActiveDay, Activity, AppId, AppIndex, Identity, IdentityKind, IdentitySecret, Instant, OffsetCursor, ProfileHasher,
    ProfileKey, SessionFingerprint, WorkspaceIndex,
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
    engine: &'a dyn Backend,
    workspace: Arc<Workspace>,
    secret: IdentitySecret,
    /// Of the ids that rows have.
    user_ids: ProfileHasher,
    now: Instant,
    /// What lies later is a wrong clock's.
    latest: Instant,
    arrival: Arrival,
    unknown_apps: UnknownApps,
    actor: Actor,
    /// Apps met lately: rows of a file name the same few again and again.
    recent_apps: Vec<(Box<str>, AppIndex)>,
    failure: Option<EngineError>,
    days: OffsetCursor,
}

impl<'a> Intake<'a> {
    /// For rows that arrive `now`.
    pub fn new(
        engine: &'a dyn Backend,
        workspace: Arc<Workspace>,
        now: Instant,
        arrival: Arrival,
        unknown_apps: UnknownApps,
    ) -> Self {
        let secret = engine.catalog().secret.clone();
        let days = workspace.zone.cursor();
        Self {
            engine,
            workspace,
            user_ids: ProfileHasher::new(&secret, IdentityKind::ExternalId),
            secret,
            now,
            latest: now.offset_saturating(AHEAD_SECONDS_MAX),
            arrival,
            unknown_apps,
            actor: Actor::CommandLine,
            recent_apps: Vec::new(),
            failure: None,
            days,
        }
    }

    /// Says whose rows these are; without it they are the command line's.
    pub fn by(mut self, actor: Actor) -> Self {
        self.actor = actor;
        self
    }

    /// Whose rows these are.
    pub fn workspace(&self) -> WorkspaceIndex {
        self.workspace.index
    }

    /// An empty submission with today's stamp.
    pub fn submission(&self) -> Submission {
        Submission::new(self.workspace.index, self.stamp()).cut_in(&self.workspace.zone)
    }

    /// What the audit log is to remember of changes of who is who that came with the rows.
    pub fn audit(&self, changes: &[IdentityChange]) -> AuditEntry {
        AuditEntry::on_identities(self.now, self.actor.clone(), "user.import", changes)
    }

    /// Why an app could not be made, though it may be: the rows that name it were rejected and are not to blame.
    pub fn failure(&self) -> Option<&EngineError> {
        self.failure.as_ref()
    }

    /// Today, in the workspace's zone, and how it comes in.
    pub fn stamp(&self) -> Stamp {
        let recorded = ActiveDay::new(self.workspace.zone.day_of(self.now)).expect("the clock is before 2149");
        Stamp { recorded, arrival: self.arrival }
    }

    /// Adds a row, or says why it cannot be counted.
    pub fn add(&mut self, row: &Row<'_>, submission: &mut Submission) -> Result<(), String> {
        let activity = self.activity(row)?;
        let day = self.day_of(activity.instant)?;
        submission.active(activity.profile, activity.app, day);
        if let Some(id) = &row.session_id {
            self.session(activity.profile, activity.app, activity.instant, Some(id), submission);
        }
        Ok(())
    }

    /// Adds rows that are well formed and of apps that can be told, and pushes the numbers of all others to `left`.
    pub fn add_plain(&mut self, rows: &PlainRows<'_>, submission: &mut Submission, left: &mut Vec<usize>) {
        // Of the apps that were met so far.
        let mut apps = vec![None; rows.app_ids().len()];
        for index in 0..rows.row_count() {
            let number = rows.app_number(index);
            let added = self.plain_activity(rows.user_id(index), rows.seconds(index)).and_then(|(profile, day)| {
                let app = match apps[number] {
                    Some(app) => app,
                    None => *apps[number].insert(self.known_app(Some(rows.app_ids()[number])).ok()?),
                };
                submission.active(profile, app, day);
                Some(())
            });
            if added.is_none() {
                left.push(index);
            }
        }
    }

    #[inline]
    fn plain_activity(&mut self, user_id: &str, seconds: i64) -> Option<(ProfileKey, ActiveDay)> {
        // The last second may be beyond what is allowed by a part of it.
        if !(0..self.latest.seconds()).contains(&seconds) {
            return None;
        }
        let day = ActiveDay::new(self.days.day_of(Instant::new(seconds, 0)?))?;
        Some((self.user_ids.key(user_id).ok()?, day))
    }

    /// Adds what a message says, or says why it cannot be counted. What changes who is who goes to `identities`, to be
    /// handed in after the submission; claims travel with it.
    pub fn say(
        &mut self,
        message: &Message<'_>,
        submission: &mut Submission,
        identities: &mut Vec<IdentityChange>,
    ) -> Result<(), String> {
        match message {
            Message::Event(event) => self.event(event, submission),
            Message::Claim { anonymous, user } => {
                submission.claim(self.key(anonymous)?, self.key(user)?);
                Ok(())
            }
            Message::Known { profile } => {
                submission.known(self.key(profile)?);
                Ok(())
            }
            Message::Link { profile, other } => {
                identities.push(IdentityChange::Link { profile: self.key(profile)?, other: self.key(other)? });
                Ok(())
            }
            Message::Erase { profile } => {
                identities.push(IdentityChange::Erase { profile: self.key(profile)? });
                Ok(())
            }
        }
    }

    fn event(&mut self, event: &Event<'_>, submission: &mut Submission) -> Result<(), String> {
        let profile = self.key(&event.who)?;
        let instant = self.checked_instant(event.instant)?;
        let app = self.known_app(event.app_id.as_deref())?;
        let day = self.day_of(instant)?;
        match &event.kind {
            EventKind::Named(name) if !self.workspace.activity.counts(name) => {}
            EventKind::Listed(name) if !self.workspace.activity.lists(name) => {}
            EventKind::Named(_) | EventKind::Listed(_) | EventKind::Seen => submission.active(profile, app, day),
            EventKind::SessionStart { id } => {
                submission.active(profile, app, day);
                self.session(profile, app, instant, id.as_deref(), submission);
            }
            EventKind::InSession { id } => self.session(profile, app, instant, Some(id), submission),
            EventKind::Uninstall => submission.uninstall(profile, app, day),
        }
        Ok(())
    }

    /// A session with an id is the same wherever it is met again in the app; one without is told by who and when.
    fn session(
        &mut self,
        profile: ProfileKey,
        app: Option<AppIndex>,
        instant: Instant,
        id: Option<&str>,
        submission: &mut Submission,
    ) {
        let fingerprint = match id.filter(|id| !id.is_empty()) {
            Some(id) => SessionFingerprint::of_id(&self.secret, app, id),
            None => SessionFingerprint::of_start(&self.secret, app, profile, instant),
        };
        // An instant that was counted as activity lies well inside the calendar.
        let Some(hour) = self.workspace.zone.hour_of(instant) else { return };
        if let Some(day) = ActiveDay::new(hour.day) {
            submission.session(app, day, hour.number, fingerprint);
        }
    }

    fn key(&self, identity: &Identity<'_>) -> Result<ProfileKey, String> {
        identity.key(&self.secret).map_err(|error| error.to_string())
    }

    fn day_of(&mut self, instant: Instant) -> Result<ActiveDay, String> {
        ActiveDay::new(self.days.day_of(instant)).ok_or_else(|| "the time is out of range".to_owned())
    }

    fn known_app(&mut self, id: Option<&str>) -> Result<Option<AppIndex>, String> {
        match id {
            None | Some("") => Ok(None),
            Some(id) => self.app(id),
        }
    }

    /// The time of something that happened, or of arrival, if it can be counted.
    fn checked_instant(&self, instant: Option<Instant>) -> Result<Instant, String> {
        let instant = instant.unwrap_or(self.now);
        if instant.seconds() < 0 {
            return Err(format!("the time {instant} is before 1970; activity is counted from 1970-01-01T00:00:00Z on"));
        }
        if instant > self.latest {
            return Err(format!("the time {instant} is more than 48 hours ahead of the server's clock"));
        }
        Ok(instant)
    }

    fn activity(&mut self, row: &Row<'_>) -> Result<Activity, String> {
        let profile = self.user_ids.key(&row.user_id).map_err(|error| error.to_string())?;
        let instant = self.checked_instant(row.instant)?;
        let app = self.known_app(row.app_id.as_deref())?;
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
        let details = serde_json::json!({"name": id, "app_id": id, "with": "data"});
        let entry = AuditEntry::new(self.now, self.actor.clone(), "app.add", details);
        match self.engine.edit(CatalogEdit::AddApp { workspace: self.workspace.index, app }, Some(entry)) {
            // Another thread may have met the same app first.
            Ok(_) | Err(EngineError::Catalog(CatalogError::AppExists(_))) => {}
            Err(error) => {
                let reason = error.to_string();
                if !matches!(error, EngineError::Catalog(_)) {
                    self.failure = Some(error);
                }
                return Err(reason);
            }
        }
        self.workspace = refreshed(self.engine, self.workspace.index).unwrap_or_else(|| Arc::clone(&self.workspace));
        self.workspace.app(id).ok_or_else(|| format!("the app `{id}` could not be made"))
    }
}

fn refreshed(engine: &dyn Backend, workspace: WorkspaceIndex) -> Option<Arc<Workspace>> {
    engine.catalog().workspace(workspace).cloned()
}

#[cfg(test)]
mod tests;
