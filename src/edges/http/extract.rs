//! What handlers take out of a request; what cannot be taken out is a problem that names it.
//!
//! Invariant: a handler that uses these never answers with axum's own text.

use super::problem::{ApiError, Problem};
use crate::domain::access::DatasetKey;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody, JsonRejection, PathRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::error::Error as StdError;

/// Longest query string. Every filter of ours fits many times; a longer one is a mistake or an attack.
const QUERY_MAX: usize = 8192;

/// A JSON body.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;
    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match axum::Json::from_request(request, state).await {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(rejection) => Err(json_problem(rejection).into()),
        }
    }
}

fn json_problem(rejection: JsonRejection) -> Problem {
    let text = rejection.body_text();
    // The part before the first colon is the framework's; what follows names the field and the place.
    let told = text.split_once(": ").map_or(text.as_str(), |(_, told)| told);
    match rejection {
        JsonRejection::MissingJsonContentType(_) => Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "wrong_content_type",
            "the body must be JSON: send the header content-type: application/json",
        ),
        JsonRejection::JsonSyntaxError(_) => Problem::new(
            StatusCode::BAD_REQUEST,
            "malformed_json",
            format!("the body is not JSON: {told}"),
        ),
        JsonRejection::JsonDataError(_) => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid_body",
            format!("the body cannot be used: {told}"),
        ),
        JsonRejection::BytesRejection(bytes) => bytes_problem(&bytes),
        _ => Problem::new(StatusCode::BAD_REQUEST, "bad_request", text),
    }
}

/// Why a body could not be read to its end.
#[must_use]
pub fn bytes_problem(rejection: &BytesRejection) -> Problem {
    if let BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) = rejection {
        return Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "the body is larger than this operation takes; nothing of it was used. Send it in smaller parts",
        );
    }
    unread_problem(rejection)
}

/// A body whose connection broke or whose sender took too long.
#[must_use]
pub fn unread_problem(error: &(dyn StdError + 'static)) -> Problem {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(inner) = cause {
        if inner.is::<tower_http::timeout::TimeoutError>() {
            return Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "body_timeout",
                "the body came too slowly and was not read to its end; nothing of it was used",
            );
        }
        cause = inner.source();
    }
    Problem::new(
        StatusCode::BAD_REQUEST,
        "body_unreadable",
        "the body broke off before its end; nothing of it was used",
    )
}

/// Query parameters. Give `T` the attribute `deny_unknown_fields`, so that a typing error is heard of.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let length = parts.uri.query().map_or(0, str::len);
        if length > QUERY_MAX {
            return Err(Problem::new(
                StatusCode::URI_TOO_LONG,
                "query_too_long",
                format!("the query has {length} bytes; at most {QUERY_MAX} are read"),
            )
            .into());
        }
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => {
                let text = rejection.body_text();
                let told = text.split_once(": ").map_or(text.as_str(), |(_, told)| told);
                Err(bad_query(told).into())
            }
        }
    }
}

/// A query parameter that cannot be used; `told` begins with its name.
#[must_use]
pub fn bad_query(told: &str) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "bad_query",
        format!("the query parameter {told}"),
    )
}

/// The one parameter of a path, decoded.
#[derive(Clone, Debug)]
pub struct Key(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        from_path(parts, state).await.map(Self)
    }
}

/// The two parameters of a path, decoded.
#[derive(Clone, Debug)]
pub struct Keys(pub String, pub String);

impl<S: Send + Sync> FromRequestParts<S> for Keys {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        from_path(parts, state).await.map(|(one, two)| Self(one, two))
    }
}

async fn from_path<S, T>(parts: &mut Parts, state: &S) -> Result<T, ApiError>
where
    S: Send + Sync,
    T: DeserializeOwned + Send,
{
    match axum::extract::Path::<T>::from_request_parts(parts, state).await {
        Ok(axum::extract::Path(found)) => Ok(found),
        Err(PathRejection::FailedToDeserializePathParams(_)) => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "bad_path",
            "the path is not UTF-8 after decoding; an id or a name was expected in it",
        )
        .into()),
        Err(other) => Err(ApiError::from(crate::services::ServiceError::internal(other))),
    }
}

impl Key {
    /// The key of a dataset.
    #[must_use]
    pub fn dataset(&self) -> DatasetKey {
        DatasetKey::parse(&self.0)
    }
}

/// A field that is there, even if it is null.
pub(super) fn given<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}
