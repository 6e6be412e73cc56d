//! What may be changed of a data directory, by whoever holds a key or runs a command: settings, apps, keys and people.
//! One implementation for the routes and for the command line; each takes JSON and answers JSON.

mod apps;
mod asked;
mod audit;
mod held_keys;
mod name;
mod operation;
mod users;
mod workspaces;

use std::sync::Arc;

use dauphin_api::{ApiError, ErrorCode};
use dauphin_engine::{
    Actor, ApiKey, AuditEntry, AuditPage, AuditRecord, Backend, Catalog, CatalogEdit, EngineError, Workspace,
};
use dauphin_model::Instant;
use dauphin_store::Store;
use serde::Serialize;
use serde_json::Value;

use asked::Asked;
pub use name::check_name;
pub use operation::{AdminPath, Operation, UserAction};

/// Requests an hour, as Braze allows by default.
pub const RATE_LIMIT_PER_HOUR: u32 = 250_000;

/// What is administered.
pub enum Directory<'a> {
    /// A data directory or a cluster at work.
    Working(&'a dyn Backend),
    /// A data directory that is only read, and what is set up in it.
    Resting(&'a dyn Store, Arc<Catalog>),
}

/// Somebody, at work on a workspace.
pub struct Administration<'a> {
    /// Of what.
    pub directory: Directory<'a>,
    /// Where.
    pub workspace: Arc<Workspace>,
    /// The key they hold; `None`: they run commands.
    pub key: Option<Arc<ApiKey>>,
    /// When.
    pub now: Instant,
}

impl Administration<'_> {
    /// Does what is asked, and gives the body of the answer. Blocks until a change is durable and visible.
    pub fn carry_out(&self, operation: Operation, asked: Value) -> Result<Vec<u8>, ApiError> {
        let asked = Asked::new(asked)?;
        match operation {
            Operation::ShowWorkspace => workspaces::show(self, asked),
            Operation::SetWorkspace => workspaces::set(self, asked),
            Operation::ListWorkspaces => workspaces::list(self, asked),
            Operation::AddWorkspace => workspaces::add(self, asked),
            Operation::ListApps => apps::list(self, asked),
            Operation::AddApp => apps::add(self, asked),
            Operation::RenameApp => apps::rename(self, asked),
            Operation::RotateApp => apps::rotate(self, asked),
            Operation::ListKeys => held_keys::list(self, asked),
            Operation::AddKey => held_keys::add(self, asked),
            Operation::RevokeKey => held_keys::revoke(self, asked),
            Operation::ChangeUser(action) => users::change(self, action, asked),
            Operation::ListAudit => audit::list(self, asked),
        }
    }

    fn actor(&self) -> Actor {
        match &self.key {
            None => Actor::CommandLine,
            Some(key) => Actor::Key { workspace: self.workspace.index, name: key.name.clone() },
        }
    }

    fn catalog(&self) -> Arc<Catalog> {
        match &self.directory {
            Directory::Working(engine) => engine.catalog(),
            Directory::Resting(_, catalog) => Arc::clone(catalog),
        }
    }

    fn engine(&self) -> Result<&dyn Backend, ApiError> {
        match self.directory {
            Directory::Working(engine) => Ok(engine),
            Directory::Resting(..) => Err(ErrorCode::Internal.into()),
        }
    }

    /// Makes an edit, remembered under `action` with `details`.
    fn edit(&self, edit: CatalogEdit, action: &'static str, details: Value) -> Result<Arc<Catalog>, ApiError> {
        let entry = AuditEntry::new(self.now, self.actor(), action, details);
        self.engine()?.edit(edit, Some(entry)).map_err(|error| refused(&error))
    }

    fn audit(&self, page: AuditPage) -> Result<Vec<AuditRecord>, ApiError> {
        match &self.directory {
            Directory::Working(engine) => engine.audit(page).map_err(|error| refused(&error)),
            Directory::Resting(store, _) => page.read(*store).map_err(|error| {
                tracing::error!(%error, "the audit log cannot be read");
                ErrorCode::Internal.into()
            }),
        }
    }
}

fn refused(error: &EngineError) -> ApiError {
    match error {
        EngineError::Catalog(error) => refuse(error.to_string()),
        _ => crate::http::not_taken(error),
    }
}

fn refuse(message: impl Into<String>) -> ApiError {
    ApiError::with_message(ErrorCode::InvalidParameter, message.into())
}

fn success(answer: &impl Serialize) -> Result<Vec<u8>, ApiError> {
    #[derive(Serialize)]
    struct Success<'a, T> {
        message: &'static str,
        #[serde(flatten)]
        answer: &'a T,
    }
    serde_json::to_vec(&Success { message: "success", answer }).map_err(|_| ErrorCode::Internal.into())
}
