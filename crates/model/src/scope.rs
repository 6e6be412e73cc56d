use crate::AppIndex;

/// Whose activity is counted: one app's, or the whole workspace's (the union of its apps and of activity without an app).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Scope {
    /// All apps together, each person counted once.
    Workspace,
    /// One app.
    App(AppIndex),
}

impl Scope {
    /// A dense number: 0 is the workspace, `n + 1` is app `n`. A part of the on-disk format.
    pub const fn code(self) -> u16 {
        match self {
            Self::Workspace => 0,
            Self::App(app) => app.get() + 1,
        }
    }

    /// The scope with this number.
    pub const fn from_code(code: u16) -> Option<Self> {
        match code.checked_sub(1) {
            None => Some(Self::Workspace),
            Some(index) => match AppIndex::new(index) {
                None => None,
                Some(app) => Some(Self::App(app)),
            },
        }
    }
}
