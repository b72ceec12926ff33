//! Observed accesses, and what is kept of them: rollups by dataset and hour.
//!
//! Invariant: an event is identified by its id or by (producer, sequence); the same identity is counted once. What can be counted
//! is said in `check`; how a producer's numbers are remembered, in `runs`.

mod check;
mod runs;

pub use check::{Refusal, RefusalKind};
pub use runs::{Run, RunsChange, add_to_runs, runs_hold};

use crate::domain::id::DatasetId;
use crate::domain::unit::{Bytes, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a client did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccessOp {
    /// Bytes were read (`GET` in histories).
    #[serde(alias = "GET", alias = "get", alias = "READ")]
    Read,
    /// Bytes were written (`PUT` in histories).
    #[serde(alias = "PUT", alias = "put", alias = "WRITE")]
    Write,
}

impl AccessOp {
    /// The word in the database and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// One access as a client reports it. The dataset is given by id or by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessEvent {
    /// The client's own id for deduplication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// With `sequence`: the identity of an event from a numbered stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer: Option<String>,
    /// The producer's own counter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<i64>,
    /// The dataset, by id or by name.
    pub dataset_id: DatasetKey,
    /// Read or write.
    pub op: AccessOp,
    /// Bytes read or written by this access.
    pub size_bytes: Bytes,
    /// First-byte latency that the client saw, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_lat_ms: Option<f64>,
    /// The client's region, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_region: Option<String>,
    /// When it happened; the time of arrival when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
}

/// A dataset by id or by name. A text of digits is an id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum DatasetKey {
    /// By id.
    Id(DatasetId),
    /// By name, or an id as text.
    Name(String),
}

impl DatasetKey {
    /// Reads what a person typed.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text.trim().parse() {
            Ok(id) => Self::Id(id),
            Err(_) => Self::Name(text.trim().to_owned()),
        }
    }
}

impl std::fmt::Display for DatasetKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// By hand: the derived form copies every value before it looks at it, which shows where a million events are read.
impl<'de> Deserialize<'de> for DatasetKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = DatasetKey;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a dataset's id or name")
            }
            fn visit_i64<E: serde::de::Error>(self, id: i64) -> Result<DatasetKey, E> {
                Ok(DatasetKey::Id(DatasetId(id)))
            }
            fn visit_u64<E: serde::de::Error>(self, id: u64) -> Result<DatasetKey, E> {
                i64::try_from(id)
                    .map(|id| DatasetKey::Id(DatasetId(id)))
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Unsigned(id), &self))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<DatasetKey, E> {
                Ok(DatasetKey::Name(text.to_owned()))
            }
            fn visit_string<E: serde::de::Error>(self, text: String) -> Result<DatasetKey, E> {
                Ok(DatasetKey::Name(text))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Accesses of one dataset in one span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessBucket {
    /// Start of the span (hour or day, UTC).
    pub start: Timestamp,
    /// Number of reads.
    pub reads: i64,
    /// Number of writes.
    pub writes: i64,
    /// Bytes read.
    pub read_bytes: Bytes,
    /// Bytes written.
    pub write_bytes: Bytes,
    /// Sum of the reported latencies, in microseconds.
    pub latency_sum_us: i64,
    /// How many events reported one.
    pub latency_count: i64,
}

/// What became of a batch of events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IngestReport {
    /// Lines or events read.
    pub received: i64,
    /// Counted now.
    pub accepted: i64,
    /// Seen before, not counted again.
    pub duplicates: i64,
    /// Refused.
    pub rejected: i64,
    /// The refused ones, with line number (from 1) and reason; at most 100 are listed.
    pub errors: Vec<IngestError>,
}

/// A refused line of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IngestError {
    /// Its number in the batch, from 1.
    pub line: i64,
    /// Stable code: `unreadable`, `invalid_event` or `unknown_dataset`.
    #[serde(default)]
    pub code: String,
    /// Why it was refused.
    pub reason: String,
}

impl IngestReport {
    /// Refused lines that are listed; the rest are counted.
    pub const LISTED: usize = 100;

    /// Counts a refused line, and lists it while there is room.
    pub fn refuse(&mut self, line: i64, refusal: Refusal) {
        self.rejected += 1;
        if self.errors.len() < Self::LISTED {
            self.errors.push(IngestError {
                line,
                code: refusal.kind.as_str().to_owned(),
                reason: refusal.reason,
            });
        }
    }
}
