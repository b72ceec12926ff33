//! After the grace period: the retained source is removed. After an undo: what the job brought to the target.
//!
//! Invariant: a source is deleted only after every object of the copy that serves now was read back *now*, and while the source
//! still is what the manifest says; otherwise it is kept and the job says why. Only listed objects go, and only while they are what
//! they were. Once begun, a removal goes on after any crash.

use super::failpoint::Point;
use super::held::{Halt, Held};
use super::manifest::compare;
use crate::adapters::sql::jobs::JobRow;
use crate::adapters::sql::jobs_change::{self, Also};
use crate::adapters::sql::jobs_objects::{self, ManifestRow};
use crate::adapters::sql::jobs_switch::{self, Switch};
use crate::domain::id::JobId;
use crate::domain::migration::JobStatus;
use crate::domain::migration::machine::{self, Trigger};
use crate::domain::unit::Timestamp;
use crate::ports::objects::{FoundObject, ObjectError, Prefix};
use futures::StreamExt;
use futures::stream::FuturesUnordered;

/// Objects removed between two looks at the fence: well within a lease on the slowest disk.
const BATCH: usize = 100;
/// Objects read back at once: a retirement is in no hurry and leaves the disk to the moves.
const AT_ONCE: usize = 2;
/// When a source could not be removed safely, it is looked at again after this time: each look reads the whole copy.
const AGAIN_MICROS: i64 = Timestamp::DAY;

/// Removes the retained source, when that is safe.
pub(super) async fn retire(held: &mut Held) -> Result<(), Halt> {
    if let Err(halt) = fit_to_delete(held).await {
        return match halt {
            Halt::Failed { reason, .. } | Halt::Changed(reason) => put_off(held, &reason).await,
            other => Err(other),
        };
    }
    held.pass(Point::RetireChecked).await;
    let Ok(step) = machine::next(held.row.state, Trigger::RetireBegun) else {
        return Err(Halt::Lost);
    };
    let mut tx = held.deps.store.write().await?;
    let now = held.deps.clock.now();
    match jobs_switch::begin_retirement(&mut tx, &held.row, &step.state, now).await? {
        Switch::Done(row) => held.row = *row,
        Switch::DatasetMoved | Switch::JobMoved => return Err(Halt::Lost),
    }
    tx.commit().await?;
    held.announced();
    held.pass(Point::RetireBegun).await;
    remove(held).await
}

/// Every reason against the deletion is a [`Halt::Failed`] or [`Halt::Changed`] in words.
async fn fit_to_delete(held: &Held) -> Result<(), Halt> {
    let brought = {
        let mut conn = held.deps.store.reader().await?;
        jobs_switch::brought_serving(&mut conn, &held.row).await?
    };
    let Some(brought) = brought else {
        return Err(Halt::failed(
            "no_verified_copy",
            "the dataset is served from a copy that no move has verified",
        ));
    };
    let serving = place(&brought)?;
    let rows = manifest_of(held, held.row.job.id).await?;
    let listing = held.deps.objects.list(&held.source()?).await?;
    if let Some(what) = compare(&rows, &listing).first {
        return Err(Halt::Changed(format!("{what} at the source since it was moved")));
    }
    every_object_good(held, brought.job.id, &serving).await
}

fn place(job: &JobRow) -> Result<Prefix, Halt> {
    Prefix::below(&job.target_root, &job.job.target_uri)
        .ok_or_else(|| Halt::failed("unsafe_path", "the target does not lie below its location"))
}

async fn manifest_of(held: &Held, job: JobId) -> Result<Vec<ManifestRow>, Halt> {
    let mut conn = held.deps.store.reader().await?;
    Ok(jobs_objects::all(&mut conn, job).await?)
}

async fn every_object_good(held: &Held, job: JobId, at: &Prefix) -> Result<(), Halt> {
    let rows = manifest_of(held, job).await?;
    let mut rows = rows.iter();
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

async fn good(held: &Held, row: &ManifestRow, at: &Prefix) -> Result<(), ObjectError> {
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

/// Removes the copy whose deletion has begun: the source of a completed job, the target of an undone one.
pub(super) async fn remove(held: &mut Held) -> Result<(), Halt> {
    let undone = held.row.state.status == JobStatus::Undone;
    if undone {
        held.pass(Point::Undone).await;
    }
    let (at, replica) = if undone {
        (held.target()?, held.row.target_replica)
    } else {
        (held.source()?, held.row.source_replica)
    };
    let objects: Vec<FoundObject> = manifest_of(held, held.row.job.id)
        .await?
        .into_iter()
        .filter_map(|row| if undone { row.at_target() } else { Some(row.found) })
        .collect();
    let mut kept = Vec::new();
    // An empty copy still has its directory.
    let batches = objects.chunks(BATCH).map(<[_]>::to_vec);
    let batches = batches.chain(objects.is_empty().then(Vec::new));
    for batch in batches {
        drop(held.write().await?);
        let removed = held.deps.objects.remove(&at, batch).await?;
        kept.extend(removed.kept);
        held.pass(Point::RemovedBatch).await;
    }
    if undone {
        let staging = held.staging(held.row.staging_no)?;
        let parents = held.row.parents.clone().unwrap_or_default();
        held.deps.objects.discard(&staging, Vec::new(), parents).await?;
    }
    held.pass(Point::Removed).await;
    let (why, what) = if undone {
        ("readers are sent to the source again", "the copy at the target")
    } else {
        ("the grace period is over", "the source")
    };
    let mut reason = format!("{why}: {what} is removed");
    if let Some(first) = kept.first() {
        reason = format!(
            "{reason} but for {} objects, among them {:?}: {}",
            kept.len(),
            first.path,
            first.reason
        );
    }
    if held.deps.objects.identity(&at).await?.is_some() {
        reason = format!("{reason}; what the job did not move stays there");
    }
    let now = held.deps.clock.now();
    let mut tx = held.write().await?;
    if let Some(replica) = replica {
        jobs_switch::retired(&mut tx, replica).await?;
    }
    let also = Also {
        reason: Some(reason),
        release: true,
        ..Also::default()
    };
    let state = held.row.state;
    match jobs_change::change(&mut tx, &held.row, &state, &also, now).await? {
        Some(row) => held.row = row,
        None => return Err(Halt::Lost),
    }
    tx.commit().await?;
    held.announced();
    Ok(())
}
