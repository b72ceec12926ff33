//! What the event log holds and what every live channel sends: the same payloads everywhere.
//!
//! Invariant: `seq` is gapless and rises with the commit order of the changes. WebSocket, SSE and every later channel read the log
//! and send [`LiveMessage`]s unchanged.

use crate::domain::access::AccessOp;
use crate::domain::id::{DatasetId, JobId};
use crate::domain::migration::{JobStatus, Progress};
use crate::domain::unit::{Bytes, NanoUsd};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a subscriber wants to hear of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Stages and progress of jobs.
    Jobs,
    /// Accesses.
    Access,
    /// New and changed recommendations.
    Recommendations,
    /// Everything.
    #[default]
    All,
}

impl Stream {
    /// The word on the wire and in the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jobs => "jobs",
            Self::Access => "access",
            Self::Recommendations => "recommendations",
            Self::All => "all",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Jobs, Self::Access, Self::Recommendations, Self::All]
            .into_iter()
            .find(|s| s.as_str() == text)
    }

    /// Whether a subscriber of this stream hears of `other`.
    #[must_use]
    pub fn hears(self, other: Self) -> bool {
        self == Self::All || self == other
    }
}

/// A stage or progress of a job. The value of the `migration_status` topic as well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobStatusEvent {
    /// Number in the event log; for progress between stages, that of the last logged event.
    pub seq: i64,
    /// The job.
    pub job_id: JobId,
    /// The dataset it moves.
    pub dataset_id: DatasetId,
    /// The dataset's name.
    pub dataset_name: String,
    /// The stage.
    pub status: JobStatus,
    /// How far it is.
    pub progress: Progress,
    /// Why it is in this state, when there is something to say (failure, pause, retry).
    pub reason: Option<String>,
    /// Unix seconds of the change.
    pub updated_at: i64,
}

/// Accesses of one dataset that were committed together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessLogged {
    /// Number in the event log.
    pub seq: i64,
    /// The dataset; `None` when a large batch over many datasets was merged into one event.
    pub dataset_id: Option<DatasetId>,
    /// Its name, or `None` with it.
    pub dataset_name: Option<String>,
    /// Read or write.
    pub op: AccessOp,
    /// How many events this stands for.
    pub count: i64,
    /// Their bytes.
    pub size_bytes: Bytes,
    /// Mean reported latency in microseconds, where one was reported.
    pub client_lat_us: Option<i64>,
    /// Unix seconds of the latest of them.
    pub updated_at: i64,
}

/// A recommendation that is new or has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecommendationLogged {
    /// Number in the event log.
    pub seq: i64,
    /// The dataset.
    pub dataset_id: DatasetId,
    /// Its name.
    pub dataset_name: String,
    /// `stay`, `move` or `no_history`.
    pub action: String,
    /// The proposed placement, for a move.
    pub proposed: Option<String>,
    /// Net saving a month.
    pub monthly_saving_nanousd: NanoUsd,
    /// Why it changed.
    pub reason: String,
    /// Unix seconds.
    pub updated_at: i64,
}

/// What the log holds; the tag is the event's name on every channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum DomainEvent {
    /// A job's stage changed, or it progressed.
    JobStatus(JobStatusEvent),
    /// Accesses were counted.
    AccessEvent(AccessLogged),
    /// A recommendation is new or changed.
    Recommendation(RecommendationLogged),
}

impl DomainEvent {
    /// The stream it belongs to.
    #[must_use]
    pub fn stream(&self) -> Stream {
        match self {
            Self::JobStatus(_) => Stream::Jobs,
            Self::AccessEvent(_) => Stream::Access,
            Self::Recommendation(_) => Stream::Recommendations,
        }
    }

    /// The tag, as the SSE event name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::JobStatus(_) => "job_status",
            Self::AccessEvent(_) => "access_event",
            Self::Recommendation(_) => "recommendation",
        }
    }

    /// Its number in the log.
    #[must_use]
    pub fn seq(&self) -> i64 {
        match self {
            Self::JobStatus(e) => e.seq,
            Self::AccessEvent(e) => e.seq,
            Self::Recommendation(e) => e.seq,
        }
    }

    /// The same event with its number set.
    #[must_use]
    pub fn with_seq(mut self, seq: i64) -> Self {
        match &mut self {
            Self::JobStatus(e) => e.seq = seq,
            Self::AccessEvent(e) => e.seq = seq,
            Self::Recommendation(e) => e.seq = seq,
        }
        self
    }
}

/// Server to client on the WebSocket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum LiveMessage {
    /// The state at `seq`; changes follow.
    Snapshot {
        /// The stream it is for.
        stream: Stream,
        /// The last event it includes.
        seq: i64,
        /// The live jobs and those that ended last (for `jobs` and `all`), or the latest events.
        items: Vec<DomainEvent>,
        /// Names the log that `seq` counts in; give it back with `since`.
        #[serde(default)]
        log: String,
    },
    /// A job's stage or progress.
    JobStatus(JobStatusEvent),
    /// Accesses.
    AccessEvent(AccessLogged),
    /// A recommendation.
    Recommendation(RecommendationLogged),
    /// The history that was asked for is gone or the client fell behind: a snapshot follows.
    Resync {
        /// Why.
        reason: String,
    },
    /// Answer to `ping`.
    Pong,
    /// Something the client sent could not be done.
    Error {
        /// Stable code.
        code: String,
        /// In words.
        message: String,
    },
    /// A command was carried out.
    Done {
        /// The command: `cancel`, `pause`, `resume` or `retry`.
        command: String,
        /// The job.
        job_id: JobId,
        /// Its state after it.
        status: JobStatus,
    },
}

impl From<DomainEvent> for LiveMessage {
    fn from(event: DomainEvent) -> Self {
        match event {
            DomainEvent::JobStatus(e) => Self::JobStatus(e),
            DomainEvent::AccessEvent(e) => Self::AccessEvent(e),
            DomainEvent::Recommendation(e) => Self::Recommendation(e),
        }
    }
}

/// Client to server on the WebSocket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// Begin a stream; with `since`, everything after that number comes first.
    Subscribe {
        /// Which.
        stream: Stream,
        /// The last number the client has.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<i64>,
        /// The log that `since` counts in, from the snapshot. With another one the server answers with a resync.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        log: Option<String>,
    },
    /// End a stream.
    Unsubscribe {
        /// Which.
        stream: Stream,
    },
    /// Ask for a `pong`.
    Ping,
    /// Cancel a job.
    Cancel {
        /// Which.
        job_id: JobId,
    },
    /// Pause a job.
    Pause {
        /// Which.
        job_id: JobId,
    },
    /// Resume a job.
    Resume {
        /// Which.
        job_id: JobId,
    },
    /// Retry a failed job.
    Retry {
        /// Which.
        job_id: JobId,
    },
}
