//! The records of the store, one kind a file: what keys and values hold, byte by byte. `docs/format.md` describes the
//! same for people; golden tests pin it.

mod audit;
mod catalog;
mod envelope;
mod identity;
mod log;
mod message;
mod page;
mod route;
mod row;
mod seen;
#[cfg(test)]
mod tests;

pub(crate) use audit::{audit_key, audit_last_key, audit_value, read_audit_key, read_audit_last, read_audit_value};
pub(crate) use catalog::{put_edit, put_secret, read_catalog};
pub use envelope::{Envelope, Progress, Reply, Trace};
pub(crate) use identity::{identity_key, identity_value, read_identity_value, split_identity_key};
pub(crate) use log::{LogEntry, LogRecord, log_key, log_sequence};
pub(crate) use page::{PageKey, page_profile_count, page_value, split_page_value};
pub(crate) use route::{RouteRecord, forward_value, read_route, route_key, route_value};
pub use row::PROGRESS_KEY;
pub(crate) use row::{ROWS_SEQUENCE_KEY, row_key, split_row_key};
pub(crate) use seen::SeenKey;

/// A record that cannot be what this software wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl From<dauphin_core::Truncated> for Malformed {
    fn from(_: dauphin_core::Truncated) -> Self {
        Self
    }
}
