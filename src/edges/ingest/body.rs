//! A request's body to its text: bounded as it arrives, unpacked, and bounded again.
//!
//! Invariant: no request makes the process hold more than [`TEXT_MAX`] of unpacked text, and all together not more than
//! [`HELD_MAX_MIB`]; a body that would unpack to more is refused when it gets there, however small it was on the wire.

use super::refused;
use crate::edges::http::problem::ApiError;
use async_compression::tokio::bufread::{GzipDecoder, ZstdDecoder};
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use futures::StreamExt;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncReadExt};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Largest body as it is sent. A batch of a thousand has some 130 kB.
pub const BODY_MAX: usize = 16 * MIB;
/// Largest body once it is unpacked.
pub const TEXT_MAX: usize = 64 * MIB;
/// Text that all requests together may hold, in MiB.
const HELD_MAX_MIB: u32 = 512;
/// How long a request waits for the others' text to be worked off before it is sent away.
const WAIT: Duration = Duration::from_secs(5);
/// A body must have come within this, or others would wait for a slow sender.
const ARRIVE_WITHIN: Duration = Duration::from_secs(20);

const MIB: usize = 1024 * 1024;

static HELD: Semaphore = Semaphore::const_new(HELD_MAX_MIB as usize);

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    Plain,
    /// gzip, of one or more members.
    Gzip,
    /// Zstandard.
    Zstd,
}

impl Packing {
    /// By `Content-Encoding`.
    ///
    /// # Errors
    /// One that is not known, or several.
    pub fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let text = match headers.get(header::CONTENT_ENCODING) {
            None => return Ok(Self::Plain),
            Some(value) => value.to_str().unwrap_or("?").trim().to_ascii_lowercase(),
        };
        match text.as_str() {
            "" | "identity" => Ok(Self::Plain),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "zstd" => Ok(Self::Zstd),
            _ => Err(refused(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "wrong_content_encoding",
                format!("the content encoding {text:?} is not read; gzip, zstd and none are"),
            )),
        }
    }
}

/// A body as it was sent, and the leave to hold its text.
pub struct Sent {
    packed: Bytes,
    packing: Packing,
    /// Given back when the text has been used.
    _held: SemaphorePermit<'static>,
}

/// Takes a request's body in.
///
/// # Errors
/// A body that is too large, too slow or packed in an unknown way; too much text of others.
pub async fn receive(request: Request) -> Result<Sent, ApiError> {
    let packing = Packing::of(request.headers())?;
    let stated = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if stated.is_some_and(|length| length > BODY_MAX) {
        return Err(too_large(BODY_MAX, "as it is sent"));
    }
    let most = match (packing, stated) {
        (Packing::Plain, Some(length)) => length,
        (Packing::Plain, None) => BODY_MAX,
        _ => TEXT_MAX,
    };
    let weight = u32::try_from(most.div_ceil(MIB).max(1)).unwrap_or(HELD_MAX_MIB);
    let held = tokio::time::timeout(WAIT, HELD.acquire_many(weight))
        .await
        .ok()
        .and_then(Result::ok)
        .ok_or_else(|| {
            refused(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "too many large bodies are being read; nothing of this one was counted, send it again in a moment",
            )
        })?;
    let packed = tokio::time::timeout(ARRIVE_WITHIN, collect(request.into_body()))
        .await
        .map_err(|_| {
            refused(
                StatusCode::REQUEST_TIMEOUT,
                "body_timeout",
                format!(
                    "the body did not come within {} s; nothing of it was counted",
                    ARRIVE_WITHIN.as_secs()
                ),
            )
        })??;
    Ok(Sent {
        packed,
        packing,
        _held: held,
    })
}

async fn collect(body: Body) -> Result<Bytes, ApiError> {
    let mut stream = body.into_data_stream();
    let (mut first, mut whole): (Option<Bytes>, Vec<u8>) = (None, Vec::new());
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| {
            refused(
                StatusCode::BAD_REQUEST,
                "body_unreadable",
                format!("the body broke off: {error}; nothing of it was counted"),
            )
        })?;
        let so_far = whole.len() + first.as_ref().map_or(0, Bytes::len);
        if so_far + chunk.len() > BODY_MAX {
            return Err(too_large(BODY_MAX, "as it is sent"));
        }
        match (first.take(), whole.is_empty()) {
            (None, true) => first = Some(chunk),
            (earlier, _) => {
                whole.extend_from_slice(earlier.as_deref().unwrap_or_default());
                whole.extend_from_slice(&chunk);
            }
        }
    }
    Ok(first.unwrap_or_else(|| whole.into()))
}

impl Sent {
    /// Whether reading it takes so long that other requests should not wait for it on the same thread.
    #[must_use]
    pub fn is_long(&self) -> bool {
        // Some 2 ms of parsing; unpacking can multiply the bytes by hundreds.
        self.packed.len() > 256 * 1024 || self.packing != Packing::Plain
    }

    /// The text. Works without waiting for anything, however long it takes.
    ///
    /// # Errors
    /// A body that is not packed as it says, or that unpacks to more than [`TEXT_MAX`].
    pub fn text(&self) -> Result<Bytes, ApiError> {
        let packed: &[u8] = &self.packed;
        match self.packing {
            Packing::Plain => Ok(self.packed.clone()),
            Packing::Gzip => {
                let mut decoder = GzipDecoder::new(packed);
                decoder.multiple_members(true);
                unpack(decoder)
            }
            Packing::Zstd => unpack(zstd(packed)),
        }
    }
}

fn zstd<R: AsyncBufRead>(packed: R) -> ZstdDecoder<R> {
    let mut decoder = ZstdDecoder::new(packed);
    decoder.multiple_members(true);
    decoder
}

/// Reads to the end, or to one byte past the limit. The source is memory, so nothing is ever waited for.
fn unpack(decoder: impl AsyncRead) -> Result<Bytes, ApiError> {
    let mut text = Vec::new();
    let limit = TEXT_MAX as u64 + 1;
    let read: io::Result<usize> =
        futures::executor::block_on(Box::pin(decoder).take(limit).read_to_end(&mut text));
    read.map_err(|error| {
        refused(
            StatusCode::BAD_REQUEST,
            "malformed_encoding",
            format!("the body is not packed as Content-Encoding says: {error}; nothing of it was counted"),
        )
    })?;
    if text.len() > TEXT_MAX {
        return Err(too_large(TEXT_MAX, "once it is unpacked"));
    }
    Ok(text.into())
}

fn too_large(limit: usize, when: &str) -> ApiError {
    refused(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_large",
        format!(
            "the body is larger than {} MiB {when}; nothing of it was counted, send it in parts",
            limit / MIB
        ),
    )
}
