use std::net::IpAddr;
use std::sync::Arc;

use dauphin_api::{ApiError, ErrorCode};
use dauphin_engine::{Actor, ApiKey, CatalogEdit, KeyIndex};
use serde::Serialize;
use serde_json::json;

use super::asked::{Asked, missing};
use super::{Administration, refuse, success};
use crate::{keys, permissions};

/// Addresses and subnets of one key: a list that people keep.
const ADDRESSES_MAX: usize = 100;

#[derive(Serialize)]
struct Listed<'a> {
    number: u32,
    name: &'a str,
    permissions: &'a [String],
    allowed_addresses: &'a [String],
    revoked: bool,
}

impl<'a> Listed<'a> {
    fn of((number, key): (u32, &'a Arc<ApiKey>)) -> Self {
        let ApiKey { name, permissions, allowed_addresses, revoked, .. } = &**key;
        Self { number, name, permissions, allowed_addresses, revoked: *revoked }
    }
}

/// `{"keys":[{"number","name","permissions","allowed_addresses","revoked"}]}`
pub fn list(administration: &Administration<'_>, asked: Asked) -> Result<Vec<u8>, ApiError> {
    #[derive(Serialize)]
    struct Answer<'a> {
        keys: Vec<Listed<'a>>,
    }
    asked.end()?;
    success(&Answer { keys: (0..).zip(administration.workspace.keys()).map(Listed::of).collect() })
}

/// `{"name","permissions":[…],"allowed_addresses":[…]?}` → `{"key","number",…}`: the key is shown this once.
pub fn add(administration: &Administration<'_>, mut asked: Asked) -> Result<Vec<u8>, ApiError> {
    #[derive(Serialize)]
    struct Answer<'a> {
        key: &'a str,
        #[serde(flatten)]
        listed: Listed<'a>,
    }
    let name = asked.needed_name("name")?;
    let permissions = asked.texts("permissions")?;
    let allowed_addresses = asked.texts("allowed_addresses")?;
    asked.end()?;
    if name == Actor::COMMAND_LINE {
        return Err(refuse(format!("`name` cannot be `{name}`: the audit log names somebody else so")));
    }
    check_permissions(administration, &permissions)?;
    check_addresses(&allowed_addresses)?;
    let (text, key) = keys::new_api_key(&name).map_err(|error| keys::no_randomness(&error))?;
    let key = ApiKey { permissions, allowed_addresses, ..key };
    let details = json!({"name": &name, "permissions": &key.permissions, "allowed_addresses": &key.allowed_addresses});
    let workspace = administration.workspace.index;
    let hash = key.hash;
    let catalog = administration.edit(CatalogEdit::AddKey { workspace, key }, "key.add", details)?;
    let keys = catalog.workspace(workspace).map_or(&[][..], |workspace| workspace.keys());
    let made = (0..).zip(keys).find(|(_, key)| key.hash == hash).ok_or(ErrorCode::Internal)?;
    success(&Answer { key: &text, listed: Listed::of(made) })
}

/// `{"number"}` or `{"name"}` → `{"number","name"}`. Whoever holds the key is refused from the next request on.
pub fn revoke(administration: &Administration<'_>, mut asked: Asked) -> Result<Vec<u8>, ApiError> {
    #[derive(Serialize)]
    struct Answer<'a> {
        number: u32,
        name: &'a str,
    }
    let number = asked.number("number")?;
    let name = asked.text("name")?;
    asked.end()?;
    let mut keys = (0_u32..).zip(administration.workspace.keys());
    let found = match (number, name) {
        (Some(_), Some(_)) => return Err(refuse("Give `number` or `name`, not both")),
        (Some(wanted), None) => keys.find(|(number, _)| u64::from(*number) == wanted),
        (None, Some(wanted)) => keys.find(|(_, key)| key.name == wanted),
        (None, None) => return Err(missing("number` or `name")),
    };
    let (number, key) = found.ok_or_else(|| refuse("There is no such key in this workspace"))?;
    if !key.revoked {
        let edit = CatalogEdit::RevokeKey { workspace: administration.workspace.index, key: KeyIndex(number) };
        administration.edit(edit, "key.revoke", json!({"number": number, "name": &key.name}))?;
    }
    success(&Answer { number, name: &key.name })
}

/// Only permissions that exist, and only those that the giver holds: a key makes no stronger one.
fn check_permissions(administration: &Administration<'_>, permissions: &[String]) -> Result<(), ApiError> {
    if permissions.is_empty() {
        return Err(refuse(format!("`permissions` must name at least one; there are {}", permissions::list())));
    }
    if let Some(unknown) = permissions.iter().find(|permission| !permissions::is_known(permission)) {
        let shown: String = unknown.chars().filter(|c| !c.is_control()).take(64).collect();
        return Err(refuse(format!("`permissions` has `{shown}`; there are {}", permissions::list())));
    }
    if (1..permissions.len()).any(|index| permissions[..index].contains(&permissions[index])) {
        return Err(refuse("`permissions` names one twice"));
    }
    let giver = administration.key.as_deref();
    if giver.is_some_and(|giver| permissions.iter().any(|permission| !keys::permits(giver, permission))) {
        return Err(ErrorCode::AccessDenied.into());
    }
    Ok(())
}

fn check_addresses(addresses: &[String]) -> Result<(), ApiError> {
    if addresses.len() > ADDRESSES_MAX {
        return Err(refuse(format!("`allowed_addresses` has {}; it may have {ADDRESSES_MAX}", addresses.len())));
    }
    let wrong = addresses.iter().find(|text| text.parse::<IpAddr>().is_err() && text.parse::<ipnet::IpNet>().is_err());
    wrong.map_or(Ok(()), |wrong| {
        let shown: String = wrong.chars().filter(|c| !c.is_control()).take(64).collect();
        Err(refuse(format!(
            "`allowed_addresses` has `{shown}`; each must be an address or a subnet, such as `192.0.2.7` or `10.0.0.0/8`"
        )))
    })
}
