//! All datasets away from a location.

use super::options::MoveOptions;
use crate::domain::id::{DatasetId, JobId};
use crate::domain::location::StorageUri;
use crate::domain::name::StorageClass;
use crate::domain::unit::{Bytes, NanoUsd};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvacuationRequest {
    /// Where to: a location's name or id.
    pub target_location: String,
    /// Class there; absent means the location's default.
    #[serde(default)]
    pub storage_class: Option<StorageClass>,
    /// Only plan: nothing is queued.
    #[serde(default)]
    pub dry_run: bool,
    /// Queue the moves as `awaiting_approval`.
    #[serde(default)]
    pub require_approval: bool,
    /// How the moves are to be carried out.
    #[serde(default)]
    pub options: MoveOptions,
}

/// One dataset of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evacuee {
    /// The dataset.
    pub dataset_id: DatasetId,
    /// Its name.
    pub dataset_name: String,
    /// Its bytes, as listed where they could be.
    pub size_bytes: Bytes,
    /// What its move costs once.
    pub one_time_nanousd: Option<NanoUsd>,
    /// Where it would go.
    pub target_uri: Option<StorageUri>,
    /// The job, when one was queued.
    pub job_id: Option<JobId>,
    /// Why it stays, when it does.
    pub problem: Option<String>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evacuation {
    /// The location that is to be empty.
    pub location: String,
    /// Where everything goes.
    pub target_location: String,
    /// Every dataset that was looked at.
    pub datasets: Vec<Evacuee>,
    /// What all the moves cost once.
    pub one_time_nanousd: NanoUsd,
    /// What they copy.
    pub size_bytes: Bytes,
    /// Datasets beyond the thousand that one call looks at; ask again.
    pub left_out: i64,
}
