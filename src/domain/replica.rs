//! Physical copies of a dataset.
//!
//! Invariant: a dataset that holds bytes always has one serving replica, and every replica that ever served was verified or was
//! registered by its owner.

use crate::domain::encryption::Encryption;
use crate::domain::id::{DatasetId, LocationId, ReplicaId};
use crate::domain::name::StorageClass;
use crate::domain::unit::{Bytes, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a replica is for at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplicaRole {
    /// Readers are sent here.
    Serving,
    /// The source of a finished move, kept for the grace period.
    Retained,
    /// Its deletion has begun.
    Deleting,
    /// Its bytes are gone; the row is history.
    Retired,
}

impl ReplicaRole {
    /// The word in the database and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Retained => "retained",
            Self::Deleting => "deleting",
            Self::Retired => "retired",
        }
    }

    /// The reverse of [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Serving, Self::Retained, Self::Deleting, Self::Retired]
            .into_iter()
            .find(|r| r.as_str() == text)
    }
}

/// One physical copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Replica {
    /// Its id.
    pub id: ReplicaId,
    /// Whose copy it is.
    pub dataset_id: DatasetId,
    /// Where it stands.
    pub location_id: LocationId,
    /// The path below the location's root; no leading slash.
    pub prefix: String,
    /// The storage class of its objects.
    pub storage_class: StorageClass,
    /// What it is for.
    pub role: ReplicaRole,
    /// Objects in it, when known.
    pub object_count: i64,
    /// Bytes in it, when known.
    pub size_bytes: Bytes,
    /// When its whole content was last verified; `None` when it was registered and never moved.
    pub verified_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its bytes may be deleted, for a retained one.
    pub retire_after: Option<Timestamp>,
    /// How its objects are encrypted; absent where they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
}
