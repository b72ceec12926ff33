//! A stub of Google Cloud Storage in this process: the part of its XML interface that moving objects needs, and the call `rewrite` of
//! the JSON one, in memory.
//!
//! It is no emulator: no signatures, generations only as conditions of create-only writes and of rewrites. The packaged fake
//! server speaks Google's JSON interface only, of which the product uses that one call.

use super::raw::Raw;
use super::{Bucket, Seen, credential};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use data_in_motion::domain::location::StoreAccess;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

/// Keys of one page of a listing: few, so that paging is met.
const PAGE: usize = 100;

#[derive(Clone)]
struct Object {
    bytes: Bytes,
    etag: String,
    headers: Vec<(String, HeaderValue)>,
    generation: u64,
}

struct Upload {
    key: String,
    headers: Vec<(String, HeaderValue)>,
    parts: BTreeMap<u32, Bytes>,
}

#[derive(Default)]
struct Inner {
    objects: BTreeMap<String, Object>,
    uploads: BTreeMap<String, Upload>,
    count: u64,
    /// Rewrites under way: their source and target, and how often each was called.
    rewrites: BTreeMap<String, (String, String, usize)>,
}

impl Inner {
    fn insert(&mut self, key: String, bytes: Bytes, etag: String, headers: Vec<(String, HeaderValue)>) {
        self.count += 1;
        let object = Object {
            bytes,
            etag,
            headers,
            generation: self.count,
        };
        self.objects.insert(key, object);
    }
}

#[derive(Clone)]
struct Stub {
    inner: Arc<Mutex<Inner>>,
    seen: Arc<Seen>,
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = (*first == b'%')
            .then(|| tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok()))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match code {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(if *first == b'+' { b' ' } else { *first });
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// A key in a path: there a plus is a plus.
fn path_decoded(text: &str) -> String {
    decoded(&text.replace('+', "%2B"))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn failure(status: StatusCode, code: &str) -> Response {
    let text = format!("<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code></Error>");
    (status, text).into_response()
}

/// What belongs to an object among a request's headers.
fn kept(headers: &HeaderMap) -> Vec<(String, HeaderValue)> {
    headers
        .iter()
        .filter(|(name, _)| {
            let name = name.as_str();
            name.starts_with("x-goog-meta-")
                || [
                    "content-type",
                    "cache-control",
                    "content-language",
                    "content-disposition",
                    "x-goog-storage-class",
                ]
                .contains(&name)
        })
        .map(|(name, value)| (name.as_str().to_owned(), value.clone()))
        .collect()
}

impl Stub {
    fn list(&self, query: &BTreeMap<String, String>) -> Response {
        let prefix = query.get("prefix").cloned().unwrap_or_default();
        let after = query
            .get("continuation-token")
            .or_else(|| query.get("start-after"));
        let inner = self.inner.lock().unwrap();
        let mut text = "<?xml version='1.0' encoding='UTF-8'?><ListBucketResult>".to_owned();
        let mut matching = inner
            .objects
            .iter()
            .filter(|(key, _)| key.starts_with(&prefix) && after.is_none_or(|a| *key > a));
        let mut last = None;
        for (key, object) in matching.by_ref().take(PAGE) {
            let (size, etag) = (object.bytes.len(), &object.etag);
            let key_text = escaped(key);
            write!(
                text,
                "<Contents><Key>{key_text}</Key><Size>{size}</Size><LastModified>2026-01-02T03:04:05.000Z</LastModified>\
                 <ETag>\"{etag}\"</ETag></Contents>"
            )
            .unwrap();
            last = Some(key.clone());
        }
        if let (Some(last), Some(_)) = (last, matching.next()) {
            let last = escaped(&last);
            write!(
                text,
                "<IsTruncated>true</IsTruncated><NextContinuationToken>{last}</NextContinuationToken>"
            )
            .unwrap();
        }
        text.push_str("</ListBucketResult>");
        text.into_response()
    }

    fn read(&self, key: &str, headers: &HeaderMap, head: bool) -> Response {
        let inner = self.inner.lock().unwrap();
        let Some(object) = inner.objects.get(key) else {
            return failure(StatusCode::NOT_FOUND, "NoSuchKey");
        };
        let wanted = headers.get("if-match").and_then(|v| v.to_str().ok());
        if wanted.is_some_and(|tag| tag.trim_matches('"') != object.etag) {
            return failure(StatusCode::PRECONDITION_FAILED, "PreconditionFailed");
        }
        let length = object.bytes.len();
        let range = headers
            .get("range")
            .and_then(|v| v.to_str().ok()?.strip_prefix("bytes=")?.split_once('-'))
            .map(|(from, to)| {
                let from: usize = from.parse().unwrap();
                let to = to.parse::<usize>().map_or(length, |to| (to + 1).min(length));
                from..to
            });
        let bytes = range
            .clone()
            .map_or(object.bytes.clone(), |r| object.bytes.slice(r));
        let status = if range.is_some() {
            StatusCode::PARTIAL_CONTENT
        } else {
            StatusCode::OK
        };
        let mut answer = Response::new(if head {
            Bytes::new().into()
        } else {
            bytes.clone().into()
        });
        *answer.status_mut() = status;
        let set = answer.headers_mut();
        let text = |t: String| HeaderValue::from_str(&t).unwrap();
        set.insert("etag", text(format!("\"{}\"", object.etag)));
        set.insert(
            "last-modified",
            HeaderValue::from_static("Fri, 02 Jan 2026 03:04:05 GMT"),
        );
        set.insert("content-length", text(bytes.len().to_string()));
        set.insert("x-goog-generation", text(object.generation.to_string()));
        let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, &object.bytes);
        let crc = STANDARD.encode(u32::try_from(crc).unwrap().to_be_bytes());
        set.insert("x-goog-hash", text(format!("crc32c={crc}")));
        if let Some(range) = range {
            set.insert(
                "content-range",
                text(format!("bytes {}-{}/{length}", range.start, range.end - 1)),
            );
        }
        for (name, value) in &object.headers {
            set.insert(
                axum::http::HeaderName::from_bytes(name.as_bytes()).unwrap(),
                value.clone(),
            );
        }
        answer
    }

    fn tagged(etag: &str) -> Response {
        let mut answer = StatusCode::OK.into_response();
        let value = HeaderValue::from_str(&format!("\"{etag}\"")).unwrap();
        answer.headers_mut().insert("etag", value);
        answer
    }

    fn put(&self, key: String, headers: &HeaderMap, bytes: Bytes) -> Response {
        self.seen.bytes_in.fetch_add(bytes.len() as u64, Ordering::SeqCst);
        let mut inner = self.inner.lock().unwrap();
        if headers
            .get("x-goog-if-generation-match")
            .is_some_and(|v| v == "0")
            && inner.objects.contains_key(&key)
        {
            return failure(StatusCode::PRECONDITION_FAILED, "PreconditionFailed");
        }
        let etag = blake3::hash(&bytes).to_hex()[..32].to_owned();
        let answer = Self::tagged(&etag);
        let headers = kept(headers);
        inner.insert(key, bytes, etag, headers);
        answer
    }

    /// The JSON call that copies: here every copy takes two calls, as large ones do.
    fn rewrite(&self, from: String, to: String, query: &BTreeMap<String, String>, body: &[u8]) -> Response {
        if self.seen.refuses_copies.load(Ordering::SeqCst) {
            return StatusCode::NOT_IMPLEMENTED.into_response();
        }
        let mut inner = self.inner.lock().unwrap();
        if let Some((key, bytes)) = self.seen.before_copy.lock().unwrap().take() {
            let etag = blake3::hash(&bytes).to_hex()[..32].to_owned();
            inner.insert(key, bytes.into(), etag, Vec::new());
        }
        let generation = |key: &str| inner.objects.get(key).map(|o| o.generation.to_string());
        let at_target = generation(&to).unwrap_or("0".into());
        if generation(&from).as_ref() != query.get("ifSourceGenerationMatch")
            || query.get("ifGenerationMatch").is_some_and(|g| *g != at_target)
        {
            return StatusCode::PRECONDITION_FAILED.into_response();
        }
        let Some(token) = query.get("rewriteToken") else {
            inner.count += 1;
            let token = format!("token/{}+", inner.count);
            let answer =
                serde_json::json!({"kind": "storage#rewriteResponse", "done": false, "rewriteToken": token});
            inner.rewrites.insert(token, (from, to, 1));
            return axum::Json(answer).into_response();
        };
        match inner.rewrites.remove(token) {
            Some((known_from, known_to, 1)) if known_from == from && known_to == to => {}
            _ => return StatusCode::BAD_REQUEST.into_response(),
        }
        let wanted: serde_json::Value = serde_json::from_slice(body).unwrap();
        let value = |v: &serde_json::Value| HeaderValue::from_str(v.as_str().unwrap()).unwrap();
        let named = [
            ("contentType", "content-type"),
            ("cacheControl", "cache-control"),
            ("contentLanguage", "content-language"),
            ("contentDisposition", "content-disposition"),
            ("storageClass", "x-goog-storage-class"),
        ];
        let mut headers: Vec<(String, HeaderValue)> = named
            .iter()
            .filter_map(|(json, header)| Some(((*header).to_owned(), value(wanted.get(json)?))))
            .collect();
        for (name, v) in wanted["metadata"].as_object().unwrap() {
            headers.push((format!("x-goog-meta-{name}"), value(v)));
        }
        let Object { bytes, etag, .. } = inner.objects[&from].clone();
        self.seen.copies.fetch_add(1, Ordering::SeqCst);
        inner.insert(to, bytes, etag, headers);
        axum::Json(serde_json::json!({"kind": "storage#rewriteResponse", "done": true})).into_response()
    }

    fn put_part(&self, id: &str, number: u32, bytes: Bytes) -> Response {
        self.seen.bytes_in.fetch_add(bytes.len() as u64, Ordering::SeqCst);
        self.seen.parts.fetch_add(1, Ordering::SeqCst);
        let mut inner = self.inner.lock().unwrap();
        let Some(upload) = inner.uploads.get_mut(id) else {
            return failure(StatusCode::NOT_FOUND, "NoSuchUpload");
        };
        let etag = blake3::hash(&bytes).to_hex()[..32].to_owned();
        upload.parts.insert(number, bytes);
        Self::tagged(&etag)
    }

    fn begin(&self, key: String, headers: &HeaderMap) -> Response {
        let mut inner = self.inner.lock().unwrap();
        inner.count += 1;
        let id = format!("upload-{}", inner.count);
        self.seen.uploads.lock().unwrap().insert(id.clone(), key.clone());
        let upload = Upload {
            key,
            headers: kept(headers),
            parts: BTreeMap::new(),
        };
        inner.uploads.insert(id.clone(), upload);
        format!("<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>")
            .into_response()
    }

    fn complete(&self, id: &str) -> Response {
        let mut inner = self.inner.lock().unwrap();
        let Some(upload) = inner.uploads.remove(id) else {
            return failure(StatusCode::NOT_FOUND, "NoSuchUpload");
        };
        self.seen.uploads.lock().unwrap().remove(id);
        let count = upload.parts.len();
        let bytes: Vec<u8> = upload.parts.into_values().flatten().collect();
        let etag = format!("{}-{count}", &blake3::hash(&bytes).to_hex()[..32]);
        inner.insert(upload.key, bytes.into(), etag.clone(), upload.headers);
        let text =
            format!("<CompleteMultipartUploadResult><ETag>\"{etag}\"</ETag></CompleteMultipartUploadResult>");
        ([("x-goog-generation", "1")], text).into_response()
    }
}

async fn answer(
    State(stub): State<Stub>,
    method: Method,
    uri: Uri,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    bytes: Bytes,
) -> Response {
    let query: BTreeMap<String, String> = query
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        })
        .collect();
    let path = uri.path().trim_start_matches('/');
    if let Some((from, to)) = path
        .strip_prefix("storage/v1/b/bkt/o/")
        .and_then(|rest| rest.split_once("/rewriteTo/b/bkt/o/"))
    {
        return stub.rewrite(path_decoded(from), path_decoded(to), &query, &bytes);
    }
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    if path_decoded(bucket) != "bkt" {
        return failure(StatusCode::NOT_FOUND, "NoSuchBucket");
    }
    let key = path_decoded(key);
    let upload = query.get("uploadId");
    match (method.as_str(), upload) {
        ("GET", None) if key.is_empty() => stub.list(&query),
        ("GET", None) => stub.read(&key, &headers, false),
        ("HEAD", None) => stub.read(&key, &headers, true),
        ("PUT", Some(id)) => stub.put_part(id, query["partNumber"].parse().unwrap(), bytes),
        ("PUT", None) => stub.put(key, &headers, bytes),
        ("POST", Some(id)) => stub.complete(id),
        ("POST", None) if query.contains_key("uploads") => stub.begin(key, &headers),
        ("DELETE", Some(id)) => {
            stub.seen.uploads.lock().unwrap().remove(id);
            match stub.inner.lock().unwrap().uploads.remove(id) {
                Some(_) => StatusCode::NO_CONTENT.into_response(),
                None => failure(StatusCode::NOT_FOUND, "NoSuchUpload"),
            }
        }
        ("DELETE", None) => match stub.inner.lock().unwrap().objects.remove(&key) {
            Some(_) => StatusCode::NO_CONTENT.into_response(),
            None => failure(StatusCode::NOT_FOUND, "NoSuchKey"),
        },
        _ => failure(StatusCode::NOT_IMPLEMENTED, "NotImplemented"),
    }
}

/// A server with one bucket, until the test ends.
pub async fn bucket() -> Bucket {
    let dir = tempfile::tempdir().unwrap();
    let seen = Arc::new(Seen::default());
    let stub = Stub {
        inner: Arc::default(),
        seen: seen.clone(),
    };
    let router = Router::new()
        .fallback(answer)
        .layer(axum::extract::DefaultBodyLimit::disable())
        .with_state(stub);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Bucket {
        uri: "gs://bkt".into(),
        access: StoreAccess {
            endpoint: Some(endpoint.parse().unwrap()),
            region: None,
            credential_ref: Some(credential(&dir, "anonymous").parse().unwrap()),
        },
        raw: Raw::Gcs {
            bucket: format!("{endpoint}/bkt"),
        },
        seen,
        dir,
    }
}
