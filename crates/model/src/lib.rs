//! The words everything else is written in: days, zones, instants, identities, apps, scopes, causes and their limits.
//!
//! Never knows: input or output, JSON, what time it is.

mod day;
mod instant;
mod zone;

mod app;
mod cause;
mod fingerprint;
mod identity;
mod scope;

mod activity;
mod as_of;
pub mod limits;
mod row_key;

pub use activity::Activity;
pub use app::{AppId, AppIdError, AppIndex, WorkspaceIndex};
pub use as_of::AsOf;
pub use cause::Cause;
pub use day::{ActiveDay, Day};
pub use fingerprint::SessionFingerprint;
pub use identity::{Identity, IdentityError, IdentityKind, IdentitySecret, ProfileHasher, ProfileKey};
pub use instant::{Instant, ParseInstantError, parse_instant};
pub use row_key::{Measure, RowKey};
pub use scope::Scope;
pub use zone::{LocalHour, OffsetCursor, Zone, ZoneError};
