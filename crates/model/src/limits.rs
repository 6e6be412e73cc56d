//! Every bound of the system, each with its reason.

/// Widest window, in days, for which growth is exact: a leap year. Distinct counts are exact for one day more.
pub const WINDOW_DAYS_MAX: u16 = 366;

/// Most points in one answer, as Braze documents for `length`.
pub const SERIES_LENGTH_MAX: u16 = 100;

/// Window of "monthly" active users, as Braze defines it: the rolling 30 days up to and including the day.
pub const MONTH_DAYS: u16 = 30;

/// How far ahead of the server's clock an activity or an `ending_at` may lie: two days cover every zone and a wrong clock.
pub const AHEAD_SECONDS_MAX: i64 = 48 * 60 * 60;

/// Longest identity (user id, alias, device), in bytes: longer than any id in the field, short enough to bound a line.
pub const IDENTITY_BYTES_MAX: usize = 1024;

/// Longest app identifier or workspace name, in bytes: an identifier is a UUID or a slug, never a text.
pub const APP_ID_BYTES_MAX: usize = 255;

/// Most apps in one workspace: each has rows of its own, and app codes stay two bytes on disk.
pub const APPS_MAX: u16 = 10_000;

/// Most workspaces in one data directory.
pub const WORKSPACES_MAX: u32 = 10_000;

/// Most keys in one workspace, revoked ones included: they are listed whole, and kept in memory.
pub const KEYS_MAX: usize = 1_000;

/// Shards of a workspace. A part of the on-disk format: profiles are spread over shards by key, threads own whole shards.
pub const SHARD_COUNT: u8 = 16;

/// Fingerprints in one generation of what a shard has seen: what a hash table of 65,536 slots holds, 1.1 MB.
pub const SEEN_GENERATION_MAX: usize = 65_536 / 8 * 7;

/// Most fingerprints that a shard remembers: eight full generations, so that a workspace takes at most 150 MB for its
/// last 7.3 million sessions and uninstalls.
pub const SEEN_MAX: usize = 8 * SEEN_GENERATION_MAX;

/// Days of recording that a shard remembers fingerprints of, today included: senders give up repeating far sooner.
pub const SEEN_DAYS: u16 = 7;

/// Most profiles of one person: activity of one looks at the calendars of all. Who has more is a shared device or a
/// placeholder id, not a person.
pub const PERSON_PROFILES_MAX: usize = 1000;

const _: () = assert!(MONTH_DAYS <= WINDOW_DAYS_MAX);
const _: () = assert!(SHARD_COUNT.is_power_of_two());
const _: () = assert!(APPS_MAX < u16::MAX - 1);
