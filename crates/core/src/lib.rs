//! Calendars, gap rows, persons, ledger and series: a synchronous, deterministic, infallible fold.
//!
//! A user's *calendar* is the set of days on which they were active. The *gap* of an active day is its distance to the
//! day before it in the calendar. For each scope and day a *gap row* counts the active users by gap; every distinct
//! count over any window follows from the rows alone, exactly (see [`ScopeRows`]).
//!
//! Never knows: clocks, files, threads, HTTP, JSON, hash order.

mod gap;
mod row;

mod arena;
mod calendar;
mod chunk;
mod identity;
mod linear;
mod page;
mod partition;
mod person;
mod population;
mod profiles;
mod shard;

mod history;
mod ledger;
mod seen;
mod series;
mod varint;

pub use calendar::{Calendars, CalendarsError, Track};
pub use gap::Bucket;
pub use history::{Counting, History};
pub use identity::{
    Identities, IdentityChange, IdentityEffects, IdentityOutcome, IdentityRecord, Move, Parcel, Traveller,
};
pub use ledger::{Ledger, LedgerRow, LedgerRowError};
pub use page::{PAGE_PROFILES, PageError};
pub use partition::{
    Answer, Ask, Departure, Effect, Folded, Forward, Message, Partition, Person, Request, Role, Route, Routes, Step,
};
pub use person::Flags;
pub use row::{GapRow, RowChange, RowChanges};
pub use seen::{GenerationError, Seen};
pub use series::{Growth, Rows, ScopeRows};
pub use shard::{Applied, Arrival, Change, Shard, Stamp};
pub use varint::{Reader, Truncated, write_signed, write_varint};
