use std::fmt;

use crate::limits::{APP_ID_BYTES_MAX, APPS_MAX};

/// Number of a workspace in its data directory, in order of creation. Never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct WorkspaceIndex(pub u32);

/// Number of an app in its workspace, in order of creation, below [`APPS_MAX`]. Never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AppIndex(u16);

impl AppIndex {
    /// The app with this number, if a workspace can have that many.
    pub const fn new(index: u16) -> Option<Self> {
        if index < APPS_MAX { Some(Self(index)) } else { None }
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// An app's API identifier: what `app_id` says. 1 to 255 bytes of text without control characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppId(Box<str>);

/// Why a text is no app identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppIdError {
    /// Nothing there.
    #[error("an app identifier is empty; it must have 1 to {APP_ID_BYTES_MAX} bytes")]
    Empty,
    /// Longer than the limit.
    #[error("an app identifier has {0} bytes; it must have 1 to {APP_ID_BYTES_MAX}")]
    TooLong(usize),
    /// A NUL, a line break or the like.
    #[error("an app identifier has a control character; it must be plain text")]
    ControlCharacter,
}

impl AppId {
    /// The identifier, if `text` can be one.
    pub fn new(text: &str) -> Result<Self, AppIdError> {
        match text {
            "" => Err(AppIdError::Empty),
            _ if text.len() > APP_ID_BYTES_MAX => Err(AppIdError::TooLong(text.len())),
            _ if text.chars().any(char::is_control) => Err(AppIdError::ControlCharacter),
            _ => Ok(Self(text.into())),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl std::borrow::Borrow<str> for AppId {
    fn borrow(&self) -> &str {
        &self.0
    }
}
