use super::key::MessageKey;
use crate::{Relay, Table};

/// One message of a transaction.
#[derive(Debug)]
pub(super) struct Message {
    pub to: Destination,
    pub key: Option<Vec<u8>>,
    /// `None` takes back what the key held.
    pub value: Option<Vec<u8>>,
}

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    /// The store's own partition of the records.
    State,
    /// Its own partition of the rows.
    Rows,
    /// The input of any partition.
    Activity(u16),
}

impl Destination {
    /// Which topic keeps a table.
    pub const fn of(table: Table) -> Self {
        if matches!(table, Table::Row) { Self::Rows } else { Self::State }
    }
}

impl Message {
    pub fn record(table: Table, key: &[u8], value: Option<Vec<u8>>) -> Self {
        Self { to: Destination::of(table), key: Some(MessageKey::Record { table, key }.encode()), value }
    }

    pub fn relay(relay: Relay) -> Self {
        Self { to: Destination::Activity(relay.partition), key: None, value: Some(relay.value) }
    }

    pub fn reply(value: Vec<u8>) -> Self {
        Self { to: Destination::Rows, key: Some(MessageKey::Reply.encode()), value: Some(value) }
    }

    pub fn mark(to: Destination) -> Self {
        Self { to, key: Some(MessageKey::Mark.encode()), value: Some(Vec::new()) }
    }
}
