/// What a message is, or that a body is a batch of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SegmentCall {
    /// Many messages.
    Batch,
    /// Who a user is, with traits.
    Identify,
    /// Something a user did, by name.
    Track,
    /// A page that was seen.
    Page,
    /// A screen of an app that was seen.
    Screen,
    /// A group that a user belongs to, with traits.
    Group,
    /// Two ids of one user.
    Alias,
}

impl SegmentCall {
    /// The call at `/v1/NAME`: whole words as servers say them, letters as browsers and phones do.
    pub fn of_path(name: &str) -> Option<Self> {
        Some(match name {
            "batch" | "b" | "import" => Self::Batch,
            "i" => Self::Identify,
            "t" => Self::Track,
            "p" => Self::Page,
            "s" => Self::Screen,
            "g" => Self::Group,
            "a" => Self::Alias,
            _ => return Self::of_type(name),
        })
    }

    /// The call that a message of this `type` is.
    pub(super) fn of_type(name: &str) -> Option<Self> {
        let calls = [Self::Identify, Self::Track, Self::Page, Self::Screen, Self::Group, Self::Alias];
        calls.into_iter().find(|call| call.name() == name)
    }

    /// Its whole word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Identify => "identify",
            Self::Track => "track",
            Self::Page => "page",
            Self::Screen => "screen",
            Self::Group => "group",
            Self::Alias => "alias",
        }
    }
}
