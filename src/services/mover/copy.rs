//! Stage one: the staging area, the manifest, the bytes.
//!
//! Invariant: every directory is remembered before or at once after it is made, and a row says `copied` only when the object and its
//! name are durable. Each step finds out from the data what is done already, so that it may be repeated after any crash.

use super::failpoint::Point;
use super::held::{Halt, Held};
use super::parts::{self, JobParts};
use super::{manifest, pass, reclass, switch};
use crate::adapters::sql::jobs_objects::{self, ManifestRow, ObjectState};
use crate::adapters::sql::jobs_staging::{self, StagedRow};
use crate::adapters::sql::{Conn, datasets, jobs, jobs_parts};
use crate::domain::access::DatasetKey;
use crate::domain::migration::JobStatus;
use crate::domain::unit::Bytes;
use crate::ports::objects::{Copied, ObjectError, Prefix, Staging, WHOLE_UP_TO};
use crate::ports::several::Answers;
use async_trait::async_trait;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often the free space of the target is looked at.
const SPACE_EVERY: Duration = Duration::from_secs(2);

/// From wherever a crash left it to "every object of the manifest is durable at the target".
pub(super) async fn copy(held: &mut Held) -> Result<(), Halt> {
    see_dataset(held).await?;
    if held.row.job.is_in_place() {
        return reclass::reclass(held).await;
    }
    see_target(held).await?;
    switch::unpublish(held).await?;
    let (staging, fresh) = stage(held).await?;
    manifest::bring_up_to_date(held, &staging, fresh).await?;
    begin(held).await?;
    let copying = Copying {
        source: held.source()?,
        space_looked: Mutex::new(Instant::now()),
        staging,
    };
    pass::run(&copying, held).await?;
    held.pass(Point::CopyFinished).await;
    Ok(())
}

/// Counts from what is done already, at the pace that is allowed.
pub(super) async fn begin(held: &mut Held) -> Result<(), Halt> {
    let done = {
        let mut conn = held.deps.store.reader().await?;
        let states = [ObjectState::Copied, ObjectState::Verified];
        jobs_objects::sums(&mut conn, held.row.job.id, &states).await?
    };
    held.gauge
        .begin(JobStatus::Copying, done, manifest::total(held).await?);
    held.copies();
    Ok(())
}

/// The generation that the switch will insist on is read before the source is looked at: whatever changes later is found.
async fn see_dataset(held: &mut Held) -> Result<(), Halt> {
    let job = &held.row.job;
    let mut tx = held.write().await?;
    let dataset = datasets::find(&mut tx, &DatasetKey::Id(job.dataset_id)).await?;
    let Some(dataset) =
        dataset.filter(|d| d.path_uri == job.source_uri && d.location_id == job.source_location_id)
    else {
        return Err(Halt::failed(
            "dataset_moved",
            format!(
                "the dataset {} is not served from {} any more",
                job.dataset_name, job.source_uri
            ),
        ));
    };
    jobs_staging::set_seen_generation(&mut tx, job.id, dataset.generation).await?;
    tx.commit().await?;
    held.row.seen_generation = dataset.generation;
    Ok(())
}

/// Where no disk is mounted its mount point stands, on another disk and empty: copies there would fill that one, and be hidden as
/// soon as the right one is back.
async fn see_target(held: &Held) -> Result<(), Halt> {
    let Some(planned) = &held.row.target_identity else {
        return Ok(());
    };
    let root = Prefix {
        root: held.row.target_root.clone(),
        path: String::new(),
        encryption: None,
    };
    if held.deps.objects.identity(&root).await?.as_ref() == Some(planned) {
        return Ok(());
    }
    Err(Halt::failed(
        "target_replaced",
        format!(
            "{} is not the directory that it was when the move was planned: is the disk mounted? Retry once it is back; if it was \
             replaced on purpose, plan a new move",
            held.row.target_root
        ),
    ))
}

/// Makes the staging area; whether nothing was ever put there. When its data directory is not the one that the manifest speaks of,
/// nothing is staged yet.
async fn stage(held: &mut Held) -> Result<(Staging, bool), Halt> {
    let (id, number) = (held.row.job.id, held.row.staging_no);
    let staging = held.staging(number)?;
    if held.row.parents.is_none() {
        let parents = held.deps.objects.missing_parents(&staging.target).await?;
        let mut tx = held.write().await?;
        jobs_staging::set_parents(&mut tx, id, &parents).await?;
        tx.commit().await?;
        held.row.parents = Some(parents);
    }
    let known = {
        let mut tx = held.write().await?;
        let known = jobs_staging::left(&mut tx, id)
            .await?
            .into_iter()
            .find(|s| s.staging_no == number);
        if known.is_none() {
            jobs_staging::made(&mut tx, id, &StagedRow::unknown(number)).await?;
            tx.commit().await?;
        }
        known
    };
    held.pass(Point::StagingRecorded).await;
    held.deps.objects.prepare(&staging).await?;
    parts::abandon(held, &staging, Some(number)).await?;
    held.pass(Point::StagingMade).await;
    let identity = if staging.in_place() {
        switch::IN_PLACE.to_owned()
    } else {
        held.deps
            .objects
            .identity(&staging.data())
            .await?
            .ok_or_else(|| Halt::failed("object_missing", format!("{} is gone", staging.data().path)))?
    };
    // A write of an earlier attempt may still have come after its objects were removed; its mark tells it from others'.
    let fresh = known.is_none() && number == 1;
    let staged = StagedRow {
        staging_no: number,
        identity,
    };
    let mut tx = held.write().await?;
    if known.as_ref() == Some(&staged) {
        jobs_objects::reset_failed(&mut tx, id).await?;
    } else {
        jobs_staging::made(&mut tx, id, &staged).await?;
        jobs_objects::reset_all(&mut tx, id).await?;
    }
    tx.commit().await?;
    Ok((staging, fresh))
}

struct Copying {
    source: Prefix,
    staging: Staging,
    /// When the free space was last looked at.
    space_looked: Mutex<Instant>,
}

impl Copying {
    /// Others write to the target as well: what is left to copy must still fit, or the job ends before the disk is full.
    async fn still_fits(&self, held: &Held) -> Result<(), Halt> {
        {
            let mut looked = self.space_looked.lock().unwrap_or_else(PoisonError::into_inner);
            if looked.elapsed() < SPACE_EVERY {
                return Ok(());
            }
            *looked = Instant::now();
        }
        let Ok(space) = held.deps.objects.space(&self.staging.target).await else {
            // A store that does not tell is known by the first write that fails.
            return Ok(());
        };
        let (_, progress) = held.gauge.look();
        let left = progress.bytes_total.saturating_sub(progress.bytes_done);
        if space.free_bytes >= left {
            return Ok(());
        }
        Err(Halt::failed(
            "target_full",
            format!(
                "{left} are left to copy and only {} are still free at {}: something else has filled it since the plan",
                space.free_bytes, held.row.job.target_uri
            ),
        ))
    }
}

#[async_trait]
impl pass::Pass for Copying {
    type Done = Copied;
    const FROM: ObjectState = ObjectState::Pending;
    const AFTER_ONE: Point = Point::ObjectCopied;

    async fn one(&self, held: &Held, object: &ManifestRow) -> Result<Copied, ObjectError> {
        let objects = &held.deps.objects;
        let parts = JobParts::of(held, &object.found);
        objects
            .copy(&self.source, &self.staging, &object.found, &parts, &held.meter)
            .await
    }

    async fn several(&self, held: &Held, objects: &[ManifestRow]) -> Answers<Copied> {
        let found: Vec<_> = objects.iter().map(|object| object.found.clone()).collect();
        let (source, staging) = (&self.source, &self.staging);
        held.deps
            .objects
            .copy_several(source, staging, &found, &held.meter)
            .await
    }

    async fn settle(&self, held: &Held, group: &[(ManifestRow, Copied)]) -> Result<(), Halt> {
        let keys = group.iter().map(|(object, _)| object.found.key.clone()).collect();
        held.deps.objects.sync(&self.staging, keys).await?;
        held.deps.meter.copied(
            held.row.job.source_location_id,
            held.row.job.target_location_id,
            group.iter().map(|(object, _)| object.found.size_bytes).sum(),
        );
        held.pass(Point::GroupSynced).await;
        self.still_fits(held).await
    }

    async fn record(
        &self,
        tx: &mut Conn,
        held: &Held,
        group: &[(ManifestRow, Copied)],
        bytes: Bytes,
    ) -> Result<(), Halt> {
        let id = held.row.job.id;
        for (object, _) in group {
            if object.found.size_bytes > WHOLE_UP_TO {
                jobs_parts::ended(tx, id, &object.found.key).await?;
            }
        }
        let rows: Vec<_> = group.iter().map(|(object, done)| (&object.found, done)).collect();
        jobs_objects::set_copied(tx, id, &rows).await?;
        Ok(jobs::add_bytes_sent(tx, id, bytes).await?)
    }
}
