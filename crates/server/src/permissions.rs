use std::collections::BTreeSet;
use std::sync::LazyLock;

use dauphin_api::{ListRoute, Route};

use crate::administration::Operation;
use crate::keys;

/// Permissions of routes that are neither series, lists nor administration; named like their paths.
const OTHERS: [&str; 11] = [
    "apps.create",
    "ingest",
    "metrics",
    "users.alias.new",
    "users.alias.update",
    "users.delete",
    "users.external_ids.remove",
    "users.external_ids.rename",
    "users.identify",
    "users.merge",
    "users.track",
];

static KNOWN: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    let series = Route::ALL.into_iter().map(Route::permission);
    let lists = ListRoute::ALL.into_iter().map(ListRoute::permission);
    let administration = Operation::ALL.into_iter().map(Operation::permission);
    series.chain(lists).chain(administration).chain(OTHERS).chain([keys::EVERYTHING]).collect()
});

/// Whether there is such a permission.
pub fn is_known(permission: &str) -> bool {
    KNOWN.contains(permission)
}

/// All of them, for people.
pub fn list() -> String {
    format!("`{}`", KNOWN.iter().copied().collect::<Vec<_>>().join("`, `"))
}
