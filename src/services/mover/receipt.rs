//! The receipt of a job: made with the switch, handed out later.
//!
//! Invariant: the objects are hashed from the manifest that was verified, and the receipt commits with the switch or not at all. A
//! key that cannot be used fails the job before anything is copied.

use super::Mover;
use super::held::{Halt, Held};
use crate::adapters::sql::{Conn, receipts};
use crate::domain::id::JobId;
use crate::domain::migration::receipt::{FORMAT, Receipt, ReceiptObject, ReceiptPlace, Seal};
use crate::domain::unit::{Bytes, Timestamp};
use crate::services::receipt::{ObjectsHash, Signer};
use crate::services::{ServiceError, ServiceResult};

/// What the manifest comes to.
pub(super) struct Sum {
    objects: i64,
    bytes: Bytes,
    hash: String,
}

/// The key, before it is needed.
pub(super) fn signer(held: &Held) -> Result<Signer, Halt> {
    Signer::open(&held.deps.options.data_dir)
        .map_err(|problem| Halt::failed("receipt_key", format!("no receipt could be signed: {problem}")))
}

/// Goes through the manifest, a page at a time.
pub(super) async fn sum(held: &Held) -> Result<Sum, Halt> {
    let mut hash = ObjectsHash::default();
    let (mut objects, mut bytes, mut after) = (0, Bytes::ZERO, String::new());
    loop {
        let page = {
            let mut conn = held.deps.store.reader().await?;
            receipts::objects(&mut conn, held.row.job.id, &after).await?
        };
        let Some(last) = page.last() else { break };
        after.clone_from(&last.key);
        for object in &page {
            hash.add(object);
            objects += 1;
            bytes += object.size_bytes;
        }
    }
    Ok(Sum {
        objects,
        bytes,
        hash: hash.finish(),
    })
}

/// Signs and keeps the receipt, in the transaction of the switch.
pub(super) async fn keep(tx: &mut Conn, held: &Held, sum: &Sum, now: Timestamp) -> Result<(), Halt> {
    let (row, job) = (&held.row, &held.row.job);
    let level = row.options.verify;
    let receipt = Receipt {
        format: FORMAT.into(),
        job_id: job.id,
        attempt: job.attempt,
        dataset_id: job.dataset_id,
        dataset_name: job.dataset_name.clone(),
        source: ReceiptPlace {
            location_id: job.source_location_id,
            root: row.source_root.clone(),
            uri: job.source_uri.clone(),
            storage_class: job.source_class.clone(),
            encryption: row.source_encryption.clone(),
        },
        target: ReceiptPlace {
            location_id: job.target_location_id,
            root: row.target_root.clone(),
            uri: job.target_uri.clone(),
            storage_class: job.target_class.clone(),
            encryption: row.target_encryption.clone(),
        },
        object_count: sum.objects,
        size_bytes: sum.bytes,
        objects_blake3: sum.hash.clone(),
        verify: level,
        proves: level.proves().into(),
        created_at: job.created_at,
        started_at: job.started_at,
        completed_at: now,
        made_by: concat!("dim ", env!("CARGO_PKG_VERSION")).into(),
    };
    let seal = signer(held)?
        .seal(&receipt)
        .map_err(|problem| Halt::failed("receipt_key", problem))?;
    Ok(receipts::insert(tx, &receipt, &seal).await?)
}

impl Mover {
    /// What was signed when a job completed. Its objects come in pages: [`Self::receipt_objects`].
    ///
    /// # Errors
    /// `NotFound` for an unknown job, `Conflict` for one that has not completed.
    pub async fn get_receipt(&self, id: JobId) -> ServiceResult<(Receipt, Seal)> {
        let mut conn = self.deps.store.reader().await?;
        if let Some(found) = receipts::find(&mut conn, id).await? {
            return Ok(found);
        }
        drop(conn);
        let job = self.get_job(id).await?.job;
        Err(ServiceError::conflict(
            "no_receipt",
            format!(
                "the job {id} is {}; a receipt is made when a job completes",
                job.status
            ),
        ))
    }

    /// The objects of a receipt after a key, at most a thousand, in key order; none at the end.
    ///
    /// # Errors
    /// The database's own.
    pub async fn receipt_objects(&self, id: JobId, after: &str) -> ServiceResult<Vec<ReceiptObject>> {
        let mut conn = self.deps.store.reader().await?;
        Ok(receipts::objects(&mut conn, id, after).await?)
    }
}
