use std::net::IpAddr;
use std::sync::Arc;

use dauphin_api::{ApiError, ErrorCode};
use dauphin_engine::{ApiKey, Catalog, Workspace};
use sha2::{Digest, Sha256};

/// Random bytes from the system.
pub fn random_bytes<const COUNT: usize>() -> anyhow::Result<[u8; COUNT]> {
    let mut bytes = [0; COUNT];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("ask the system for random bytes: {error}"))?;
    Ok(bytes)
}

/// Random bytes from the system, as hexadecimal text.
pub fn random_text<const BYTES: usize>() -> anyhow::Result<String> {
    let bytes = random_bytes::<BYTES>()?;
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).expect("four bits");
    Ok(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
}

/// An identifier in the form of a version 4 UUID, as Braze's app identifiers are.
pub fn random_identifier() -> anyhow::Result<String> {
    let mut text = random_text::<16>()?;
    text.replace_range(12..13, "4");
    text.replace_range(16..17, "a");
    for dash in [8, 13, 18, 23] {
        text.insert(dash, '-');
    }
    Ok(text)
}

/// A new API key, and what is kept of it.
pub fn new_api_key(name: &str) -> anyhow::Result<(String, ApiKey)> {
    let text = random_text::<24>()?;
    let key = ApiKey {
        hash: hash(&text),
        name: name.to_owned(),
        permissions: vec![EVERYTHING.to_owned()],
        allowed_addresses: Vec::new(),
        revoked: false,
    };
    Ok((text, key))
}

/// Name of the key that a workspace is made with.
pub const FIRST_KEY: &str = "made with the workspace";

/// The system has no random bytes to give, so nothing was made.
pub fn no_randomness(error: &anyhow::Error) -> ApiError {
    tracing::error!("{error}");
    ErrorCode::Unavailable.into()
}

/// The permission that holds all others.
pub const EVERYTHING: &str = "*";

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// The key that `text` is, unless revoked. It is looked up by its hash: how long that takes may tell something about
/// hashes, which leads to no key.
pub fn find<'a>(catalog: &'a Catalog, text: &str) -> Option<(&'a Arc<Workspace>, &'a Arc<ApiKey>)> {
    catalog.key(&hash(text)).filter(|(_, key)| !key.revoked)
}

/// Whether the key may do this.
pub fn permits(key: &ApiKey, permission: &str) -> bool {
    key.permissions.iter().any(|held| held == EVERYTHING || held == permission)
}

/// Whether the key may be used from there.
pub fn admits(key: &ApiKey, address: IpAddr) -> bool {
    key.allowed_addresses.is_empty() || key.allowed_addresses.iter().any(|net| contains(net, address))
}

/// `net` is an address or a subnet. An IPv4 address that arrives on an IPv6 socket is the same address.
fn contains(net: &str, address: IpAddr) -> bool {
    let address = address.to_canonical();
    net.parse::<ipnet::IpNet>().is_ok_and(|net| net.contains(&address))
        || net.parse::<IpAddr>().is_ok_and(|net| net.to_canonical() == address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_limited_to_its_permissions_and_addresses() {
        let (_, mut key) = new_api_key("k").unwrap();
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(permits(&key, "kpi.dau.data_series"));
        assert!(admits(&key, at("10.1.2.3")));
        key.permissions = vec!["kpi.mau.data_series".into()];
        assert!(!permits(&key, "kpi.dau.data_series"));
        assert!(permits(&key, "kpi.mau.data_series"));
        key.allowed_addresses = vec!["10.0.0.0/8".into(), "::1".into()];
        for (address, allowed) in
            [("10.1.2.3", true), ("::ffff:10.1.2.3", true), ("11.1.2.3", false), ("::1", true), ("::2", false)]
        {
            assert_eq!(admits(&key, at(address)), allowed, "{address}");
        }
    }

    #[test]
    fn identifiers_look_like_uuids_and_differ() {
        let (one, other) = (random_identifier().unwrap(), random_identifier().unwrap());
        assert_ne!(one, other);
        let lengths: Vec<_> = one.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(&one[14..15], "4");
    }
}
