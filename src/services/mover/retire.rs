//! After the grace period: the retained source is removed. After an undo: what the job brought to the target.
//!
//! Invariant: a source is deleted only after every object of the copy that serves now was read back *now*, and while the source
//! still is what the manifest says; otherwise it is kept and the job says why. Only listed objects go, and only while they are what
//! they were. Once begun, a removal goes on after any crash.

use super::failpoint::Point;
use super::held::{Halt, Held};
use super::manifest::compare;
use crate::adapters::sql::WriteTx;
use crate::adapters::sql::jobs::JobRow;
use crate::adapters::sql::jobs_change::{self, Also};
use crate::adapters::sql::jobs_objects::{self, ManifestRow};
use crate::adapters::sql::jobs_switch::{self, Switch};
use crate::domain::id::{JobId, ReplicaId};
use crate::domain::migration::JobStatus;
use crate::domain::migration::machine::{self, Trigger};
use crate::domain::unit::Timestamp;
use crate::ports::objects::{FoundObject, ObjectError, Prefix};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use std::collections::HashMap;

/// Objects removed between two looks at the fence: well within a lease on the slowest disk.
const BATCH: usize = 100;
/// Objects read back at once: a retirement is in no hurry and leaves the disk to the moves.
const AT_ONCE: usize = 2;
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
    remove_listed(held, None).await
}

/// The copy that was found good. Every reason against the deletion is a [`Halt::Failed`] or [`Halt::Changed`] in words.
async fn fit_to_delete(held: &Held) -> Result<ReplicaId, Halt> {
    let (replica, serving, job) = serving_copy(held).await?;
    let rows = manifest_of(held, held.row.job.id).await?;
    let listing = held.deps.objects.list(&held.source()?).await?;
    if let Some(what) = compare(&rows, &listing).first {
        return Err(Halt::Changed(format!("{what} at the source since it was moved")));
    }
    let rows = manifest_of(held, job).await?;
    every_object_good(held, rows.iter(), &serving).await?;
    Ok(replica)
}

/// The copy that the dataset is served from, its place, and the job whose manifest says what it must be.
async fn serving_copy(held: &Held) -> Result<(ReplicaId, Prefix, JobId), Halt> {
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
    Ok((replica, place(&job)?, job.job.id))
}

fn place(job: &JobRow) -> Result<Prefix, Halt> {
    Prefix::below(&job.target_root, &job.job.target_uri)
        .ok_or_else(|| Halt::failed("unsafe_path", "the target does not lie below its location"))
}

async fn manifest_of(held: &Held, job: JobId) -> Result<Vec<ManifestRow>, Halt> {
    let mut conn = held.deps.store.reader().await?;
    Ok(jobs_objects::all(&mut conn, job).await?)
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

/// Removes the copy whose deletion has begun and was cut short: the source of a completed job, the target of an undone one. The
/// reason for it may be gone since, so that the copy that serves is looked at before each part.
pub(super) async fn remove(held: &mut Held) -> Result<(), Halt> {
    let serving = if held.row.state.status == JobStatus::Undone {
        Ok(None)
    } else {
        look_before(held).await.map(Some)
    };
    let done = match serving {
        Ok(serving) => remove_listed(held, serving).await,
        Err(halt) => Err(halt),
    };
    match done {
        Err(Halt::Failed { code, reason }) => {
            say_why_not(held, &reason).await?;
            Err(Halt::Failed { code, reason })
        }
        other => other,
    }
}

/// The copy that serves, and what each of its objects must be, by key.
type Serving = (Prefix, HashMap<String, ManifestRow>);

async fn look_before(held: &Held) -> Result<Serving, Halt> {
    let (_, at, job) = serving_copy(held).await?;
    let rows = manifest_of(held, job).await?.into_iter();
    Ok((at, rows.map(|row| (row.found.key.clone(), row)).collect()))
}

/// A removal that cannot go on says so once.
async fn say_why_not(held: &mut Held, why: &str) -> Result<(), Halt> {
    let what = if held.row.state.status == JobStatus::Undone {
        "the copy at the target"
    } else {
        "the source"
    };
    say(held, format!("the rest of {what} is kept for now: {why}")).await
}

async fn remove_listed(held: &mut Held, serving: Option<Serving>) -> Result<(), Halt> {
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
        if let Some((at, rows)) = &serving {
            // An object that the dataset has no more since a later move has nothing to be compared with.
            let copies = batch.iter().filter_map(|object| rows.get(&object.key));
            every_object_good(held, copies, at).await?;
        }
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
    if let Some(replica) = replica {
        let mut tx = held.write().await?;
        jobs_switch::retired(&mut tx, replica).await?;
        say_in(held, tx, reason).await
    } else {
        say(held, reason).await
    }
}

/// Tells people why the job is as it is, unless it says so already.
async fn say(held: &mut Held, reason: String) -> Result<(), Halt> {
    if held.row.job.reason.as_deref() == Some(&reason) {
        return Ok(());
    }
    let tx = held.write().await?;
    say_in(held, tx, reason).await
}

async fn say_in(held: &mut Held, mut tx: WriteTx, reason: String) -> Result<(), Halt> {
    let also = Also {
        reason: Some(reason),
        release: true,
        ..Also::default()
    };
    let (state, now) = (held.row.state, held.deps.clock.now());
    match jobs_change::change(&mut tx, &held.row, &state, &also, now).await? {
        Some(row) => held.row = row,
        None => return Err(Halt::Lost),
    }
    tx.commit().await?;
    held.announced();
    Ok(())
}
