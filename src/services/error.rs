//! Why a use case did not do what was asked. Typed here, spoken once at each edge.
//!
//! Invariant: `code` is stable; people's programs compare it. Messages are for people and name the object.

use crate::adapters::sql::StoreError;

/// A use case that failed.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// There is no such thing.
    #[error("there is no {what} {key:?}")]
    NotFound {
        /// `dataset`, `location`, `job`, …
        what: &'static str,
        /// As it was asked for.
        key: String,
    },
    /// The request makes no sense as it stands.
    #[error("{message}")]
    Invalid {
        /// Stable code.
        code: &'static str,
        /// What is wrong and what would be right.
        message: String,
    },
    /// The present state does not allow it.
    #[error("{message}")]
    Conflict {
        /// Stable code.
        code: &'static str,
        /// What stands against it.
        message: String,
    },
    /// Someone else changed it first.
    #[error("{what} {key:?} has changed: its generation is {actual}, not {expected}; read it again")]
    StaleGeneration {
        /// `dataset`, `location`, …
        what: &'static str,
        /// Which one.
        key: String,
        /// The generation the caller saw.
        expected: i64,
        /// The present one.
        actual: i64,
    },
    /// The operator has not allowed it.
    #[error("{message}")]
    NotAllowed {
        /// What would have to be allowed, and how.
        message: String,
    },
    /// Not built yet.
    #[error("not supported yet: {message}")]
    NotSupported {
        /// What is not.
        message: String,
    },
    /// A part that is needed is not there at the moment.
    #[error("{message}")]
    Unavailable {
        /// Which part, and what to try.
        message: String,
    },
    /// A fault of the program or of the machine.
    #[error("internal error: {0}")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ServiceError {
    /// A missing thing.
    pub fn not_found(what: &'static str, key: impl ToString) -> Self {
        Self::NotFound {
            what,
            key: key.to_string(),
        }
    }

    /// A request that makes no sense.
    pub fn invalid(code: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid {
            code,
            message: message.into(),
        }
    }

    /// A state that does not allow it.
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::Conflict {
            code,
            message: message.into(),
        }
    }

    /// Something the operator has not allowed.
    pub fn not_allowed(message: impl Into<String>) -> Self {
        Self::NotAllowed {
            message: message.into(),
        }
    }

    /// Something that is not built yet; the message says what.
    pub fn not_supported(message: impl Into<String>) -> Self {
        Self::NotSupported {
            message: message.into(),
        }
    }

    /// A part that is away.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable {
            message: message.into(),
        }
    }

    /// A fault.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(source.into())
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not_found",
            Self::Invalid { code, .. } | Self::Conflict { code, .. } => code,
            Self::StaleGeneration { .. } => "stale_generation",
            Self::NotAllowed { .. } => "not_allowed",
            Self::NotSupported { .. } => "not_supported",
            Self::Unavailable { .. } => "unavailable",
            Self::Internal(_) => "internal",
        }
    }
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unique(what) => Self::Conflict {
                code: "already_exists",
                message: match what.rsplit(": ").next() {
                    Some("datasets.name") => "a dataset of this name exists already".into(),
                    Some("locations.name") => "a location of this name exists already".into(),
                    Some("locations.uri") => "a location of this address exists already".into(),
                    _ => format!("it exists already ({what})"),
                },
            },
            StoreError::Reference(_) => Self::conflict(
                "in_use",
                "something else still refers to it, or it refers to something gone",
            ),
            StoreError::Busy(detail) => {
                Self::unavailable(format!("the database is busy: {detail}; try again"))
            }
            StoreError::Away(detail) => {
                Self::unavailable(format!("{detail}; nothing was changed, try again"))
            }
            StoreError::Full => Self::unavailable("the disk of the database is full; free some space"),
            other => Self::internal(other),
        }
    }
}
