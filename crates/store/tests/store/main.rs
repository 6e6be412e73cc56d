//! Data directories: who may hold them, which are refused, what a killed process leaves, and that reading writes nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops where it is")]

mod directory;
mod files;
mod killed;
mod reading;
