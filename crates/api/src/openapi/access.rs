use serde_json::{Value, json};

/// Who may use an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Anybody.
    Open,
    /// Any valid key.
    AnyKey,
    /// A key that holds this permission.
    Key(&'static str),
    /// Who knows an app's identifier, as SDKs in apps do.
    AppIdentifier,
    /// Who knows an app's write key.
    WriteKey,
}

const BEARER: &str = "bearer";
const QUERY: &str = "apiKeyInQuery";
const SDK: &str = "appIdentifier";
const WRITE_KEY: &str = "writeKey";

impl Access {
    /// The permission a key must hold, if the operation asks for one.
    pub const fn permission(self) -> Option<&'static str> {
        match self {
            Self::Key(permission) => Some(permission),
            Self::Open | Self::AnyKey | Self::AppIdentifier | Self::WriteKey => None,
        }
    }

    /// What authenticates: any one of these. The list beside a scheme holds the permissions that it takes.
    pub(super) fn security(self) -> Value {
        match self {
            Self::Open => json!([]),
            Self::AnyKey => json!([{BEARER: []}, {QUERY: []}]),
            Self::Key(permission) => json!([{BEARER: [permission]}, {QUERY: [permission]}]),
            Self::AppIdentifier => json!([{SDK: []}]),
            Self::WriteKey => json!([{WRITE_KEY: []}]),
        }
    }
}

/// The ways to say who asks.
pub(super) fn schemes() -> Value {
    json!({
        BEARER: {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key of a workspace: `Authorization: Bearer <key>`.",
        },
        QUERY: {
            "type": "apiKey",
            "in": "query",
            "name": "api_key",
            "description": "An API key in Braze's older place; also as `api_key` in a JSON body. \
                A setting of the workspace turns it off.",
        },
        SDK: {
            "type": "apiKey",
            "in": "header",
            "name": "X-Braze-Api-Key",
            "description": "The identifier of an app, the same as `api_key` in the body.",
        },
        WRITE_KEY: {
            "type": "http",
            "scheme": "basic",
            "description": "The write key of an app as user name, with an empty password; also as `writeKey` in the body.",
        },
    })
}
