//! Removing what a job staged.
//!
//! Invariant: only objects of the manifest, below directories that this job made and remembered, are removed; of the area that a
//! job switched to only the bare directories. Everything here may be repeated.

use super::difference::Pages;
use super::held::{Halt, Held};
use super::{late, parts, switch};
use crate::adapters::sql::jobs_staging::{self, StagedRow};
use crate::adapters::sql::{jobs_objects, jobs_staging::left};
use crate::domain::migration::JobStatus;
use crate::ports::objects::{Removed, Staging};

/// Entries that stay are named up to this number.
const NAMED: usize = 5;

/// Removes every staging area of the job. Returns what stays because this job did not make it.
pub(super) async fn staging(held: &Held) -> Result<Vec<String>, Halt> {
    let switched = matches!(held.row.state.status, JobStatus::Completed | JobStatus::Undone);
    if !switched {
        switch::unpublish(held).await?;
    }
    let areas = {
        let mut conn = held.deps.store.reader().await?;
        left(&mut conn, held.row.job.id).await?
    };
    let mut kept = Vec::new();
    for area in areas {
        kept.extend(one(held, &area, switched).await?);
        cleaned(held, area.staging_no).await?;
    }
    kept.truncate(NAMED);
    Ok(kept)
}

/// Takes note that nothing of an area is left.
pub(super) async fn cleaned(held: &Held, number: i64) -> Result<(), Halt> {
    let (id, now) = (held.row.job.id, held.deps.clock.now());
    let again = late::first_look(held, number, now)?;
    let mut tx = held.write().await?;
    jobs_staging::cleaned(&mut tx, id, number, now, again).await?;
    Ok(tx.commit().await?)
}

async fn one(held: &Held, area: &StagedRow, switched: bool) -> Result<Vec<String>, Halt> {
    let id = held.row.job.id;
    let newest = area.staging_no == held.row.staging_no;
    drop(held.write().await?);
    let staging = held.staging(area.staging_no)?;
    if !switched {
        // Nobody goes on with this attempt; a newer one may have begun its own.
        let goes_on = Some(held.row.staging_no).filter(|_| !newest);
        parts::abandon(held, &staging, goes_on).await?;
    }
    let removed = discard(held, &staging, switched, newest).await?;
    if !switched && newest {
        let mut tx = held.write().await?;
        jobs_objects::reset_all(&mut tx, id).await?;
        tx.commit().await?;
    }
    let home = staging.home().path;
    Ok(removed
        .kept
        .into_iter()
        .map(|entry| format!("{home}/data/{}", entry.path))
        .collect())
}

/// Removes the objects of the manifest, a page at a time, and with the last of them what is around them.
async fn discard(held: &Held, staging: &Staging, switched: bool, newest: bool) -> Result<Removed, Halt> {
    let objects = &held.deps.objects;
    if switched && newest {
        return Ok(objects.discard(staging, Vec::new(), Vec::new()).await?);
    }
    let mut pages = Pages::new(held.row.job.id);
    let mut keys = Vec::new();
    while let Some(rows) = pages.next(&held.deps.store).await? {
        if !keys.is_empty() {
            objects
                .discard(staging, std::mem::take(&mut keys), Vec::new())
                .await?;
            drop(held.write().await?);
        }
        keys.extend(rows.into_iter().map(|row| row.found.key));
    }
    let parents = held.row.parents.clone().filter(|_| !switched).unwrap_or_default();
    Ok(objects.discard(staging, keys, parents).await?)
}

/// Removes what a mover staged that was taken for dead. It may still be writing, so the same areas are gone through once more before
/// the switch, which is the `last` look.
pub(super) async fn older_staging(held: &Held, last: bool) {
    let cleaned = async {
        let areas = {
            let mut conn = held.deps.store.reader().await?;
            left(&mut conn, held.row.job.id).await?
        };
        // Whoever was about to put its data in place was found at the first look; now this mover's own may stand there.
        if !last && areas.iter().any(|a| a.staging_no < held.row.staging_no) {
            switch::unpublish(held).await?;
        }
        for area in areas.iter().filter(|a| a.staging_no < held.row.staging_no) {
            one(held, area, false).await?;
            if last {
                cleaned(held, area.staging_no).await?;
            }
        }
        Ok::<_, Halt>(())
    };
    if let Err(problem) = cleaned.await {
        tracing::warn!(?problem, job = %held.row.job.id, "what an earlier mover staged is removed later");
    }
}
