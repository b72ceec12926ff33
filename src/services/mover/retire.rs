//! After the grace period: the retained source is found fit to be deleted, or kept.
//!
//! Invariant: a deletion begins only after every object of the copy that serves now was read back *now*, and while the source still
//! is what the manifest says; otherwise it is kept and the job says why. The deletion itself is in `remove.rs`.

use super::difference::{self, Pages};
use super::failpoint::Point;
use super::held::{Halt, Held};
use super::remove;
use crate::adapters::sql::jobs_change::{self, Also};
use crate::adapters::sql::jobs_objects::{self, ManifestRow};
use crate::adapters::sql::jobs_pages::Side;
use crate::adapters::sql::jobs_switch::{self, Switch};
use crate::adapters::sql::{datasets, policies};
use crate::domain::access::DatasetKey;
use crate::domain::id::{JobId, ReplicaId};
use crate::domain::location::StorageUri;
use crate::domain::migration::machine::{self, Trigger};
use crate::domain::policy::Verdict;
use crate::domain::replica::ReplicaRole;
use crate::domain::unit::Timestamp;
use crate::ports::objects::{ObjectError, Prefix};
use futures::StreamExt;
use futures::stream::FuturesUnordered;

/// Objects read back at once: a retirement is in no hurry and leaves the disk to the moves.
pub(super) const AT_ONCE: usize = 2;
/// When a source could not be removed safely, it is looked at again after this time: each look reads the whole copy.
const AGAIN_MICROS: i64 = Timestamp::DAY;

/// Removes the retained source, when that is safe.
pub(super) async fn retire(held: &mut Held) -> Result<(), Halt> {
    let verified = match fit_to_delete(held).await {
        Ok(verified) => verified,
        Err(Halt::Failed { reason, .. } | Halt::Changed(reason)) => return put_off(held, &reason).await,
        Err(other) => return Err(other),
    };
    held.pass(Point::RetireChecked).await;
    let Ok(step) = machine::next(held.row.state, Trigger::RetireBegun) else {
        return Err(Halt::Lost);
    };
    let mut tx = held.deps.store.write().await?;
    let now = held.deps.clock.now();
    match jobs_switch::begin_retirement(&mut tx, &held.row, &step.state, verified, now).await? {
        Switch::Done(row) => held.row = *row,
        Switch::DatasetMoved | Switch::JobMoved => return Err(Halt::Lost),
    }
    tx.commit().await?;
    held.announced();
    held.pass(Point::RetireBegun).await;
    remove::checked(held).await
}

/// The copy that was found good. Every reason against the deletion is a [`Halt::Failed`] or [`Halt::Changed`] in words.
async fn fit_to_delete(held: &Held) -> Result<ReplicaId, Halt> {
    enough_without(held).await?;
    let copy = serving_copy(held).await?;
    let walk = held.deps.objects.walk(&held.source()?).await?;
    let (store, id) = (&held.deps.store, held.row.job.id);
    if let Some(what) = difference::first(store, id, Side::Source, walk).await? {
        return Err(Halt::Changed(format!("{what} at the source since it was moved")));
    }
    let mut pages = Pages::new(copy.job);
    while let Some(mut rows) = pages.next(store).await? {
        read_unread(held, &copy, &mut rows).await?;
        every_object_good(held, rows.iter(), &copy.at).await?;
    }
    Ok(copy.replica)
}

/// Objects that their store copied by itself may not have been read yet: their source is read now, while it is there, so that the
/// copy has something to be compared with.
async fn read_unread(held: &Held, copy: &ServingCopy, rows: &mut [ManifestRow]) -> Result<(), Halt> {
    let mut unread = rows.iter_mut().filter(|row| row.content_hash.is_none());
    let mut reads = FuturesUnordered::new();
    let mut read = Vec::new();
    loop {
        while reads.len() < AT_ONCE
            && let Some(row) = unread.next()
        {
            reads.push(read_one(held, &copy.from, row));
        }
        match reads.next().await {
            Some(one) => read.push(one?),
            None => break,
        }
    }
    if read.is_empty() {
        return Ok(());
    }
    let mut tx = held.write().await?;
    for row in read {
        let hash = row.content_hash.as_deref().unwrap_or_default();
        jobs_objects::set_later_hash(&mut tx, copy.job, &row.found, hash).await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn read_one<'r>(
    held: &Held,
    from: &Prefix,
    row: &'r mut ManifestRow,
) -> Result<&'r ManifestRow, ObjectError> {
    let hash = held.deps.objects.hash(from, &row.found, &held.meter).await?;
    row.content_hash = Some(hash);
    Ok(row)
}

/// A source stays while people ask for as many copies as there are with it.
async fn enough_without(held: &Held) -> Result<(), Halt> {
    let key = DatasetKey::Id(held.row.job.dataset_id);
    let mut conn = held.deps.store.reader().await?;
    let Some(dataset) = datasets::find(&mut conn, &key).await? else {
        return Ok(());
    };
    let verdict = Verdict::of(&dataset, &policies::all(&mut conn).await?);
    let copies = datasets::replicas(&mut conn, dataset.id).await?;
    let kept = copies
        .iter()
        .filter(|c| matches!(c.role, ReplicaRole::Serving | ReplicaRole::Retained));
    let left = i64::try_from(kept.count()).unwrap_or(i64::MAX) - 1;
    match verdict.too_few(left) {
        Some(rule) => Err(Halt::failed(
            "policy",
            format!("{rule} without it; make another copy (dim datasets replicate) or change the policy"),
        )),
        None => Ok(()),
    }
}

/// The copy that the dataset is served from.
pub(super) struct ServingCopy {
    replica: ReplicaId,
    /// Where it is.
    pub(super) at: Prefix,
    /// The job that brought it, whose manifest says what it must be.
    pub(super) job: JobId,
    /// Where that job took it from.
    from: Prefix,
}

/// Looks for the copy that the dataset is served from.
pub(super) async fn serving_copy(held: &Held) -> Result<ServingCopy, Halt> {
    let brought = {
        let mut conn = held.deps.store.reader().await?;
        jobs_switch::brought_serving(&mut conn, &held.row).await?
    };
    let found = brought.and_then(|job| job.target_replica.map(|replica| (replica, job)));
    let Some((replica, job)) = found else {
        return Err(Halt::failed(
            "no_verified_copy",
            "the dataset is served from a copy that no move has verified",
        ));
    };
    Ok(ServingCopy {
        replica,
        at: place(&job.target_root, &job.job.target_uri)?.encrypted(job.target_encryption.clone()),
        job: job.job.id,
        from: place(&job.source_root, &job.job.source_uri)?.encrypted(job.source_encryption.clone()),
    })
}

fn place(root: &StorageUri, uri: &StorageUri) -> Result<Prefix, Halt> {
    Prefix::below(root, uri)
        .ok_or_else(|| Halt::failed("unsafe_path", format!("{uri} does not lie below its location")))
}

async fn every_object_good(
    held: &Held,
    mut rows: impl Iterator<Item = &ManifestRow>,
    at: &Prefix,
) -> Result<(), Halt> {
    let mut reads = FuturesUnordered::new();
    loop {
        while reads.len() < AT_ONCE
            && let Some(row) = rows.next()
        {
            reads.push(good(held, row, at));
        }
        match reads.next().await {
            Some(read) => read?,
            None => return Ok(()),
        }
    }
}

pub(super) async fn good(held: &Held, row: &ManifestRow, at: &Prefix) -> Result<(), ObjectError> {
    let key = &row.found.key;
    let expected = row
        .expected()
        .ok_or_else(|| ObjectError::Mismatch(format!("the object {key:?} was never copied")))?;
    held.deps.objects.verify(at, &expected, &held.meter).await
}

/// The source stays, and the job says why.
async fn put_off(held: &mut Held, why: &str) -> Result<(), Halt> {
    let now = held.deps.clock.now();
    let reason =
        format!("the grace period is over, but the source is kept: {why}. It is looked at again in a day");
    tracing::warn!(job = %held.row.job.id, "{reason}");
    let mut tx = held.write().await?;
    jobs_switch::put_off_retirement(&mut tx, &held.row, now.plus_micros(AGAIN_MICROS)).await?;
    if held.row.job.reason.as_deref() != Some(&reason) {
        let also = Also {
            reason: Some(reason),
            ..Also::default()
        };
        let state = held.row.state;
        match jobs_change::change(&mut tx, &held.row, &state, &also, now).await? {
            Some(row) => held.row = row,
            None => return Err(Halt::Lost),
        }
    }
    tx.commit().await?;
    held.announced();
    Ok(())
}
