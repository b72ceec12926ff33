//! What comes after its mover was killed or taken for dead: a request that a store carries out late leaves an object or a file where
//! everything was removed already. Cleaned areas are therefore looked at again.
//!
//! Invariant: only what carries the mark of the attempt, or lies in the directory of the attempt, is removed; never below a target
//! that was switched to, where no late write can replace anything (objects are only ever created).

use super::held::{Halt, Held};
use super::parts;
use crate::adapters::sql::{datasets, jobs, jobs_staging};
use crate::domain::migration::JobStatus;
use crate::domain::unit::Timestamp;
use crate::ports::objects::{ObjectError, Staging};

/// Longer than any request may take, with the clients' tries and the stores' own time limits.
const SOON_MICROS: i64 = 600 * Timestamp::SECOND;
/// For a machine that was suspended in the middle of a request and woke hours later.
const LATER_MICROS: i64 = Timestamp::DAY;

/// When a cleaned area is looked at for the first time; `None` when nobody can write there any more.
pub(super) fn first_look(held: &Held, number: i64, now: Timestamp) -> Result<Option<Timestamp>, Halt> {
    let can_come = if held.staging(number)?.in_place() {
        !is_switched(held)
    } else {
        // A file is written by the mover itself, and this area's own mover has just gone through it.
        number < held.row.staging_no
    };
    Ok(can_come.then(|| now.plus_micros(SOON_MICROS)))
}

fn is_switched(held: &Held) -> bool {
    held.row.state.status == JobStatus::Completed
}

/// Whether data that is wanted stands at the target by now. What comes late replaces none of it, and to ask for the mark of each of
/// its objects would cost a request each.
async fn is_taken(held: &Held) -> Result<bool, Halt> {
    if is_switched(held) {
        return Ok(true);
    }
    let (job, target) = (&held.row.job, held.target()?);
    let mut conn = held.deps.store.reader().await?;
    if datasets::overlapping(&mut conn, job.target_location_id, &target.path)
        .await?
        .is_some()
    {
        return Ok(true);
    }
    let live = jobs::live_targets(&mut conn, job.target_location_id).await?;
    Ok(live.iter().any(|(_, other)| other.overlaps(&job.target_uri)))
}

/// Looks at the areas of a job that are due, and removes what came late.
pub(super) async fn look(held: &Held) -> Result<(), Halt> {
    let (id, now) = (held.row.job.id, held.deps.clock.now());
    let due = {
        let mut conn = held.deps.store.reader().await?;
        jobs_staging::late(&mut conn, id, now).await?
    };
    for (number, cleaned_at) in due {
        drop(held.write().await?);
        let staging = held.staging(number)?;
        if !staging.in_place() || !is_taken(held).await? {
            let goes_on = Some(held.row.staging_no).filter(|newest| *newest != number);
            parts::abandon(held, &staging, goes_on).await?;
            let removed = remove(held, &staging).await?;
            if removed > 0 {
                tracing::warn!(
                    job = %id, removed, at = %staging.data().path,
                    "objects that were written after their mover was gone are removed"
                );
            }
        }
        let last = cleaned_at.plus_micros(LATER_MICROS);
        let mut tx = held.write().await?;
        jobs_staging::looked_again(&mut tx, id, number, Some(last).filter(|last| *last > now)).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Removes what lies in an area, as a listing shows it; how many objects there were.
async fn remove(held: &Held, staging: &Staging) -> Result<i64, Halt> {
    let objects = &held.deps.objects;
    let mut removed = 0;
    let walk = match objects.walk(&staging.data()).await {
        Err(ObjectError::NotFound(_)) => None,
        walk => Some(walk?),
    };
    if let Some(mut walk) = walk {
        while let Some(page) = walk.next().await? {
            let keys: Vec<_> = page.objects.into_iter().map(|object| object.key).collect();
            if !keys.is_empty() {
                removed += objects.discard(staging, keys, Vec::new()).await?.removed;
                drop(held.write().await?);
            }
        }
    }
    // On a disk, half files and the directories of the attempt.
    objects.discard(staging, Vec::new(), Vec::new()).await?;
    Ok(removed)
}
