/// The language of a route: of its parameter names, its answer's keys and its refusals.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Language {
    /// Every route but two.
    English,
    /// The routes below `/fr`, after the French page of Braze's documentation.
    French,
}

impl Language {
    /// The key of the list of points.
    pub const fn data_key(self) -> &'static str {
        match self {
            Self::English => "data",
            Self::French => "données",
        }
    }

    /// The key of a point's day.
    pub const fn time_key(self) -> &'static str {
        match self {
            Self::English => "time",
            Self::French => "temps",
        }
    }
}
