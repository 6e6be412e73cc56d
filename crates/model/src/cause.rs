/// Why a gap row changed. The numbers are a part of the on-disk format and never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Cause {
    /// Activity recorded on its own day (or ahead of it).
    Live = 1,
    /// Activity recorded after its day had ended.
    Late = 2,
    /// Two profiles turned out to be one person.
    Link = 3,
    /// A link was taken back.
    Unlink = 4,
    /// A profile was deleted.
    Erase = 5,
    /// A person was excluded from the counts, as a bot or a tester.
    Exclude = 6,
    /// Activity read from a file.
    Import = 7,
}

impl Cause {
    /// Every cause, by number.
    pub const ALL: [Self; 7] =
        [Self::Live, Self::Late, Self::Link, Self::Unlink, Self::Erase, Self::Exclude, Self::Import];

    /// The number on disk.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The cause with this number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.code() == code)
    }

    /// The word in answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Late => "late",
            Self::Link => "link",
            Self::Unlink => "unlink",
            Self::Erase => "erase",
            Self::Exclude => "exclude",
            Self::Import => "import",
        }
    }
}
