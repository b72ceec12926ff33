//! Datasets: the unit that is placed, and the summaries that lists and pages show.
//!
//! Invariant: `generation` rises at every change of what or where the dataset is; a move may switch only the generation it saw.

use crate::domain::access::AccessBucket;
use crate::domain::id::{DatasetId, JobId, LocationId};
use crate::domain::label::Label;
use crate::domain::location::StorageUri;
use crate::domain::migration::JobStatus;
use crate::domain::name::{Name, StorageClass};
use crate::domain::replica::Replica;
use crate::domain::unit::{Bytes, NanoUsd, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A prefix with many objects, and where its serving replica stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Dataset {
    /// Its id in the catalog.
    pub id: DatasetId,
    /// Its unique name.
    pub name: Name,
    /// The address of its serving replica.
    pub path_uri: StorageUri,
    /// The location of its serving replica.
    pub location_id: LocationId,
    /// That location's name.
    pub location_name: Name,
    /// The storage class of its serving replica.
    pub storage_class: StorageClass,
    /// Size in bytes: what the owner stated, or what the last scan or move found.
    pub size_bytes: Bytes,
    /// Objects; 0 until it was scanned or moved.
    pub object_count: i64,
    /// When the real objects were last listed.
    pub scanned_at: Option<Timestamp>,
    /// Rises at every change; the ETag and the fence of moves.
    pub generation: i64,
    /// Never moved by recommendation when set; the reason is shown.
    pub pinned_reason: Option<String>,
    /// Largest first-byte latency that its readers accept, in milliseconds.
    pub latency_limit_ms: Option<i64>,
    /// Its files only stand for the dataset: they are a scaled-down stand-in of it (a demo's). See [`Dataset::counted`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stand_in: bool,
    /// When it was created, as its owner states or as the catalog saw.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Dataset {
    /// Objects and bytes that the catalog counts for this dataset once `objects` of `bytes` were listed at its place.
    ///
    /// The one place where what lies on disk becomes what the catalog, its costs and its recommendations rest on. Ordinarily the
    /// two are the same. The files of a stand-in are far smaller than the dataset that they stand for, so that a demo fits on any
    /// disk: a listing or a move reports the real objects and bytes in its own figures, while the catalog keeps what the owner
    /// stated. Otherwise the first scan or move would shrink a dataset of terabytes to megabytes, and its costs with it.
    #[must_use]
    pub fn counted(&self, objects: i64, bytes: Bytes) -> (i64, Bytes) {
        if self.stand_in {
            (self.object_count, self.size_bytes)
        } else {
            (objects, bytes)
        }
    }
}

/// What is needed to register a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDataset {
    /// Unique name.
    pub name: Name,
    /// Where its objects are. Must lie in a known location, or under a root that the operator allows.
    pub path_uri: StorageUri,
    /// Size in bytes when the owner knows it; a scan replaces it.
    #[serde(default)]
    pub size_bytes: Option<Bytes>,
    /// Storage class; absent means the location's default.
    #[serde(default)]
    pub storage_class: Option<StorageClass>,
    /// Largest acceptable first-byte latency in milliseconds.
    #[serde(default)]
    pub latency_limit_ms: Option<i64>,
}

/// What an owner asks of any placement of a dataset. Both are replaced together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnerRules {
    /// Never moved by advice when set; the reason is shown.
    #[serde(default)]
    pub pinned_reason: Option<String>,
    /// Largest first-byte latency that its readers accept, in milliseconds.
    #[serde(default)]
    pub latency_limit_ms: Option<i64>,
}

/// What the real listing of a dataset found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScanResult {
    /// The dataset as it stands after the scan.
    pub dataset: Dataset,
    /// Objects that were found; the dataset's own count, unless it is a stand-in.
    pub listed_count: i64,
    /// Their bytes; the dataset's own size, unless it is a stand-in.
    pub listed_bytes: Bytes,
    /// Things in the tree that are no objects (links, pipes, devices), with the reason; at most 100 are listed.
    pub skipped: Vec<SkippedEntry>,
    /// How many were skipped in all.
    pub skipped_count: i64,
    /// How long the listing took, in milliseconds.
    pub elapsed_ms: i64,
}

/// How far a listing is that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListingProgress {
    /// The dataset that is listed.
    pub dataset_id: DatasetId,
    /// Objects that were found so far.
    pub objects: i64,
    /// Their bytes.
    pub size_bytes: Bytes,
    /// When it began.
    pub started_at: Timestamp,
}

/// The listings of a dataset that are under way for plans, scans and jobs of the process that answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListingsUnderWay {
    /// The oldest first; none when nobody waits for one.
    pub listings: Vec<ListingProgress>,
}

/// A directory entry that is not an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SkippedEntry {
    /// Its path relative to the dataset.
    pub path: String,
    /// Why it was left out.
    pub reason: String,
}

/// A row of the dataset list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DatasetSummary {
    /// The dataset.
    #[serde(flatten)]
    pub dataset: Dataset,
    /// Last read or write.
    pub last_access_at: Option<Timestamp>,
    /// Bytes read on each of the last 30 days, oldest first.
    pub read_bytes_by_day: Vec<Bytes>,
    /// Bytes read in the last 30 days per thousand bytes of size: 1000 is one full read a month.
    pub reads_per_month_permille: i64,
    /// Cost of the present placement for 30 days at the rate of the last 30, where prices are known.
    pub monthly_cost_nanousd: Option<NanoUsd>,
    /// What is recommended, in short.
    pub recommendation: Option<RecommendationBrief>,
    /// The live job on it.
    pub active_job: Option<JobBrief>,
    /// Its labels, in the order of their keys.
    #[serde(default)]
    pub labels: Vec<Label>,
}

/// A recommendation in a table cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecommendationBrief {
    /// `stay`, `move` or `no_history`.
    pub action: String,
    /// The proposed location and class, for a move.
    pub proposed: Option<String>,
    /// Net saving a month; zero for stay.
    pub monthly_saving_nanousd: NanoUsd,
}

/// A live job in a table cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobBrief {
    /// The job.
    pub job_id: JobId,
    /// Its stage.
    pub status: JobStatus,
}

/// Everything the page of one dataset shows about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DatasetDetail {
    /// The list's row.
    #[serde(flatten)]
    pub summary: DatasetSummary,
    /// Its copies, the serving one first.
    pub replicas: Vec<Replica>,
    /// Access history by day, oldest first, gaps left out.
    pub history: Vec<AccessBucket>,
}

/// Order of the dataset list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DatasetSort {
    /// By id: the order of creation.
    #[default]
    Id,
    /// By name.
    Name,
    /// Largest first.
    Size,
    /// Most recently used first.
    LastAccess,
    /// Most expensive first.
    Cost,
    /// Largest recommended saving first.
    Saving,
}

/// Which datasets a list holds. Every field narrows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DatasetFilter {
    /// Part of the name.
    #[serde(default)]
    pub search: Option<String>,
    /// A location's name or id.
    #[serde(default)]
    pub location: Option<String>,
    /// A storage class.
    #[serde(default)]
    pub storage_class: Option<String>,
    /// `stay`, `move` or `no_history`.
    #[serde(default)]
    pub recommendation: Option<String>,
    /// A label: a key alone fits any value.
    #[serde(default)]
    pub label: Option<String>,
    /// Order.
    #[serde(default)]
    pub sort: DatasetSort,
    /// Reverse the order.
    #[serde(default)]
    pub descending: bool,
}

/// One page of a list. `next_cursor` is `None` on the last page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Pass it back to get the next page.
    pub next_cursor: Option<String>,
    /// Rows in the whole list under the same filter.
    pub total: i64,
}
