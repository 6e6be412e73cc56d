//! The fold against a brute-force oracle, and against tables written by hand.

mod oracle;
mod property;
mod table;
