//! How Braze's REST bodies name a person.

use std::borrow::Cow;

use dauphin_model::{Identity, IdentityKind};
use serde::Deserialize;

use crate::json_body::Field;
use crate::row::checked_user_id;

/// The members of an object that name a person.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Names<'a> {
    #[serde(borrow)]
    pub external_id: Field<'a>,
    #[serde(borrow)]
    pub user_alias: Field<'a>,
    #[serde(borrow)]
    pub braze_id: Field<'a>,
    #[serde(borrow)]
    pub email: Field<'a>,
    #[serde(borrow)]
    pub phone: Field<'a>,
}

impl<'a> Names<'a> {
    /// The person. An external id and an alias exclude each other; an email names a person only when neither these nor a
    /// Braze id does, a phone number only when no email does either. Source: Braze's documentation of its identifiers.
    pub fn identity(&self) -> Result<Option<Identity<'a>>, String> {
        if self.external_id.is_some() && self.user_alias.is_some() {
            return Err("'external_id' and 'user_alias' exclude each other; give one of them".to_owned());
        }
        if self.external_id.is_some() {
            return external(self.external_id, "external_id");
        }
        if let Some(alias) = alias(self.user_alias, "user_alias")? {
            return Ok(Some(alias));
        }
        let others = [
            (IdentityKind::BrazeId, self.braze_id, "braze_id"),
            (IdentityKind::Email, self.email, "email"),
            (IdentityKind::Phone, self.phone, "phone"),
        ];
        match others.into_iter().find(|(_, field, _)| field.is_some()) {
            Some((kind, field, name)) => text(kind, field, name),
            None => Ok(None),
        }
    }
}

/// An external id: a string, or a whole number, which is its text.
pub(crate) fn external<'a>(field: Field<'a>, name: &str) -> Result<Option<Identity<'a>>, String> {
    field.id(name)?.map(|text| checked(IdentityKind::ExternalId, text, name)).transpose()
}

/// An identity that is a string.
pub(crate) fn text<'a>(kind: IdentityKind, field: Field<'a>, name: &str) -> Result<Option<Identity<'a>>, String> {
    field.text(name)?.map(|text| checked(kind, text, name)).transpose()
}

/// An alias: an object with a label and a name.
pub(crate) fn alias<'a>(field: Field<'a>, name: &str) -> Result<Option<Identity<'a>>, String> {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Alias<'a> {
        #[serde(borrow)]
        alias_name: Field<'a>,
        #[serde(borrow)]
        alias_label: Field<'a>,
    }
    let alias: Option<Alias<'a>> = field.object(name)?;
    alias.map(|alias| labelled(alias.alias_label, alias.alias_name, "alias_name")).transpose()
}

/// An alias by its two parts; the name's member has different names.
pub(crate) fn labelled<'a>(label: Field<'_>, name: Field<'_>, name_of_name: &str) -> Result<Identity<'a>, String> {
    let label = required(label.text("alias_label")?, "alias_label")?;
    let name = required(name.text(name_of_name)?, name_of_name)?;
    let alias = Identity::alias(&label, &name);
    checked(alias.kind, alias.text, name_of_name)
}

/// A text that must be there, and not empty.
pub(crate) fn required<'a>(text: Option<Cow<'a, str>>, name: &str) -> Result<Cow<'a, str>, String> {
    match text {
        None => Err(format!("'{name}' is required")),
        Some(text) if text.is_empty() => Err(format!("'{name}' is empty")),
        Some(text) => Ok(text),
    }
}

fn checked<'a>(kind: IdentityKind, text: Cow<'a, str>, name: &str) -> Result<Identity<'a>, String> {
    let text = checked_user_id(text).map_err(|reason| format!("'{name}' is not valid: {reason}"))?;
    Ok(Identity::new(kind, text))
}
