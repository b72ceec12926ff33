//! Migration jobs: their states, progress, plan and list rows. The transitions are one pure function, [`machine::next`].
//!
//! Invariant: a job in an end state never leaves it, except `failed` by retry and `completed` by undo. The protocol between two
//! movers, crashes and readers is checked exhaustively in the tests of `protocol`.
//!
//! This module must not know how bytes are copied, where rows are kept or what time it is.

pub mod estimate;

pub mod evacuation;

pub mod limit;

pub mod machine;

pub mod options;

pub mod receipt;

pub mod timeline;

#[cfg(test)]
mod machine_tests;

#[cfg(test)]
mod machine_model;

#[cfg(test)]
mod protocol;

use crate::domain::id::{DatasetId, JobId, LocationId};
use crate::domain::location::StorageUri;
use crate::domain::name::StorageClass;
use crate::domain::recommendation::outcome::{Expectation, Outcome};
use crate::domain::unit::{Bytes, NanoUsd, Timestamp};
use options::MoveOptions;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The stage a job is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// A person must approve it first.
    AwaitingApproval,
    /// Waits for a mover.
    Queued,
    /// Bytes are being copied.
    Copying,
    /// The copy is being read back and compared.
    Verifying,
    /// The catalog is being switched.
    Switching,
    /// Readers are sent to the target.
    Completed,
    /// It ended without switching; the source serves.
    Failed,
    /// A person stopped it; the source serves and nothing is left behind.
    Cancelled,
    /// A person or a limit holds it; what was copied is kept.
    Paused,
    /// It was completed, then switched back.
    Undone,
}

impl JobStatus {
    /// Every status, in the order of a job's life.
    pub const ALL: [Self; 10] = [
        Self::AwaitingApproval,
        Self::Queued,
        Self::Copying,
        Self::Verifying,
        Self::Switching,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Paused,
        Self::Undone,
    ];

    /// The word on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AwaitingApproval => "awaiting_approval",
            Self::Queued => "queued",
            Self::Copying => "copying",
            Self::Verifying => "verifying",
            Self::Switching => "switching",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Paused => "paused",
            Self::Undone => "undone",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }

    /// Whether nothing more happens by itself.
    #[must_use]
    pub fn is_end(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Failed | Self::Cancelled | Self::Undone
        )
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How far a job is in its present stage. Counted, never estimated, except rate and time left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// Objects done in this stage.
    pub objects_done: i64,
    /// Objects in the manifest.
    pub objects_total: i64,
    /// Bytes done in this stage.
    pub bytes_done: Bytes,
    /// Bytes in the manifest.
    pub bytes_total: Bytes,
    /// Measured rate over the last seconds; 0 when nothing moved.
    pub bytes_per_sec: i64,
    /// Time left at that rate; `None` when nothing moves.
    pub eta_secs: Option<i64>,
}

impl Progress {
    /// Seconds for what is left at a rate, rounded up; `None` when nothing moves.
    #[must_use]
    pub fn eta(bytes_left: i64, bytes_per_sec: i64) -> Option<i64> {
        (bytes_per_sec > 0).then(|| bytes_left.max(0).saturating_add(bytes_per_sec - 1) / bytes_per_sec)
    }
}

/// A migration job as lists, pages and the API show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// The dataset it moves.
    pub dataset_id: DatasetId,
    /// That dataset's name.
    pub dataset_name: String,
    /// Where it is.
    pub status: JobStatus,
    /// Why it is there, when there is something to say; names the object where one is to blame.
    pub reason: Option<String>,
    /// Stable code of a failure, such as `verify_mismatch`.
    pub error_code: Option<String>,
    /// Address the data comes from.
    pub source_uri: StorageUri,
    /// Location it comes from.
    pub source_location_id: LocationId,
    /// Class it comes from.
    pub source_class: StorageClass,
    /// Address the data goes to.
    pub target_uri: StorageUri,
    /// Location it goes to.
    pub target_location_id: LocationId,
    /// Class it goes to.
    pub target_class: StorageClass,
    /// How far it is.
    pub progress: Progress,
    /// Counts the runs of the job, from 1.
    pub attempt: i64,
    /// Rises whenever a mover takes the job; a late writer with a lower fence is refused.
    pub fence: i64,
    /// Set when a cancel or pause is on its way.
    pub wanted: Option<String>,
    /// The process that holds the job.
    pub owner: Option<String>,
    /// Until when.
    pub lease_until: Option<Timestamp>,
    /// Net saving a month that was forecast when it was planned.
    pub forecast_saving_nanousd: Option<NanoUsd>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When a mover first took it.
    pub started_at: Option<Timestamp>,
    /// When it reached an end.
    pub finished_at: Option<Timestamp>,
    /// Until when it can be undone without moving bytes.
    pub undo_until: Option<Timestamp>,
    /// Whether its source is deleted once the grace period is over.
    #[serde(default)]
    pub deletes_source: bool,
    /// What can be done with it now: `cancel`, `pause`, `resume`, `retry`, `approve`, `undo`.
    pub actions: Vec<String>,
}

/// An object of a job's manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ManifestObject {
    /// Key relative to the dataset's prefix.
    pub key: String,
    /// Size in bytes.
    pub size_bytes: Bytes,
    /// `pending`, `copied`, `verified` or `failed`.
    pub state: String,
    /// BLAKE3 of the content, in hex, once it was read.
    pub content_hash: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
}

/// A stage that a job went through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobEvent {
    /// Number in the event log.
    pub seq: i64,
    /// The stage.
    pub status: JobStatus,
    /// Why.
    pub reason: Option<String>,
    /// Which run of the job.
    pub attempt: i64,
    /// When.
    pub at: Timestamp,
}

/// A line of a job's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    /// When.
    pub at: Timestamp,
    /// `stage` for a change of stage, else the level: `info`, `warn` or `error`.
    pub level: String,
    /// What was said.
    pub text: String,
}

impl Job {
    /// Whether the data stays where it is and only its storage class changes.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        self.source_location_id == self.target_location_id && self.source_uri == self.target_uri
    }
}

/// Everything the page of one job shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobDetail {
    /// The job.
    #[serde(flatten)]
    pub job: Job,
    /// Its stages, oldest first.
    pub events: Vec<JobEvent>,
    /// Objects, failed first; at most 200.
    pub objects: Vec<ManifestObject>,
    /// The weakest check that every object of it passed, in words, once verified.
    pub verification: Option<String>,
    /// The plan it was made from.
    pub plan: Option<Plan>,
    /// Was it right? What it was expected to bring beside what it brought, once it was completed.
    #[serde(default)]
    pub outcome: Option<Outcome>,
    /// How far it was and when, oldest first: about one a second, fewer in a long job.
    #[serde(default)]
    pub samples: Vec<timeline::Sample>,
    /// How it is carried out.
    #[serde(default)]
    pub options: MoveOptions,
    /// Limits on bytes and objects a second that hold it back.
    #[serde(default)]
    pub limits: Vec<limit::Limit>,
    /// Whether a signed receipt is kept: `/api/v1/jobs/ID/receipt`.
    #[serde(default)]
    pub has_receipt: bool,
}

/// One line of a plan's or a placement's cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanCostLine {
    /// `storage`, `request`, `retrieval`, `egress`, `early_deletion`, `monitoring`, `transition`.
    pub kind: String,
    /// What it is for.
    pub text: String,
    /// The amount.
    pub amount_nanousd: NanoUsd,
}

/// The objects of a plan whose names begin alike.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanPrefix {
    /// The first folder of their names, with its slash; empty for those in none, `…` for all folders after the first 100.
    pub prefix: String,
    /// How many.
    pub object_count: i64,
    /// Their bytes.
    pub size_bytes: Bytes,
}

/// A check that a plan made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanCheck {
    /// What was checked: `free_space`, `target_empty`, `overlap`, `permissions`, `source_readable`.
    pub name: String,
    /// Whether it allows the move.
    pub ok: bool,
    /// What was found.
    pub detail: String,
}

/// What a move would do. The dry run, the page and the real run share it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// The dataset.
    pub dataset_id: DatasetId,
    /// Its name.
    pub dataset_name: String,
    /// The generation the plan saw; applying refuses when it has moved on.
    pub dataset_generation: i64,
    /// Where the data is.
    pub source_uri: StorageUri,
    /// Its location.
    pub source_location_id: LocationId,
    /// Its class.
    pub source_class: StorageClass,
    /// Where it would go.
    pub target_uri: StorageUri,
    /// Its location.
    pub target_location_id: LocationId,
    /// Its location's name.
    pub target_location_name: String,
    /// Its class.
    pub target_class: StorageClass,
    /// Objects listed for real.
    pub object_count: i64,
    /// Their bytes.
    pub size_bytes: Bytes,
    /// How the copy will be encrypted; absent where it will not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<crate::domain::encryption::Encryption>,
    /// Bytes that will be written, where they are more because they are encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_bytes: Option<Bytes>,
    /// How they are spread over the first folder of their names, in the order of the names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prefixes: Vec<PlanPrefix>,
    /// Entries left out, with the reason; at most 100.
    pub skipped: Vec<crate::domain::dataset::SkippedEntry>,
    /// Free space at the target, where the store tells it.
    pub target_free_bytes: Option<Bytes>,
    /// One-time cost lines; they sum to `one_time_nanousd`.
    pub cost_lines: Vec<PlanCostLine>,
    /// One-time cost.
    pub one_time_nanousd: NanoUsd,
    /// Net saving a month at the present rate of reads, where prices are known; negative is a loss.
    pub monthly_saving_nanousd: Option<NanoUsd>,
    /// What the move is expected to bring, kept to be compared with what it brings; `None` without prices.
    #[serde(default)]
    pub expectation: Option<Expectation>,
    /// Copy and verify time in seconds as (fast, slow), from the rates of finished jobs; `None` before there is one.
    pub duration_secs: Option<(i64, i64)>,
    /// What will be deleted, and when.
    pub deletes: String,
    /// The checks made.
    pub checks: Vec<PlanCheck>,
    /// Whether every check allows it.
    pub applicable: bool,
    /// How it is to be carried out.
    #[serde(default)]
    pub options: MoveOptions,
    /// What the chosen check will prove of every object.
    #[serde(default)]
    pub proves: String,
}

impl Plan {
    /// Whether the data stays where it is and only its storage class changes.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        self.source_location_id == self.target_location_id && self.source_uri == self.target_uri
    }

    /// Whether something will be deleted after the grace period.
    #[must_use]
    pub fn deletes_source(&self) -> bool {
        self.options.deletes_source() && !self.is_in_place()
    }
}

/// What is asked for when a move is planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanRequest {
    /// The dataset, by id or by name.
    pub dataset_id: crate::domain::access::DatasetKey,
    /// A location's name or id, or an address.
    pub target_location: String,
    /// Class at the target; absent means the location's default.
    #[serde(default)]
    pub storage_class: Option<StorageClass>,
    /// Only plan: nothing is queued.
    #[serde(default)]
    pub dry_run: bool,
    /// Queue it as `awaiting_approval`.
    #[serde(default)]
    pub require_approval: bool,
    /// How it is to be carried out.
    #[serde(default)]
    pub options: MoveOptions,
}

/// A plan, and the job it became unless it was a dry run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// The job.
    pub job: Option<Job>,
}

/// Which jobs a list holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobFilter {
    /// A status, or `active` for all that have not ended.
    #[serde(default)]
    pub status: Option<String>,
    /// A dataset's id or name.
    #[serde(default)]
    pub dataset: Option<String>,
}
