use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use dauphin_api::{ApiError, ErrorCode};
use dauphin_core::Arrival;
use dauphin_dialects::{ProfileEdit, ProfileEntry, ProfileRequest, read_profiles};
use dauphin_engine::{Engine, IdentityChange, IdentityOutcome};
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
    ProfileRoute(asked): ProfileRoute,
    visitor: Visitor,
    request: Request,
    now: Instant,
) -> Result<Response, ApiError> {
    let (body, permits) = body::read_json(app, request).await?;
    let app = Arc::clone(app);
    let work = move || {
        let _permits = permits;
        let entries = read_profiles(asked, &body).map_err(body::unreadable)?;
        let outcomes = change(&app.engine, &visitor, &entries, now)?;
        Ok(answer(asked, &entries, &outcomes))
    };
    tokio::task::spawn_blocking(work).await.map_err(|_| ErrorCode::Internal)?
}

/// What became of each entry; of one that asks for nothing, or cannot be read, nothing. Blocks its thread.
fn change(
    engine: &Engine,
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
    let outcomes =
        change_identities(engine, workspace, &intake, changes).map_err(|error| respond::not_taken(&error))?;
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

/// Whether an entry was done, or why not.
fn done<'e, 'a>(entry: &'e ProfileEntry<'a>, outcome: IdentityOutcome) -> Result<&'e ProfileEdit<'a>, String> {
    let edit = entry.edit.as_ref().map_err(Clone::clone)?;
    match (edit, outcome) {
        (ProfileEdit::Rename { .. }, IdentityOutcome::Unknown | IdentityOutcome::InUse) => {
            Err("'current_external_id' is not known, or is an old name already".to_owned())
        }
        (ProfileEdit::Rename { .. }, IdentityOutcome::Taken) => Err("'new_external_id' is in use already".to_owned()),
        (ProfileEdit::Remove { .. }, IdentityOutcome::Unknown) => Err("the external id is not known".to_owned()),
        (ProfileEdit::Remove { .. }, IdentityOutcome::InUse | IdentityOutcome::Taken) => {
            Err("the external id is in use; only one that a rename put out of use can be removed".to_owned())
        }
        // As Braze, which takes the others and says no more of them.
        _ => Ok(edit),
    }
}

fn answer(asked: ProfileRequest, entries: &[ProfileEntry<'_>], outcomes: &[IdentityOutcome]) -> Response {
    let done = || entries.iter().zip(outcomes).map(|(entry, outcome)| (entry, done(entry, *outcome)));
    match asked {
        ProfileRequest::Merge => respond::json_with_status(202, &Merged { message: "success" }),
        ProfileRequest::RenameIds => {
            let renamed = |edit: &ProfileEdit<'_>| match edit {
                ProfileEdit::Rename { from, to } => Some(Renamed {
                    current_external_id: from.text.clone().into_owned(),
                    new_external_id: to.text.clone().into_owned(),
                }),
                _ => None,
            };
            let external_ids = done().filter_map(|(_, done)| done.ok().and_then(renamed)).collect();
            let rename_errors = done().filter_map(named_error).collect();
            respond::json_with_status(201, &RenameAnswer { external_ids, rename_errors, message: "success" })
        }
        ProfileRequest::RemoveIds => {
            let removed = |edit: &ProfileEdit<'_>| match edit {
                ProfileEdit::Remove { profile } => Some(profile.text.clone().into_owned()),
                _ => None,
            };
            let removed_ids = done().filter_map(|(_, done)| done.ok().and_then(removed)).collect();
            let removal_errors = done().filter_map(named_error).collect();
            respond::json_with_status(201, &RemoveAnswer { removed_ids, removal_errors, message: "success" })
        }
        ProfileRequest::Delete
        | ProfileRequest::NewAliases
        | ProfileRequest::UpdateAliases
        | ProfileRequest::Identify => counted(asked, entries),
    }
}

/// An error that tells its entry by its index.
fn named_error((entry, done): (&ProfileEntry<'_>, Result<&ProfileEdit<'_>, String>)) -> Option<String> {
    done.err().map(|reason| format!("{} at index {}: {reason}", entry.array, entry.index))
}

/// The number of entries that could be read, and what is wrong with the others; 400 when that is all of them.
fn counted(asked: ProfileRequest, entries: &[ProfileEntry<'_>]) -> Response {
    let errors = entries.iter().filter_map(|entry| {
        let reason = entry.edit.as_ref().err()?;
        Some(ElementError { r#type: reason.clone(), input_array: entry.array, index: entry.index })
    });
    let errors: Vec<_> = errors.collect();
    let good = entries.len() - errors.len();
    if good == 0 {
        let message = format!("Valid data must be provided in the '{}' field.", entries[0].array);
        return respond::json_with_status(400, &Counted { deleted: None, aliases_processed: None, message, errors });
    }
    let (deleted, aliases_processed) =
        if asked == ProfileRequest::Delete { (Some(good), None) } else { (None, Some(good)) };
    let message = "success".to_owned();
    respond::json_with_status(201, &Counted { deleted, aliases_processed, message, errors })
}

#[derive(Serialize)]
struct Merged {
    message: &'static str,
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
