//! Stage three: the data takes its final place, and the catalog points at it, in one transaction.
//!
//! Invariant: the rename comes before the commit, so that the catalog never points at nothing; until the commit the source serves and
//! the rename can be taken back. What stands where is found out from the directories themselves, never from memory, so that a crash
//! between the two decides nothing.

use super::failpoint::Point;
use super::held::{Halt, Held};
use super::{manifest, receipt, verify};
use crate::adapters::sql::jobs_staging::{self, StagedRow};
use crate::adapters::sql::jobs_switch::{self, NewServing, Switch};
use crate::adapters::sql::{WriteTx, datasets};
use crate::domain::access::DatasetKey;
use crate::domain::migration::Progress;
use crate::domain::migration::machine::{self, JobState, Trigger};
use crate::domain::unit::Timestamp;
use crate::ports::bus::Topic;

/// What identifies a staging area that is the target itself.
pub(super) const IN_PLACE: &str = "in place";

/// Whether the copies that the manifest speaks of are still where this job put them.
pub(super) async fn copies_stand(held: &Held) -> Result<bool, Halt> {
    if held.row.job.is_in_place() {
        // What stands there is compared with the manifest before the switch.
        return Ok(true);
    }
    let number = held.row.staging_no;
    let Some(staged) = left(held).await?.into_iter().find(|s| s.staging_no == number) else {
        return Ok(false);
    };
    if held.staging(number)?.in_place() {
        return Ok(staged.identity == IN_PLACE);
    }
    if is_published(held, &staged).await? {
        return Ok(true);
    }
    let data = held.staging(number)?.data();
    Ok(held.deps.objects.identity(&data).await?.as_deref() == Some(&staged.identity))
}

/// From "found good" to "readers are sent to the target". `looked` says that source and target were looked at just before.
pub(super) async fn switch(held: &mut Held, looked: bool) -> Result<(), Halt> {
    held.pass(Point::SwitchBegun).await;
    if !looked {
        look_again(held).await?;
    }
    publish(held).await?;
    held.pass(Point::Renamed).await;
    let bare = remove_bare_staging(held).await;
    held.pass(Point::StagingRemoved).await;
    commit(held, bare).await
}

/// After a crash: the copies and the source may have changed while nobody looked.
async fn look_again(held: &Held) -> Result<(), Halt> {
    verify::all_verified(held).await?;
    let number = held.row.staging_no;
    let staged = left(held).await?.into_iter().find(|s| s.staging_no == number);
    let at = match staged {
        Some(staged) if is_published(held, &staged).await? => held.target()?,
        _ => held.staging(number)?.data(),
    };
    manifest::check_target(held, &at).await?;
    match manifest::changed_since(held).await? {
        Some(what) => Err(Halt::Changed(what)),
        None => Ok(()),
    }
}

/// Renames the data to its final place, unless it stands there already.
async fn publish(held: &Held) -> Result<(), Halt> {
    let number = held.row.staging_no;
    if held.staging(number)?.in_place() {
        return Ok(());
    }
    for staged in left(held).await? {
        if is_published(held, &staged).await? {
            if staged.staging_no == number {
                return Ok(());
            }
            // A mover that was overtaken renamed its own copy before it heard of it.
            take_back(held, &staged).await?;
        }
    }
    // The last look at the fence before something outside the staging area is touched.
    drop(held.write().await?);
    let (data, target) = (held.staging(number)?.data(), held.target()?);
    Ok(held.deps.objects.rename(&data, &target).await?)
}

/// Puts data that was renamed but not switched to back into its staging area.
pub(super) async fn unpublish(held: &Held) -> Result<(), Halt> {
    for staged in left(held).await? {
        if is_published(held, &staged).await? {
            take_back(held, &staged).await?;
            held.pass(Point::RenamedBack).await;
        }
    }
    Ok(())
}

async fn take_back(held: &Held, staged: &StagedRow) -> Result<(), Halt> {
    let staging = held.staging(staged.staging_no)?;
    drop(held.write().await?);
    // The bare directories may be gone; a fresh data directory is empty and gives way to the old one.
    held.deps.objects.prepare(&staging).await?;
    Ok(held.deps.objects.rename(&held.target()?, &staging.data()).await?)
}

async fn left(held: &Held) -> Result<Vec<StagedRow>, Halt> {
    let mut conn = held.deps.store.reader().await?;
    Ok(jobs_staging::left(&mut conn, held.row.job.id).await?)
}

/// Whether data was renamed to its final place. What was written there in place was never renamed.
async fn is_published(held: &Held, staged: &StagedRow) -> Result<bool, Halt> {
    if held.staging(staged.staging_no)?.in_place() {
        return Ok(false);
    }
    let there = held.deps.objects.identity(&held.target()?).await?;
    Ok(there.as_deref() == Some(&staged.identity))
}

/// Once the data is gone from it, nothing of the staging area is needed. What cannot be removed now is removed later.
async fn remove_bare_staging(held: &Held) -> bool {
    if held.row.job.is_in_place() {
        return true;
    }
    let Ok(staging) = held.staging(held.row.staging_no) else {
        return false;
    };
    match held.deps.objects.discard(&staging, Vec::new(), Vec::new()).await {
        Ok(removed) => removed.kept.is_empty(),
        Err(problem) => {
            tracing::warn!(%problem, job = %held.row.job.id, "the empty staging area is removed later");
            false
        }
    }
}

async fn commit(held: &mut Held, bare: bool) -> Result<(), Halt> {
    let total = manifest::total(held).await?;
    let sum = receipt::sum(held).await?;
    let progress = Progress {
        objects_done: total.0,
        objects_total: total.0,
        bytes_done: total.1,
        bytes_total: total.1,
        ..Progress::default()
    };
    loop {
        // Only a cancel is refused here; it came before the commit and wins.
        let Ok(step) = machine::next(held.row.state, Trigger::Switched) else {
            return Err(Halt::Wished);
        };
        let to = JobState {
            // Nothing is kept that could be switched back to.
            undo_open: step.state.undo_open && !held.row.job.is_in_place(),
            ..step.state
        };
        let (tx, outcome) = attempt(held, &to, progress, &sum).await?;
        match outcome {
            Switch::Done(row) => return finish(held, tx, *row, bare).await,
            Switch::DatasetMoved => {
                drop(tx);
                return Err(what_moved(held).await?);
            }
            Switch::JobMoved => {
                drop(tx);
                let seen = held.row.state;
                held.reload().await?;
                if held.row.state == seen {
                    return Err(Halt::Lost);
                }
            }
        }
    }
}

async fn attempt(
    held: &Held,
    to: &JobState,
    progress: Progress,
    sum: &receipt::Sum,
) -> Result<(WriteTx, Switch), Halt> {
    let target = held.target()?;
    let now = held.deps.clock.now();
    let grace = held.deps.options.grace_secs.saturating_mul(Timestamp::SECOND);
    let mut tx = held.deps.store.write().await?;
    if !held.row.job.is_in_place()
        && let Some(name) =
            datasets::overlapping(&mut tx, held.row.job.target_location_id, &target.path).await?
    {
        return Err(Halt::failed(
            "target_taken",
            format!(
                "{} overlaps a place that belongs to the dataset {name} now",
                held.row.job.target_uri
            ),
        ));
    }
    let dataset = datasets::find(&mut tx, &DatasetKey::Id(held.row.job.dataset_id)).await?;
    let total = (progress.objects_total, progress.bytes_total);
    let new = NewServing {
        prefix: &target.path,
        progress,
        counted: dataset.map_or(total, |d| d.counted(total.0, total.1)),
        verification: held.row.options.verify.proves(),
        retire_after: now.plus_micros(grace),
        now,
    };
    let outcome = jobs_switch::switch(&mut tx, &held.row, to, &new).await?;
    if matches!(outcome, Switch::Done(_)) {
        receipt::keep(&mut tx, held, sum, now).await?;
    }
    Ok((tx, outcome))
}

async fn finish(
    held: &mut Held,
    mut tx: WriteTx,
    row: crate::adapters::sql::jobs::JobRow,
    bare: bool,
) -> Result<(), Halt> {
    if bare {
        jobs_staging::cleaned(&mut tx, row.job.id, row.staging_no, row.job.updated_at, None).await?;
    }
    held.pass(Point::SwitchInTransaction).await;
    tx.commit().await?;
    held.row = row;
    held.pass(Point::Switched).await;
    held.announced();
    held.deps.bus.nudge(Topic::Recommendations);
    Ok(())
}

/// The dataset is not what the job saw: another generation is looked at afresh, another place ends the job.
async fn what_moved(held: &Held) -> Result<Halt, Halt> {
    let job = &held.row.job;
    let mut conn = held.deps.store.reader().await?;
    let dataset = datasets::find(&mut conn, &DatasetKey::Id(job.dataset_id)).await?;
    Ok(match dataset {
        Some(d) if d.path_uri == job.source_uri && d.location_id == job.source_location_id => {
            Halt::Changed(format!(
                "the dataset {} was changed in the catalog (generation {})",
                d.name, d.generation
            ))
        }
        _ => Halt::failed(
            "dataset_moved",
            format!(
                "the dataset {} is not served from {} any more",
                job.dataset_name, job.source_uri
            ),
        ),
    })
}
