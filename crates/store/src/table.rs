use std::fmt;

/// A separate space of keys. The store gives no meaning to a table beyond its number and name.
///
/// The numbers and names are part of the format on disk: they are never changed and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Table {
    /// What was set up: few and small records.
    Catalog = 1,
    /// One record for each group of changes, in the order they were made; removed once folded into pages.
    Log = 2,
    /// The working state, cut into pages.
    Page = 3,
    /// Counts.
    Row = 4,
    /// How far each source of input was read.
    Source = 5,
    /// Profiles that are linked, moved or flagged.
    Identity = 6,
    /// What was counted lately and must not be counted again.
    Seen = 7,
    /// Who changed what, and when: only ever added to.
    Audit = 8,
}

impl Table {
    /// Every table, in the order of their numbers.
    pub const ALL: [Self; 8] =
        [Self::Catalog, Self::Log, Self::Page, Self::Row, Self::Source, Self::Identity, Self::Seen, Self::Audit];

    /// The number on disk.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The table with this number, if there is one.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.number() == number)
    }

    /// The name on disk.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Catalog => "catalog",
            Self::Log => "log",
            Self::Page => "page",
            Self::Row => "row",
            Self::Source => "source",
            Self::Identity => "identity",
            Self::Seen => "seen",
            Self::Audit => "audit",
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn numbers_and_names_never_change() {
        let on_disk = Table::ALL.map(|table| (table.number(), table.name()));
        let names = ["catalog", "log", "page", "row", "source", "identity", "seen", "audit"];
        assert_eq!(on_disk.to_vec(), (1..).zip(names).collect::<Vec<_>>());
    }
}
