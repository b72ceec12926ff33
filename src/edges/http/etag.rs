//! Entity tags: what a client saw, and whether it still stands.
//!
//! Invariant: a tag is `"GENERATION-HASH"`. `If-None-Match` compares the whole, since an answer holds more than its resource (sums,
//! the last access); `If-Match` compares the generation alone, since only that guards a change. A tag of the bare generation
//! (`"3"`) is taken in `If-Match` as well.

use super::problem::Problem;
use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// The answer with its tag, or 304 when the client has it already.
pub fn tagged<T: Serialize>(headers: &HeaderMap, generation: impl ToString, value: &T) -> Response {
    let body = serde_json::to_vec(value).unwrap_or_default();
    let hash = blake3::hash(&body).to_hex();
    let tag = format!("\"{}-{}\"", generation.to_string(), &hash[..16]);
    let known = list(headers, header::IF_NONE_MATCH).any(|t| t == "*" || t.trim_start_matches("W/") == tag);
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let json = HeaderValue::from_static("application/json");
        ([(header::CONTENT_TYPE, json)], body).into_response()
    };
    put_tag(&mut response, &tag);
    response
}

/// A created resource: 201 with its address and its tag.
pub fn created<T: Serialize>(address: &str, generation: impl ToString, value: &T) -> Response {
    let mut response = (StatusCode::CREATED, Json(value)).into_response();
    if let Ok(address) = HeaderValue::from_str(address) {
        response.headers_mut().insert(header::LOCATION, address);
    }
    put_tag(&mut response, &format!("\"{}\"", generation.to_string()));
    response
}

/// A changed resource: 200 with its tag.
pub fn changed<T: Serialize>(generation: impl ToString, value: &T) -> Response {
    let mut response = Json(value).into_response();
    put_tag(&mut response, &format!("\"{}\"", generation.to_string()));
    response
}

fn put_tag(response: &mut Response, tag: &str) {
    if let Ok(tag) = HeaderValue::from_str(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
}

/// The generation that `If-Match` asks for; `None` when it asks for none in particular (absent or `*`).
///
/// # Errors
/// A problem for a tag that was never given out here.
pub fn expected(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let mut tags = list(headers, header::IF_MATCH).peekable();
    let Some(first) = tags.next() else { return Ok(None) };
    if first == "*" {
        return Ok(None);
    }
    if tags.peek().is_some() {
        return Err(bad("several tags in If-Match are not supported; send one"));
    }
    generation(first)
        .and_then(|g| g.parse().ok())
        .map(Some)
        .ok_or_else(|| {
            bad("If-Match must be the ETag of an answer, such as \"3-0f…\", or its generation, such as \"3\"")
        })
}

/// The generation in a tag, as text.
#[must_use]
pub fn generation(tag: &str) -> Option<&str> {
    let inside = tag
        .trim_start_matches("W/")
        .strip_prefix('"')?
        .strip_suffix('"')?;
    Some(
        inside
            .rsplit_once('-')
            .map_or(inside, |(generation, _)| generation),
    )
}

/// The tags of a header, however many lines it has.
pub fn list(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .into_iter()
        .map(|v| v.to_str().unwrap_or("?"))
        .flat_map(|v| v.split(','))
        .map(str::trim)
        .filter(|t| !t.is_empty())
}

fn bad(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad_if_match", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: header::HeaderName, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    #[test]
    fn a_tag_guards_by_its_generation_and_is_known_by_the_whole() {
        let first = tagged(&HeaderMap::new(), 3, &"a");
        let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
        assert_eq!(expected(&with(header::IF_MATCH, &tag)), Ok(Some(3)));
        assert_eq!(
            tagged(&with(header::IF_NONE_MATCH, &tag), 3, &"a").status(),
            StatusCode::NOT_MODIFIED
        );
        assert_eq!(
            tagged(&with(header::IF_NONE_MATCH, &tag), 3, &"b").status(),
            StatusCode::OK
        );
        let several = format!("\"x\", W/{tag}");
        assert_eq!(
            tagged(&with(header::IF_NONE_MATCH, &several), 3, &"a").status(),
            StatusCode::NOT_MODIFIED
        );
    }

    #[test]
    fn if_match_is_read_or_refused() {
        for (text, expect) in [
            ("\"3\"", Some(Some(3))),
            ("W/\"3-ab\"", Some(Some(3))),
            ("*", Some(None)),
            ("3", None),
            ("\"x\"", None),
            ("\"3\", \"4\"", None),
        ] {
            assert_eq!(expected(&with(header::IF_MATCH, text)).ok(), expect, "{text}");
        }
        assert_eq!(expected(&HeaderMap::new()), Ok(None));
    }
}
