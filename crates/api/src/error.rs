mod excerpt;
mod refusal;

use std::borrow::Cow;

use serde::Serialize;

use crate::Language;
use excerpt::excerpt;
pub(crate) use refusal::Refusal;

/// What went wrong, as far as a client can act on it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ErrorCode {
    /// No key, or one that is unknown, revoked or malformed.
    InvalidApiKey,
    /// The key may not do this, or not from this address.
    AccessDenied,
    /// A query parameter, or an element of a body, is not what it must be.
    InvalidParameter,
    /// `app_id` names no app of the workspace.
    UnknownApp,
    /// No such route.
    NotFound,
    /// The route has no such method.
    MethodNotAllowed,
    /// The body is longer than the limit.
    BodyTooLarge,
    /// The `Content-Type` is none that the route reads.
    UnsupportedMediaType,
    /// The body is not JSON.
    NotJson,
    /// The hour's requests are used up.
    RateLimited,
    /// A fault of the server.
    Internal,
    /// The server is starting, stopping, overloaded, or its disk fails.
    Unavailable,
}

impl ErrorCode {
    /// Every code.
    pub const ALL: [Self; 12] = [
        Self::InvalidApiKey,
        Self::AccessDenied,
        Self::InvalidParameter,
        Self::UnknownApp,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::NotJson,
        Self::RateLimited,
        Self::Internal,
        Self::Unavailable,
    ];

    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidParameter | Self::UnknownApp | Self::NotJson => 400,
            Self::InvalidApiKey => 401,
            Self::AccessDenied => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::BodyTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::RateLimited => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }

    /// Whether the same request may succeed later.
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::RateLimited | Self::Internal | Self::Unavailable => true,
            Self::InvalidApiKey
            | Self::AccessDenied
            | Self::InvalidParameter
            | Self::UnknownApp
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::BodyTooLarge
            | Self::UnsupportedMediaType
            | Self::NotJson => false,
        }
    }

    /// Whether it is certain that nothing was recorded. Not so when a write was under way: it may or may not last.
    pub const fn has_no_side_effects(self) -> bool {
        match self {
            Self::InvalidApiKey
            | Self::AccessDenied
            | Self::InvalidParameter
            | Self::UnknownApp
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::BodyTooLarge
            | Self::UnsupportedMediaType
            | Self::NotJson
            | Self::RateLimited => true,
            Self::Internal | Self::Unavailable => false,
        }
    }

    /// What the code says without further detail. Those that Braze words are never translated: clients compare them.
    const fn message(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::InvalidApiKey, _) => "Invalid API key",
            (Self::AccessDenied, _) => "Access Denied",
            (Self::RateLimited, _) => "Rate limit exceeded",
            (Self::InvalidParameter, Language::English) => "A parameter is not valid",
            (Self::InvalidParameter, Language::French) => "Un paramètre n'est pas valable",
            (Self::UnknownApp, Language::English) => "The workspace has no such app",
            (Self::UnknownApp, Language::French) => "L'espace de travail n'a pas cette application",
            (Self::NotFound, Language::English) => "There is nothing at this path",
            (Self::NotFound, Language::French) => "Il n'y a rien à ce chemin",
            (Self::MethodNotAllowed, Language::English) => "This path has no such method; see the header `Allow`",
            (Self::MethodNotAllowed, Language::French) => {
                "Ce chemin n'admet pas cette méthode ; voir l'en-tête `Allow`"
            }
            (Self::BodyTooLarge, Language::English) => "The body is too long; send it in smaller parts",
            (Self::BodyTooLarge, Language::French) => "Le corps est trop long ; envoyez-le en plusieurs parties",
            (Self::UnsupportedMediaType, Language::English) => "This `Content-Type` cannot be read here",
            (Self::UnsupportedMediaType, Language::French) => "Ce `Content-Type` ne peut être lu ici",
            (Self::NotJson, Language::English) => "The body is not valid JSON",
            (Self::NotJson, Language::French) => "Le corps n'est pas du JSON valable",
            (Self::Internal, Language::English) => "The server failed; this is not the request's fault",
            (Self::Internal, Language::French) => "Le serveur a échoué ; la requête n'y est pour rien",
            (Self::Unavailable, Language::English) => "The server cannot answer now; try again shortly",
            (Self::Unavailable, Language::French) => "Le serveur ne peut répondre ; réessayez sous peu",
        }
    }
}

/// An answer other than success: a code, a sentence for the client, and never a key or anything internal.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    code: ErrorCode,
    message: Cow<'static, str>,
    detail: Option<String>,
}

impl From<ErrorCode> for ApiError {
    fn from(code: ErrorCode) -> Self {
        Self::new(code, Language::English)
    }
}

impl ApiError {
    /// The code with its own words.
    pub const fn new(code: ErrorCode, language: Language) -> Self {
        Self { code, message: Cow::Borrowed(code.message(language)), detail: None }
    }

    /// The code with other words: a sentence with the value and what to do.
    pub fn with_message(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), detail: None }
    }

    /// `app_id` names no app of the workspace.
    pub fn unknown_app(language: Language, app_id: &str) -> Self {
        let app_id = excerpt(app_id);
        let message = match language {
            Language::English => format!("`app_id` is `{app_id}`; the workspace has no such app"),
            Language::French => format!("`app_id` vaut `{app_id}` ; l'espace de travail n'a pas cette application"),
        };
        Self::with_message(ErrorCode::UnknownApp, message)
    }

    /// The body is not JSON; `reason` says where and why, and becomes the answer's `error`.
    pub fn not_json(reason: &str) -> Self {
        Self { detail: Some(excerpt(reason)), ..Self::from(ErrorCode::NotJson) }
    }

    /// The code.
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// The sentence for the client.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// As [`ErrorCode::status`].
    pub const fn status(&self) -> u16 {
        self.code.status()
    }

    /// As [`ErrorCode::is_retryable`].
    pub const fn is_retryable(&self) -> bool {
        self.code.is_retryable()
    }

    /// As [`ErrorCode::has_no_side_effects`].
    pub const fn has_no_side_effects(&self) -> bool {
        self.code.has_no_side_effects()
    }

    /// Appends the body: `{"message":"…"}`, with `"error":"…"` where there is more to say.
    ///
    /// ```
    /// use dauphin_api::{ApiError, ErrorCode};
    /// let mut body = Vec::new();
    /// ApiError::from(ErrorCode::InvalidApiKey).write_json(&mut body);
    /// assert_eq!(body, br#"{"message":"Invalid API key"}"#);
    /// ```
    pub fn write_json(&self, body: &mut Vec<u8>) {
        let content = Body { message: &self.message, error: self.detail.as_deref() };
        serde_json::to_writer(body, &content).expect("two strings can be written to memory");
    }
}

#[derive(Serialize)]
struct Body<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(error: &ApiError) -> String {
        let mut body = Vec::new();
        error.write_json(&mut body);
        String::from_utf8(body).unwrap()
    }

    #[test]
    fn every_code_has_a_status_and_a_body_with_a_message() {
        for code in ErrorCode::ALL {
            assert!((400..=599).contains(&code.status()));
            // A refusal of the client's request never leaves a trace.
            assert_eq!(code.has_no_side_effects(), code.status() < 500, "{code:?}");
            for language in [Language::English, Language::French] {
                let error = ApiError::new(code, language);
                let json: serde_json::Value = serde_json::from_str(&body(&error)).unwrap();
                assert_eq!(json["message"], error.message());
            }
        }
    }

    #[test]
    fn what_braze_words_is_worded_alike_in_every_language() {
        for (code, expected) in [
            (ErrorCode::InvalidApiKey, r#"{"message":"Invalid API key"}"#),
            (ErrorCode::AccessDenied, r#"{"message":"Access Denied"}"#),
            (ErrorCode::RateLimited, r#"{"message":"Rate limit exceeded"}"#),
        ] {
            assert_eq!(body(&ApiError::new(code, Language::English)), expected);
            assert_eq!(body(&ApiError::new(code, Language::French)), expected);
        }
    }

    #[test]
    fn what_the_client_sent_is_cut_and_escaped() {
        let error = ApiError::unknown_app(Language::English, "a\"\\\n\u{0}\u{202e}b");
        assert_eq!(error.message(), "`app_id` is `a\"\\\\n\\u{0}\\u{202e}b`; the workspace has no such app");
        assert_eq!(
            body(&error),
            r#"{"message":"`app_id` is `a\"\\\\n\\u{0}\\u{202e}b`; the workspace has no such app"}"#
        );
        let long = ApiError::unknown_app(Language::French, &"é".repeat(10_000));
        assert!(long.message().chars().count() < 130, "{long}");
        assert_eq!(
            body(&ApiError::not_json("expected value at line 1 column 2")),
            r#"{"message":"The body is not valid JSON","error":"expected value at line 1 column 2"}"#
        );
    }
}
