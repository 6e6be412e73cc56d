//! The contract over brokers: the client library's own simulation everywhere, real ones where they are named.

mod brokers;
mod killed;
mod partition;
mod simulated;
