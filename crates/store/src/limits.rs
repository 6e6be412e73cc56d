//! Bounds on what one record may hold, the same for every implementation.

/// The longest key. Keys are identifiers and counters; the longest one in use is under 100 bytes.
pub const KEY_BYTE_COUNT_MAX: usize = 1024;

/// The longest value: 32 times the largest log record the engine writes for one group commit (2 MB).
pub const VALUE_BYTE_COUNT_MAX: usize = 64 << 20;

/// How much memory the embedded engine may use as its cache of the file.
/// The working state lives in the process's memory, so records are read once, at start: there is little to cache, and
/// what fits the processor's own cache is read and checked the fastest.
/// Opening 612 MB takes 0.24 s of processor time with 16 MiB, 0.40 s with 64 MiB and 0.21 s with 4 MiB.
pub(crate) const CACHE_BYTE_COUNT: usize = 16 << 20;

/// How many bytes of writes a store opened for reading holds back in memory.
/// Only repair and closing write: the header, and the engine's state of free space, measured at 160 kB for 1 GB of
/// file. So this is enough for 400 GB.
pub(crate) const OVERLAY_BYTE_COUNT_MAX: usize = 64 << 20;

const _: () = assert!(KEY_BYTE_COUNT_MAX < VALUE_BYTE_COUNT_MAX);
