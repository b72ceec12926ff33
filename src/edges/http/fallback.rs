//! What is not in the route table: unknown paths below `/api`, and known paths with another method.

use super::problem::Problem;
use axum::http::{Method, StatusCode, Uri};

/// A path below `/api` that nothing answers.
pub async fn unknown_path(uri: Uri) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "unknown_path",
        format!(
            "there is nothing at {}; /api/openapi.json lists what there is",
            shown(uri.path())
        ),
    )
}

/// A known path that has not this method. The header `Allow` says which it has.
pub async fn wrong_method(method: Method, uri: Uri) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "wrong_method",
        format!(
            "{} does not take {method}; the header allow says what it takes",
            shown(uri.path())
        ),
    )
}

/// Enough of a path to recognise it.
fn shown(path: &str) -> String {
    let mut text: String = path.chars().take(200).collect();
    if text.len() < path.len() {
        text.push('…');
    }
    text
}
