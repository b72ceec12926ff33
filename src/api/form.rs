//! What plain HTML forms need on the server: empty fields, the clock, and the way back to the page.
//!
//! Invariant: a way back is a path of this server, built here; what a browser sent as its referrer is parsed first.

use super::ApiError;
use crate::domain::unit::Timestamp;
use axum::http::{Uri, header, request::Parts};
use leptos::prelude::use_context;
use std::fmt::Display;
use std::str::FromStr;

/// An empty field is an absent one.
pub(super) fn optional<T>(text: &str) -> Result<Option<T>, ApiError>
where
    T: FromStr,
    T::Err: Display,
{
    match text.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(ApiError::invalid),
    }
}

/// The server's clock, for the pages' "now".
pub(super) fn now() -> Timestamp {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Whether the request is a form post of a page without JavaScript.
pub(super) fn is_plain_form(parts: &Parts) -> bool {
    parts.method == axum::http::Method::POST
        && parts
            .headers
            .get(header::ACCEPT)
            .and_then(|v| v.to_str().ok())
            .is_some_and(|v| v.contains("text/html"))
}

/// Says what was done. A page without JavaScript is sent back to where it came from with the word `done` in its URL, which the page
/// turns into a sentence; a page with it takes the sentence itself.
pub(super) fn done(word: &str, sentence: String) -> String {
    let back = use_context::<Parts>()
        .filter(is_plain_form)
        .and_then(|parts| {
            parts
                .headers
                .get(header::REFERER)?
                .to_str()
                .ok()
                .map(str::to_owned)
        })
        .and_then(|text| text.parse::<Uri>().ok());
    if let Some(uri) = back {
        leptos_axum::redirect(&way_back(&uri, word));
    }
    sentence
}

/// The referrer's path and query, without what an earlier form left in it.
fn way_back(uri: &Uri, word: &str) -> String {
    let kept = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .filter(|pair| !["done=", "__err=", "__path="].iter().any(|p| pair.starts_with(p)));
    // One slash: with two it would be another server's name.
    let mut out = format!("/{}", uri.path().trim_start_matches('/'));
    let mut mark = '?';
    for pair in kept {
        out.push(mark);
        out.push_str(pair);
        mark = '&';
    }
    format!("{out}{mark}done={word}")
}

#[cfg(test)]
mod tests {
    use super::way_back;

    #[test]
    fn the_way_back_keeps_the_filter_and_drops_old_answers() {
        for (from, to) in [
            (
                "http://h:1/jobs?status=failed&__err=x&__path=y",
                "/jobs?status=failed&done=job",
            ),
            ("http://h:1/jobs", "/jobs?done=job"),
            ("http://h:1/datasets/1?done=scan", "/datasets/1?done=job"),
            ("http://h:1//evil.example/x", "/evil.example/x?done=job"),
        ] {
            assert_eq!(way_back(&from.parse().unwrap(), "job"), to);
        }
    }
}
