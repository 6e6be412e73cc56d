//! Bodies of Braze's profile routes: who is to be forgotten, renamed, or is the same as somebody else.

use dauphin_model::{Identity, IdentityKind};
use serde::Deserialize;

use crate::braze_identity::{Names, alias, external, labelled, text};
use crate::error::BodyError;
use crate::json_body::{self, Field};

/// Most entries of one body, in all its arrays: as Braze documents for each of these routes.
const ENTRIES_MAX: usize = 50;

/// What a body asks for; each is a route of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProfileRequest {
    /// `/users/delete`
    Delete,
    /// `/users/alias/new`
    NewAliases,
    /// `/users/alias/update`
    UpdateAliases,
    /// `/users/identify`
    Identify,
    /// `/users/merge`
    Merge,
    /// `/users/external_ids/rename`
    RenameIds,
    /// `/users/external_ids/remove`
    RemoveIds,
}

/// One change of who is who.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProfileEdit<'a> {
    /// Nothing is to be done: a new alias of nobody is known once it is active, and an alias without a label names nobody.
    Nothing,
    /// The person is to be forgotten.
    Erase {
        /// One of their profiles.
        profile: Identity<'a>,
    },
    /// Two profiles are one person.
    Link {
        /// The one, which Braze gives up.
        profile: Identity<'a>,
        /// The other, which Braze keeps.
        other: Identity<'a>,
    },
    /// The person has a new name; the old one still works until it is removed.
    Rename {
        /// The old one.
        from: Identity<'a>,
        /// The new one.
        to: Identity<'a>,
    },
    /// The person has a new name; the old one is nobody's.
    Replace {
        /// The old one.
        from: Identity<'a>,
        /// The new one.
        to: Identity<'a>,
    },
    /// An old name is nobody's any more.
    Remove {
        /// The old name.
        profile: Identity<'a>,
    },
}

/// One entry of a body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProfileEntry<'a> {
    /// In which array.
    pub array: &'static str,
    /// Counted from 0.
    pub index: usize,
    /// What it asks for, or why it cannot be read.
    pub edit: Result<ProfileEdit<'a>, String>,
}

/// Reads a body of at most 50 entries.
///
/// ```
/// use dauphin_dialects::{ProfileEdit, ProfileRequest, read_profiles};
///
/// let body = br#"{"external_ids":["ada","bob"]}"#;
/// let entries = read_profiles(ProfileRequest::Delete, body).unwrap();
/// assert!(entries.iter().all(|entry| matches!(entry.edit, Ok(ProfileEdit::Erase { .. }))));
/// assert_eq!(entries.len(), 2);
/// ```
pub fn read_profiles(request: ProfileRequest, body: &[u8]) -> Result<Vec<ProfileEntry<'_>>, BodyError> {
    match request {
        ProfileRequest::Delete => delete(body),
        ProfileRequest::NewAliases => one_array(body, "user_aliases", |body| body.user_aliases, new_alias),
        ProfileRequest::UpdateAliases => one_array(body, "alias_updates", |body| body.alias_updates, update_alias),
        ProfileRequest::Identify => identify(body),
        ProfileRequest::Merge => merge(body),
        ProfileRequest::RenameIds => one_array(body, "external_id_renames", |body| body.external_id_renames, rename),
        ProfileRequest::RemoveIds => one_array(body, "external_ids", |body| body.external_ids, remove),
    }
}

/// The arrays of all the bodies.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body<'a> {
    #[serde(borrow)]
    external_ids: Field<'a>,
    #[serde(borrow)]
    user_aliases: Field<'a>,
    #[serde(borrow)]
    braze_ids: Field<'a>,
    #[serde(borrow)]
    email_addresses: Field<'a>,
    #[serde(borrow)]
    phone_numbers: Field<'a>,
    #[serde(borrow)]
    alias_updates: Field<'a>,
    #[serde(borrow)]
    aliases_to_identify: Field<'a>,
    #[serde(borrow)]
    emails_to_identify: Field<'a>,
    #[serde(borrow)]
    phone_numbers_to_identify: Field<'a>,
    #[serde(borrow)]
    merge_behavior: Field<'a>,
    #[serde(borrow)]
    merge_updates: Field<'a>,
    #[serde(borrow)]
    external_id_renames: Field<'a>,
}

type Edit<'a> = Result<ProfileEdit<'a>, String>;

/// The entries of the arrays that a body has, in order.
#[derive(Default)]
struct Entries<'a>(Vec<ProfileEntry<'a>>);

impl<'a> Entries<'a> {
    fn add(
        &mut self,
        array: &'static str,
        field: Field<'a>,
        read: impl Fn(Field<'a>) -> Edit<'a>,
    ) -> Result<usize, BodyError> {
        let mut index = 0;
        field.elements(array, &mut |element| {
            if self.0.len() == ENTRIES_MAX {
                return Err(BodyError::Shape(format!(
                    "a single request may not contain more than {ENTRIES_MAX} {array}"
                )));
            }
            self.0.push(ProfileEntry { array, index, edit: read(element) });
            index += 1;
            Ok(())
        })?;
        Ok(index)
    }

    fn finish(self, arrays: &str) -> Result<Vec<ProfileEntry<'a>>, BodyError> {
        if self.0.is_empty() {
            return Err(BodyError::Shape(format!("{arrays} must be an array that is not empty")));
        }
        Ok(self.0)
    }
}

fn one_array<'a>(
    body: &'a [u8],
    name: &'static str,
    array: fn(&Body<'a>) -> Field<'a>,
    read: fn(Field<'a>) -> Edit<'a>,
) -> Result<Vec<ProfileEntry<'a>>, BodyError> {
    let body: Body<'a> = json_body::read(body)?;
    let mut entries = Entries::default();
    entries.add(name, array(&body), read)?;
    entries.finish(&format!("'{name}'"))
}

fn delete(body: &[u8]) -> Result<Vec<ProfileEntry<'_>>, BodyError> {
    let body: Body<'_> = json_body::read(body)?;
    let mut entries = Entries::default();
    let mut kinds = 0;
    let mut count = |added: usize| kinds += usize::from(added > 0);
    count(entries.add("external_ids", body.external_ids, |id| erase(external(id, "external_id")?, "external_id"))?);
    count(entries.add("user_aliases", body.user_aliases, erase_alias)?);
    count(
        entries
            .add("braze_ids", body.braze_ids, |id| erase(text(IdentityKind::BrazeId, id, "braze_id")?, "braze_id"))?,
    );
    count(entries.add("email_addresses", body.email_addresses, |id| {
        erase(contact(IdentityKind::Email, id, "email")?, "email")
    })?);
    count(
        entries.add("phone_numbers", body.phone_numbers, |id| {
            erase(contact(IdentityKind::Phone, id, "phone")?, "phone")
        })?,
    );
    if kinds > 1 {
        let message = "Only one of 'external_ids', 'user_aliases', 'braze_ids', 'email_addresses' or 'phone_numbers' can \
                       be included in a single request";
        return Err(BodyError::Shape(message.to_owned()));
    }
    entries.finish("One of 'external_ids', 'user_aliases', 'braze_ids', 'email_addresses' or 'phone_numbers'")
}

fn erase<'a>(identity: Option<Identity<'a>>, name: &str) -> Edit<'a> {
    Ok(ProfileEdit::Erase { profile: identity.ok_or_else(|| format!("'{name}' is required"))? })
}

/// Braze counts an alias that is a string, although without its label it names nobody.
fn erase_alias(field: Field<'_>) -> Edit<'_> {
    if field.text("user_alias").is_ok() {
        return Ok(ProfileEdit::Nothing);
    }
    erase(alias(field, "user_alias")?, "user_alias")
}

/// An email address or a phone number: a string, or an object with one and what to do if several people have it. Here
/// it names one person, so that there is nothing to choose; what is no choice is refused nevertheless.
fn contact<'a>(kind: IdentityKind, field: Field<'a>, name: &str) -> Result<Option<Identity<'a>>, String> {
    if field.text(name).is_ok() {
        return text(kind, field, name);
    }
    let chosen: Chosen<'a> = field.object(name)?.unwrap_or_default();
    check_prioritization(chosen.prioritization)?;
    let given = if kind == IdentityKind::Email { chosen.email } else { chosen.phone };
    text(kind, given, name)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Chosen<'a> {
    #[serde(borrow)]
    email: Field<'a>,
    #[serde(borrow)]
    phone: Field<'a>,
    #[serde(borrow)]
    prioritization: Field<'a>,
}

/// The words that choose among several people, of whom the first two exclude each other.
const PRIORITIES: [&str; 4] = ["identified", "unidentified", "most_recently_updated", "least_recently_updated"];

fn check_prioritization(field: Field<'_>) -> Result<(), String> {
    let mut given = [false; PRIORITIES.len()];
    let mut check = |element: Field<'_>| {
        let word = element.text("prioritization")?.unwrap_or_default();
        let known = PRIORITIES.iter().position(|known| *known == word);
        given[known.ok_or("'prioritization' has a word that is none of the four that Braze knows")?] = true;
        Ok(())
    };
    field
        .elements("prioritization", &mut |element| check(element).map_err(BodyError::Shape))
        .map_err(|error| error.to_string())?;
    if given[0] && given[1] {
        return Err("'prioritization' has both 'identified' and 'unidentified'; give one of them".to_owned());
    }
    Ok(())
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AliasEntry<'a> {
    #[serde(borrow)]
    external_id: Field<'a>,
    #[serde(borrow)]
    alias_name: Field<'a>,
    #[serde(borrow)]
    alias_label: Field<'a>,
    #[serde(borrow)]
    old_alias_name: Field<'a>,
    #[serde(borrow)]
    new_alias_name: Field<'a>,
}

fn new_alias(field: Field<'_>) -> Edit<'_> {
    let entry: AliasEntry<'_> = field.object("user_alias")?.unwrap_or_default();
    let alias = labelled(entry.alias_label, entry.alias_name, "alias_name")?;
    Ok(match external(entry.external_id, "external_id")? {
        Some(other) => ProfileEdit::Link { profile: alias, other },
        None => ProfileEdit::Nothing,
    })
}

fn update_alias(field: Field<'_>) -> Edit<'_> {
    let entry: AliasEntry<'_> = field.object("alias_update")?.unwrap_or_default();
    let from = labelled(entry.alias_label, entry.old_alias_name, "old_alias_name")?;
    let to = labelled(entry.alias_label, entry.new_alias_name, "new_alias_name")?;
    Ok(ProfileEdit::Replace { from, to })
}

fn identify(body: &[u8]) -> Result<Vec<ProfileEntry<'_>>, BodyError> {
    let body: Body<'_> = json_body::read(body)?;
    let behavior = body.merge_behavior.text("merge_behavior").map_err(BodyError::Shape)?;
    if !matches!(behavior.as_deref(), None | Some("none" | "merge")) {
        return Err(BodyError::Shape("'merge_behavior' must be 'none' or 'merge'".to_owned()));
    }
    let mut entries = Entries::default();
    entries.add("aliases_to_identify", body.aliases_to_identify, |entry| {
        known_as(entry, |entry| alias(entry.user_alias, "user_alias"), "user_alias")
    })?;
    entries.add("emails_to_identify", body.emails_to_identify, |entry| {
        known_as(entry, |entry| text(IdentityKind::Email, entry.email, "email"), "email")
    })?;
    entries.add("phone_numbers_to_identify", body.phone_numbers_to_identify, |entry| {
        known_as(entry, |entry| text(IdentityKind::Phone, entry.phone, "phone"), "phone")
    })?;
    entries.finish("One of 'aliases_to_identify', 'emails_to_identify' or 'phone_numbers_to_identify'")
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct IdentifyEntry<'a> {
    #[serde(borrow)]
    external_id: Field<'a>,
    #[serde(borrow)]
    user_alias: Field<'a>,
    #[serde(borrow)]
    email: Field<'a>,
    #[serde(borrow)]
    phone: Field<'a>,
    #[serde(borrow)]
    prioritization: Field<'a>,
}

fn known_as<'a>(
    field: Field<'a>,
    profile: impl Fn(&IdentifyEntry<'a>) -> Result<Option<Identity<'a>>, String>,
    name: &str,
) -> Edit<'a> {
    let entry: IdentifyEntry<'a> = field.object("entry")?.unwrap_or_default();
    check_prioritization(entry.prioritization)?;
    let profile = profile(&entry)?.ok_or_else(|| format!("'{name}' is required"))?;
    let other = external(entry.external_id, "external_id")?.ok_or("'external_id' is required")?;
    Ok(ProfileEdit::Link { profile, other })
}

/// Braze refuses the whole of a body of which one entry is wrong, in these words.
fn merge(body: &[u8]) -> Result<Vec<ProfileEntry<'_>>, BodyError> {
    let body: Body<'_> = json_body::read(body)?;
    let mut entries = Vec::new();
    let sent = body.merge_updates.elements("merge_updates", &mut |element| {
        if entries.len() == ENTRIES_MAX {
            let message = format!("a single request may not contain more than {ENTRIES_MAX} merge updates");
            return Err(BodyError::Shape(message));
        }
        let edit = merge_update(element).map_err(BodyError::Shape)?;
        entries.push(ProfileEntry { array: "merge_updates", index: entries.len(), edit: Ok(edit) });
        Ok(())
    })?;
    if !sent || entries.is_empty() {
        return Err(BodyError::Shape("'merge_updates' must be an array of objects".to_owned()));
    }
    Ok(entries)
}

fn merge_update(field: Field<'_>) -> Edit<'_> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Update<'a> {
        #[serde(borrow)]
        identifier_to_merge: Field<'a>,
        #[serde(borrow)]
        identifier_to_keep: Field<'a>,
    }
    let Ok(update) = field.object::<Update<'_>>("merge_update") else {
        let message = if field.object::<Body<'_>>("merge_update").is_ok() {
            "'merge_updates' must only have 'identifier_to_merge' and 'identifier_to_keep'"
        } else {
            "'merge_updates' must be an array of objects"
        };
        return Err(message.to_owned());
    };
    let update = update.ok_or("'merge_updates' must be an array of objects")?;
    let profile = identifier(update.identifier_to_merge)?;
    Ok(ProfileEdit::Link { profile, other: identifier(update.identifier_to_keep)? })
}

fn identifier(field: Field<'_>) -> Result<Identity<'_>, String> {
    let refuse = || {
        "identifiers must be objects with an 'external_id' property that is a string, 'user_alias' property that is an \
         object, 'email' property that is a string, or 'phone' property that is a string"
            .to_owned()
    };
    let names: Names<'_> = field.object("identifier").ok().flatten().ok_or_else(refuse)?;
    if let Some(chosen) = field.object::<Chosen<'_>>("identifier")? {
        check_prioritization(chosen.prioritization)?;
    }
    let names = Names { braze_id: Field::default(), ..names };
    names.identity()?.ok_or_else(refuse)
}

fn rename(field: Field<'_>) -> Edit<'_> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Rename<'a> {
        #[serde(borrow)]
        current_external_id: Field<'a>,
        #[serde(borrow)]
        new_external_id: Field<'a>,
    }
    let entry: Rename<'_> = field.object("external_id_rename")?.unwrap_or_default();
    let [from, to] = [(entry.current_external_id, "current_external_id"), (entry.new_external_id, "new_external_id")]
        .map(|(field, name)| external(field, name)?.ok_or_else(|| format!("'{name}' is required")));
    let (from, to) = (from?, to?);
    if from == to {
        return Err("'current_external_id' and 'new_external_id' cannot be the same".to_owned());
    }
    Ok(ProfileEdit::Rename { from, to })
}

fn remove(field: Field<'_>) -> Edit<'_> {
    let profile = external(field, "external_id")?.ok_or("'external_id' is required")?;
    Ok(ProfileEdit::Remove { profile })
}
