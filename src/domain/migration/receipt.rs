//! The receipt of a finished move: what was moved from where to where and how it was checked, so that it can be checked again later.
//!
//! Invariant: the objects are bound by one hash over all of them in key order, and that hash is signed with everything else; what
//! is not signed is not in [`Receipt`]. How it is signed and hashed is in `services::receipt`.

use super::options::VerifyLevel;
use crate::domain::encryption::Encryption;
use crate::domain::id::{DatasetId, JobId, LocationId};
use crate::domain::location::StorageUri;
use crate::domain::name::StorageClass;
use crate::domain::unit::{Bytes, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The form that this program writes and reads.
pub const FORMAT: &str = "dim-receipt-1";

/// One of the two places of a move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiptPlace {
    /// The location in the catalog.
    pub location_id: LocationId,
    /// That location's root.
    pub root: StorageUri,
    /// The address of the data below it.
    pub uri: StorageUri,
    /// The storage class.
    pub storage_class: StorageClass,
    /// How the copy is encrypted there; absent where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
}

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Always [`FORMAT`].
    pub format: String,
    /// The job.
    pub job_id: JobId,
    /// Its run.
    pub attempt: i64,
    /// The dataset.
    pub dataset_id: DatasetId,
    /// Its name then.
    pub dataset_name: String,
    /// Where the data came from.
    pub source: ReceiptPlace,
    /// Where it went.
    pub target: ReceiptPlace,
    /// How many objects.
    pub object_count: i64,
    /// Their bytes.
    pub size_bytes: Bytes,
    /// BLAKE3 over a line `HASH SIZE "KEY"` for each object in key order, the key as a JSON string, and `HASH SIZE "KEY" STORED_HASH`
    /// where it is encrypted; in hex.
    pub objects_blake3: String,
    /// How closely the copy was checked.
    pub verify: VerifyLevel,
    /// What that proves.
    pub proves: String,
    /// When the job was made.
    pub created_at: Timestamp,
    /// When a mover first took it.
    pub started_at: Option<Timestamp>,
    /// When the catalog was switched.
    pub completed_at: Timestamp,
    /// The program that made it.
    pub made_by: String,
}

/// An object of the move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiptObject {
    /// Its key below the target's address.
    pub key: String,
    /// Its size.
    pub size_bytes: Bytes,
    /// BLAKE3 of the bytes as they were read at the source, in hex; empty when a store copied by itself and nothing was read.
    pub blake3: String,
    /// What the store itself keeps as the object's checksum, `KIND=BASE64`; where there is no BLAKE3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// BLAKE3 over the BLAKE3 hashes of the segments that the target's store holds, in hex, where the object is encrypted there:
    /// comparable without the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored_blake3: Option<String>,
}

/// The signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// Always `ed25519`.
    pub algorithm: String,
    /// The signer's public key, in hex.
    pub public_key: String,
    /// Over `dim-receipt-1`, a line feed, and the receipt as JSON without spaces, its fields in the order of this description; in
    /// hex.
    pub signature: String,
}

/// A receipt as it is handed out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignedReceipt {
    /// What is signed.
    pub receipt: Receipt,
    /// By whom.
    pub seal: Seal,
    /// The objects, in key order.
    pub objects: Vec<ReceiptObject>,
}
