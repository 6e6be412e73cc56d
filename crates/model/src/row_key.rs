use crate::Scope;
use crate::limits::APPS_MAX;

/// What a row counts. The numbers are a part of the on-disk format and never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Measure {
    /// Users active on the day, by gap.
    Active = 0,
    /// Sessions that began on the day, by hour from the start of the local day.
    Sessions = 1,
    /// Users with an uninstall on the day; all in bucket 0.
    Uninstalls = 2,
}

/// Whose rows, and of what.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RowKey {
    /// What is counted.
    pub measure: Measure,
    /// Whose.
    pub scope: Scope,
}

/// The measure stands above the code of the scope.
const MEASURE_SHIFT: u32 = 14;
const _: () = assert!(APPS_MAX < 1 << MEASURE_SHIFT, "the code of every scope leaves two bits for the measure");

impl Measure {
    /// Every measure, by number.
    pub const ALL: [Self; 3] = [Self::Active, Self::Sessions, Self::Uninstalls];

    /// The rows of `scope`.
    pub const fn of(self, scope: Scope) -> RowKey {
        RowKey { measure: self, scope }
    }

    /// The number.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl RowKey {
    /// The gap rows of `scope`.
    pub const fn active(scope: Scope) -> Self {
        Measure::Active.of(scope)
    }

    /// Two bytes: the measure in the top two bits, the code of the scope in the others. A part of the on-disk format.
    pub const fn code(self) -> u16 {
        (self.measure as u16) << MEASURE_SHIFT | self.scope.code()
    }

    /// The key with this code.
    pub fn from_code(code: u16) -> Option<Self> {
        let measure = *Measure::ALL.get(usize::from(code >> MEASURE_SHIFT))?;
        Some(measure.of(Scope::from_code(code & ((1 << MEASURE_SHIFT) - 1))?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AppIndex;

    #[test]
    fn a_code_is_two_bytes_and_comes_back() {
        let last = Scope::App(AppIndex::new(APPS_MAX - 1).unwrap());
        for (key, code) in [
            (RowKey::active(Scope::Workspace), 0),
            (RowKey::active(last), 10_000),
            (Measure::Sessions.of(Scope::Workspace), 0x4000),
            (Measure::Uninstalls.of(last), 0x8000 + 10_000),
        ] {
            assert_eq!(key.code(), code);
            assert_eq!(RowKey::from_code(code), Some(key));
        }
        assert_eq!(RowKey::from_code(0xc000), None, "there is no fourth measure");
        assert_eq!(RowKey::from_code(10_001), None, "there is no such app");
    }
}
