use dauphin_model::ActiveDay;
use dauphin_model::limits::WINDOW_DAYS_MAX;

/// Where a gap is counted in a row: bucket `g − 1` for an exact gap of `g` days (1 to 366), then *older*, then *first*.
///
/// The order matters: a bucket at or beyond index `k` holds exactly the gaps greater than `k` days, *older* and
/// *first* being greater than any.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Bucket(u16);

impl Bucket {
    /// Number of buckets in a row.
    pub const COUNT: usize = WINDOW_DAYS_MAX as usize + 2;
    /// The one bucket of rows that only count.
    pub const ONLY: Self = Self(0);
    /// A gap of more than 366 days.
    pub const OLDER: Self = Self(WINDOW_DAYS_MAX);
    /// No earlier active day at all: the user is new.
    pub const FIRST: Self = Self(WINDOW_DAYS_MAX + 1);

    /// The bucket of `day` when `previous` is the active day before it.
    pub fn of(previous: Option<ActiveDay>, day: ActiveDay) -> Self {
        match previous {
            None => Self::FIRST,
            Some(previous) => {
                debug_assert!(previous < day, "a gap looks back");
                Self((day.code() - previous.code() - 1).min(WINDOW_DAYS_MAX))
            }
        }
    }

    /// The bucket of sessions that began in an hour of the local day, counted from its start.
    pub fn of_hour(hour: u8) -> Self {
        Self(u16::from(hour))
    }

    /// The bucket with this index, below [`Bucket::COUNT`].
    pub fn new(index: u16) -> Option<Self> {
        (usize::from(index) < Self::COUNT).then_some(Self(index))
    }

    /// The index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) const fn get(self) -> u16 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_fall_into_their_buckets() {
        let of = |previous: u16, day: u16| {
            Bucket::of(Some(ActiveDay::from_code(previous)), ActiveDay::from_code(day)).index()
        };
        assert_eq!([of(9, 10), of(10, 40), of(0, 366), of(0, 367), of(0, 65_535)], [0, 29, 365, 366, 366]);
        assert_eq!(Bucket::of(None, ActiveDay::from_code(0)), Bucket::FIRST);
        assert_eq!((Bucket::OLDER.index(), Bucket::FIRST.index(), Bucket::COUNT), (366, 367, 368));
    }
}
