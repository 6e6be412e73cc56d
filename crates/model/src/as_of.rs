use crate::Day;

/// Which state of the counts is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AsOf {
    /// All that is known.
    Now,
    /// What was known at the end of this day.
    Day(Day),
    /// For each point, what was known at the end of the point's own day.
    OwnDay,
}
