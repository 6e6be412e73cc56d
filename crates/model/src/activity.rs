use crate::{AppIndex, Instant, ProfileKey};

/// What a dialect yields: somebody did something, somewhere, at some time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Activity {
    /// Who, as one identity.
    pub profile: ProfileKey,
    /// In which app; `None` counts for the workspace only.
    pub app: Option<AppIndex>,
    /// When.
    pub instant: Instant,
}
