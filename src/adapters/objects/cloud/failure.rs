//! What a store answered, as ours: every message names the store, the bucket and the key.

use super::client::Bucket;
use crate::ports::objects::ObjectError;
use object_store::Error;
use object_store::path::Path;

/// The longest text of a store's own that is repeated.
const TEXT_MAX_CHARS: usize = 300;

/// An error and what is behind it, on one line.
pub(super) fn text(error: &Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        // Most errors repeat their source.
        if parts.last().is_none_or(|last| !last.contains(&text)) {
            parts.push(text);
        }
        next = error.source();
    }
    let line: String = parts
        .join(": ")
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    match line.char_indices().nth(TEXT_MAX_CHARS) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

/// The answer to an operation on an object or prefix.
pub(super) fn failure(error: &Error, doing: &str, bucket: &Bucket, path: &Path) -> ObjectError {
    let at = format!("{doing} {}/{path}", bucket.shown);
    // Of some requests the library tells the status in words only.
    if let Error::Generic { .. } = error {
        let text = text(error);
        if ["403 Forbidden", "401 Unauthorized"]
            .iter()
            .any(|s| text.contains(s))
        {
            return ObjectError::Denied(format!("{at}: {text}"));
        }
        if text.contains("404 Not Found") {
            return ObjectError::NotFound(format!("{at}: {text}"));
        }
    }
    match error {
        Error::NotFound { .. } => ObjectError::NotFound(format!("{at}: there is no such object or bucket")),
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            ObjectError::Denied(format!("{at}: {}", text(error)))
        }
        Error::AlreadyExists { .. } | Error::Precondition { .. } => {
            ObjectError::Occupied(format!("{at}: something else stands there"))
        }
        Error::InvalidPath { source } => ObjectError::Unsafe(format!("{at}: {source}")),
        Error::NotSupported { .. } | Error::NotImplemented { .. } => {
            ObjectError::NotSupported(format!("{at}: {}", text(error)))
        }
        other => {
            let text = text(other);
            // The library has tried again for a while already; the mover may ask for less and go on later.
            let busy = [
                "503 ",
                "429 ",
                "SlowDown",
                "connection",
                "HTTP error",
                "no answer within",
            ];
            if busy.iter().any(|word| text.contains(word)) {
                ObjectError::Busy(format!("{at}: {text}"))
            } else {
                ObjectError::Io(format!("{at}: {text}"))
            }
        }
    }
}

/// Whether the store does not know an upload in parts (any more). Of some requests the library tells that in words only.
pub(super) fn is_gone(error: &Error) -> bool {
    match error {
        Error::NotFound { .. } => true,
        Error::Generic { .. } => {
            let text = text(error);
            text.contains("404 Not Found") || text.contains("NoSuchUpload")
        }
        _ => false,
    }
}

/// The same of an upload that goes on: some servers refuse a request for one that they do not know any more. Where it is the right
/// that is missing, the upload that is begun instead is refused as well.
pub(super) fn is_gone_or_refused(error: &Error) -> bool {
    is_gone(error) || matches!(error, Error::PermissionDenied { .. })
}
