//! What the first page and `dim health` show: sums over the catalog, and the state of each part.
//!
//! Every number here is the sum of a list that a person can open.

use crate::domain::unit::{Bytes, NanoUsd, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where the data stands: one line for each location and storage class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlacementShare {
    /// The location's name.
    pub location_name: String,
    /// The storage class.
    pub storage_class: String,
    /// Datasets there.
    pub dataset_count: i64,
    /// Their bytes.
    pub size_bytes: Bytes,
    /// What holding and reading them costs in 30 days, as the list of datasets shows it; `None` when no price is known.
    pub monthly_cost_nanousd: Option<NanoUsd>,
}

/// The first page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Overview {
    /// Datasets in the catalog.
    pub dataset_count: i64,
    /// Their bytes.
    pub size_bytes: Bytes,
    /// Access events counted so far.
    pub access_event_count: i64,
    /// Sum of the monthly costs that are known.
    pub monthly_cost_nanousd: NanoUsd,
    /// Sum of the monthly savings of open recommendations to move.
    pub found_saving_nanousd: NanoUsd,
    /// How many there are.
    pub move_recommendation_count: i64,
    /// Sum of the monthly savings of recommendations to move that people put off or turned down.
    #[serde(default)]
    pub missed_saving_nanousd: NanoUsd,
    /// How many those are.
    #[serde(default)]
    pub missed_count: i64,
    /// Sum of the monthly savings of the recommendations whose move was completed and not undone.
    pub realised_saving_nanousd: NanoUsd,
    /// Where the data stands.
    pub placements: Vec<PlacementShare>,
    /// Jobs by status.
    pub jobs_by_status: BTreeMap<String, i64>,
    /// Things a person should look at, most urgent first.
    pub attention: Vec<Attention>,
    /// Set on a demo server: how its data came about.
    pub demo_note: Option<DemoNote>,
}

/// How the demo's data came about. Shown on every page of a demo server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DemoNote {
    /// One sentence: generated with which seed, or loaded from which file.
    pub source: String,
    /// One sentence: by how much the files on disk are scaled down.
    pub scale: String,
}

/// Something a person should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attention {
    /// `failed_job`, `awaiting_approval`, `stuck_job`, `location_away`, `location_full`, `price_book_old`, `part_down`.
    pub kind: String,
    /// One sentence that names the object.
    pub text: String,
    /// The page behind it.
    pub href: String,
}

/// State of the process and of each part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HealthReport {
    /// `ok`, `degraded` or `down`: the worst of the parts.
    pub status: HealthStatus,
    /// `database`, `bus`, `mover`, `recommender`, `disk`.
    pub parts: BTreeMap<String, PartHealth>,
    /// The running version.
    pub version: String,
    /// When this process started.
    pub started_at: Timestamp,
}

/// How well a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// Works.
    Ok,
    /// Not asked to run in this process.
    Disabled,
    /// Works in part; the detail says what does not.
    Degraded,
    /// Does not work.
    Down,
}

/// State of one part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PartHealth {
    /// How well it is.
    pub status: HealthStatus,
    /// What was looked at, in words.
    pub detail: String,
}
