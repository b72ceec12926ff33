//! The one error that crosses from server to browser: a stable code, a sentence and an HTTP status.
//!
//! Invariant: what is internal stays on the server (it is logged there); the browser gets a sentence without it.

use leptos::prelude::*;
use leptos::server_fn::codec::JsonEncoding;
use leptos::server_fn::error::ServerFnErrorErr;
use serde::{Deserialize, Serialize};

/// What went wrong, as pages show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// Stable code, the same as in `application/problem+json`.
    pub code: String,
    /// One sentence for a person.
    pub message: String,
    /// HTTP status of the answer.
    pub status: u16,
    /// The request's id, by which the server's log is searched; of errors that came from a request.
    #[serde(default)]
    pub id: Option<String>,
}

impl ApiError {
    /// An input that cannot be used, found before any service was asked.
    #[must_use]
    pub fn invalid(message: impl std::fmt::Display) -> Self {
        Self {
            code: "invalid_input".into(),
            message: message.to_string(),
            status: 422,
            id: None,
        }
    }

    /// Something that is not there.
    #[must_use]
    pub fn not_found(what: &str, key: &str) -> Self {
        Self {
            code: "not_found".into(),
            message: format!("There is no {what} {key:?}."),
            status: 404,
            id: None,
        }
    }
}

impl FromServerFnError for ApiError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        let (code, status) = match error {
            ServerFnErrorErr::Args(_)
            | ServerFnErrorErr::MissingArg(_)
            | ServerFnErrorErr::Deserialization(_) => ("invalid_input", 400),
            ServerFnErrorErr::Request(_) => ("unreachable", 503),
            _ => ("internal", 500),
        };
        let message = if code == "unreachable" {
            "The server did not answer. What you see may be out of date; nothing was changed.".to_owned()
        } else {
            error.to_string()
        };
        Self {
            code: code.into(),
            message,
            status,
            id: None,
        }
    }
}

#[cfg(feature = "ssr")]
mod server {
    use super::ApiError;
    use crate::api::form::is_plain_form;
    use crate::services::ServiceError;
    use axum::http::{StatusCode, request::Parts};
    use leptos::prelude::use_context;
    use leptos_axum::ResponseOptions;

    impl From<ServiceError> for ApiError {
        fn from(error: ServiceError) -> Self {
            let status = match &error {
                ServiceError::NotFound { .. } => 404,
                ServiceError::Invalid { .. } => 422,
                ServiceError::Conflict { .. } => 409,
                ServiceError::StaleGeneration { .. } => 412,
                ServiceError::NotAllowed { .. } => 403,
                ServiceError::NotSupported { .. } => 501,
                ServiceError::Unavailable { .. } => 503,
                ServiceError::Internal(_) => 500,
            };
            let id = use_context::<Parts>()
                .and_then(|parts| Some(parts.headers.get("x-request-id")?.to_str().ok()?.to_owned()));
            if status == 500 {
                tracing::error!(error = ?error, request = id.as_deref().unwrap_or("none"), "a page's request failed inside");
            }
            answer_with(status);
            Self {
                code: error.code().to_owned(),
                message: error.to_string(),
                status,
                id,
            }
        }
    }

    /// Gives the answer this status. A form post without JavaScript keeps its redirect, which brings the error along; a page keeps
    /// 200 when only a part of it cannot be drawn.
    fn answer_with(status: u16) {
        let (Some(parts), Some(options)) = (use_context::<Parts>(), use_context::<ResponseOptions>()) else {
            return;
        };
        let page = !parts.uri.path().starts_with(crate::api::PREFIX);
        let spoils_page = matches!(status, 404 | 500 | 503);
        if is_plain_form(&parts) || (page && !spoils_page) {
            return;
        }
        if let Ok(status) = StatusCode::from_u16(status) {
            options.set_status(status);
        }
    }
}
