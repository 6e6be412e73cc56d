use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use dauphin_api::{ApiError, ErrorCode};
use dauphin_core::Arrival;
use dauphin_dialects::{ProfileEdit, ProfileEntry, ProfileRequest, read_profiles};
use dauphin_engine::{AuditEntry, Backend, IdentityChange, IdentityOutcome};
use dauphin_model::limits::PERSON_PROFILES_MAX;
use dauphin_model::{Identity, IdentityError, IdentitySecret, Instant};
use serde::Serialize;

use super::access::Visitor;
use super::track::ElementError;
use super::{App, body, respond};
use crate::intake::{Intake, UnknownApps};
use crate::taking::change_identities;

/// A route that changes who is who.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProfileRoute(ProfileRequest);

impl ProfileRoute {
    /// The route at `path`.
    pub fn from_path(path: &str) -> Option<Self> {
        Some(Self(match path {
            "/users/delete" => ProfileRequest::Delete,
            "/users/alias/new" => ProfileRequest::NewAliases,
            "/users/alias/update" => ProfileRequest::UpdateAliases,
            "/users/identify" => ProfileRequest::Identify,
            "/users/merge" => ProfileRequest::Merge,
            "/users/external_ids/rename" => ProfileRequest::RenameIds,
            "/users/external_ids/remove" => ProfileRequest::RemoveIds,
            _ => return None,
        }))
    }

    /// What the audit log calls it.
    const fn action(self) -> &'static str {
        match self.0 {
            ProfileRequest::Delete => "user.erase",
            ProfileRequest::NewAliases | ProfileRequest::Identify | ProfileRequest::Merge => "user.link",
            ProfileRequest::UpdateAliases => "user.replace",
            ProfileRequest::RenameIds => "user.rename",
            ProfileRequest::RemoveIds => "user.remove",
        }
    }

    /// What a key must be allowed to do.
    pub const fn permission(self) -> &'static str {
        match self.0 {
            ProfileRequest::Delete => "users.delete",
            ProfileRequest::NewAliases => "users.alias.new",
            ProfileRequest::UpdateAliases => "users.alias.update",
            ProfileRequest::Identify => "users.identify",
            ProfileRequest::Merge => "users.merge",
            ProfileRequest::RenameIds => "users.external_ids.rename",
            ProfileRequest::RemoveIds => "users.external_ids.remove",
        }
    }
}

/// Changes who is who, and answers when it is durable and visible.
pub async fn profiles(
    app: &Arc<App>,
    route: ProfileRoute,
    visitor: Visitor,
    request: Request,
    now: Instant,
) -> Result<Response, ApiError> {
    let (body, permits) = body::read_json(app, request).await?;
    let app = Arc::clone(app);
    let asked = route.0;
    let work = move || {
        let _permits = permits;
        let entries = read_profiles(asked, &body).map_err(body::unreadable)?;
        let outcomes = change(&*app.engine, route, &visitor, &entries, now)?;
        Ok(answer(asked, &entries, &outcomes))
    };
    tokio::task::spawn_blocking(work).await.map_err(|_| ErrorCode::Internal)?
}

/// What became of each entry; of one that asks for nothing, or cannot be read, nothing. Blocks its thread.
fn change(
    engine: &dyn Backend,
    route: ProfileRoute,
    visitor: &Visitor,
    entries: &[ProfileEntry<'_>],
    now: Instant,
) -> Result<Vec<IdentityOutcome>, ApiError> {
    let secret = &engine.catalog().secret;
    let changes: Result<Vec<_>, _> =
        entries.iter().filter_map(|entry| edit_of(entry).and_then(|edit| keyed(edit, secret).transpose())).collect();
    // The dialect lets no other through.
    let changes = changes.map_err(|error| ApiError::with_message(ErrorCode::InvalidParameter, error.to_string()))?;
    let workspace = &visitor.workspace;
    let intake = Intake::new(engine, Arc::clone(workspace), now, Arrival::Sent, UnknownApps::Reject);
    let audit = AuditEntry::on_identities(now, visitor.actor(), route.action(), &changes);
    let outcomes = change_identities(engine, workspace.index, intake.stamp(), changes, Some(audit));
    let outcomes = outcomes.map_err(|error| respond::not_taken(&error))?;
    let mut outcomes = outcomes.into_iter();
    let of_entry = |entry: &ProfileEntry<'_>| match edit_of(entry) {
        None | Some(ProfileEdit::Nothing) => Some(IdentityOutcome::Unchanged),
        Some(_) => outcomes.next(),
    };
    entries.iter().map(of_entry).collect::<Option<Vec<_>>>().ok_or(ErrorCode::Internal.into())
}

fn edit_of<'e, 'a>(entry: &'e ProfileEntry<'a>) -> Option<&'e ProfileEdit<'a>> {
    entry.edit.as_ref().ok()
}

fn keyed(edit: &ProfileEdit<'_>, secret: &IdentitySecret) -> Result<Option<IdentityChange>, IdentityError> {
    let key = |identity: &Identity<'_>| identity.key(secret);
    Ok(Some(match edit {
        ProfileEdit::Nothing => return Ok(None),
        ProfileEdit::Erase { profile } => IdentityChange::Erase { profile: key(profile)? },
        ProfileEdit::Link { profile, other } => IdentityChange::Link { profile: key(profile)?, other: key(other)? },
        ProfileEdit::Rename { from, to } => IdentityChange::Rename { from: key(from)?, to: key(to)? },
        ProfileEdit::Replace { from, to } => IdentityChange::Replace { from: key(from)?, to: key(to)? },
        ProfileEdit::Remove { profile } => IdentityChange::Remove { profile: key(profile)? },
    }))
}

/// What was done for an entry, or why nothing was.
fn done<'e, 'a>(entry: &'e ProfileEntry<'a>, outcome: IdentityOutcome) -> Result<&'e ProfileEdit<'a>, String> {
    let edit = entry.edit.as_ref().map_err(Clone::clone)?;
    let refusal = match (edit, outcome) {
        (_, IdentityOutcome::TooMany) => {
            format!("the person would have more than {PERSON_PROFILES_MAX} profiles; that many are no single person")
        }
        (ProfileEdit::Rename { .. }, IdentityOutcome::Unknown) => "'current_external_id' is not known".to_owned(),
        (ProfileEdit::Rename { .. }, IdentityOutcome::OutOfUse) => "'current_external_id' is an old name".to_owned(),
        (ProfileEdit::Rename { .. }, IdentityOutcome::Taken) => "'new_external_id' is in use already".to_owned(),
        (ProfileEdit::Remove { .. }, IdentityOutcome::Unknown) => "the external id is not known".to_owned(),
        (ProfileEdit::Remove { .. }, IdentityOutcome::InUse) => {
            "the external id is in use; only one that a rename put out of use can be removed".to_owned()
        }
        // Whom nobody knows, or who is named so already, is no error to Braze.
        _ => return Ok(edit),
    };
    Err(refusal)
}

fn answer(asked: ProfileRequest, entries: &[ProfileEntry<'_>], outcomes: &[IdentityOutcome]) -> Response {
    let results = entries.iter().zip(outcomes).map(|(entry, outcome)| (entry, done(entry, *outcome)));
    let (mut edits, mut refused) = (Vec::new(), Vec::new());
    for (entry, result) in results {
        match result {
            Ok(edit) => edits.push(edit),
            Err(reason) => refused.push((entry, reason)),
        }
    }
    match asked {
        ProfileRequest::RenameIds => {
            let external_ids = edits.into_iter().filter_map(renamed).collect();
            let rename_errors = refused.into_iter().map(sentence).collect();
            respond::json_with_status(201, &RenameAnswer { external_ids, rename_errors, message: "success" })
        }
        ProfileRequest::RemoveIds => {
            let removed_ids = edits.into_iter().filter_map(removed).collect();
            let removal_errors = refused.into_iter().map(sentence).collect();
            respond::json_with_status(201, &RemoveAnswer { removed_ids, removal_errors, message: "success" })
        }
        ProfileRequest::Delete
        | ProfileRequest::NewAliases
        | ProfileRequest::UpdateAliases
        | ProfileRequest::Identify
        | ProfileRequest::Merge => counted(asked, edits.len(), &refused),
    }
}

fn renamed(edit: &ProfileEdit<'_>) -> Option<Renamed> {
    let ProfileEdit::Rename { from, to } = edit else { return None };
    let (current_external_id, new_external_id) = (from.text.clone().into_owned(), to.text.clone().into_owned());
    Some(Renamed { current_external_id, new_external_id })
}

fn removed(edit: &ProfileEdit<'_>) -> Option<String> {
    let ProfileEdit::Remove { profile } = edit else { return None };
    Some(profile.text.clone().into_owned())
}

/// An error that says which entry it is about.
fn sentence((entry, reason): (&ProfileEntry<'_>, String)) -> String {
    format!("{} at index {}: {reason}", entry.array, entry.index)
}

/// How many entries were taken, and what is wrong with the others; 400 when that is all of them.
fn counted(asked: ProfileRequest, count: usize, refused: &[(&ProfileEntry<'_>, String)]) -> Response {
    let errors = refused.iter().map(|(entry, reason)| ElementError {
        r#type: reason.clone(),
        input_array: entry.array,
        index: entry.index,
    });
    let errors = errors.collect();
    if let (0, Some((entry, _))) = (count, refused.first()) {
        let message = format!("Valid data must be provided in the '{}' field.", entry.array);
        return respond::json_with_status(400, &Counted { deleted: None, aliases_processed: None, message, errors });
    }
    let (status, deleted, aliases_processed) = match asked {
        ProfileRequest::Delete => (201, Some(count), None),
        ProfileRequest::Merge => (202, None, None),
        _ => (201, None, Some(count)),
    };
    let message = "success".to_owned();
    respond::json_with_status(status, &Counted { deleted, aliases_processed, message, errors })
}

#[derive(Serialize)]
struct Renamed {
    current_external_id: String,
    new_external_id: String,
}

#[derive(Serialize)]
struct RenameAnswer {
    external_ids: Vec<Renamed>,
    rename_errors: Vec<String>,
    message: &'static str,
}

#[derive(Serialize)]
struct RemoveAnswer {
    removed_ids: Vec<String>,
    removal_errors: Vec<String>,
    message: &'static str,
}

#[derive(Serialize)]
struct Counted {
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aliases_processed: Option<usize>,
    message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ElementError>,
}
