//! A data directory into the partitions of a cluster, and back. People move whole, to where their label belongs; what the
//! ledger says of when and why each count changed stays true to the part.

mod division;
mod filling;
mod settings;
mod union;

use dauphin_model::ActiveDay;

pub use division::Division;
pub use settings::Settings;
pub use union::{Joined, Union};

/// What is written counts as one log record, the first.
const SEQUENCE: u64 = 1;

/// The day of recording of the one part in which each partition's rows are those of the people who live there.
fn moved_day() -> ActiveDay {
    ActiveDay::from_code(0)
}
