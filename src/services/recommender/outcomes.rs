//! Was it right? A record for each completed move, looked at again once a day until the forecast's days are over.
//!
//! Invariant: takes no input: the same full look at completed jobs serves the first record and every later one, so a crash or a
//! process that slept loses nothing. What was expected is what the job's plan said; what came is counted from the sums of accesses.

use super::Recommender;
use super::choice::Choice;
use crate::adapters::sql::recommendation_inputs as inputs;
use crate::adapters::sql::{Conn, datasets, jobs, outcomes as rows, rollups};
use crate::domain::access::DatasetKey;
use crate::domain::dataset::{Dataset, Page};
use crate::domain::id::{JobId, LocationId};
use crate::domain::migration::{Job, JobStatus};
use crate::domain::name::StorageClass;
use crate::domain::price::rates::Holding;
use crate::domain::recommendation::outcome::{
    Advice, CLOSED_DAYS, Closed, Expectation, Outcome, Realised, Sides, judge, realise,
};
use crate::domain::recommendation::quote::{HORIZON_DAYS, Terms};
use crate::domain::unit::Timestamp;
use crate::services::{ServiceError, ServiceResult};

/// Records of one transaction.
const BATCH: i64 = 128;
/// Moves that are shown with a recommendation.
const SHOWN: i64 = 10;
/// Largest page.
const LIMIT_MAX: u32 = 200;

impl Recommender {
    /// A page of records, the latest move first. `limit` is held between 1 and 200.
    ///
    /// # Errors
    /// `NotFound` for the dataset, `Invalid` for a cursor of another list.
    pub async fn outcomes(
        &self,
        dataset: Option<&DatasetKey>,
        cursor: Option<&str>,
        limit: u32,
    ) -> ServiceResult<Page<Outcome>> {
        let dataset = match dataset {
            Some(key) => Some(self.id_of(key).await?),
            None => None,
        };
        let before = cursor.map(read_cursor).transpose()?;
        let limit = i64::from(limit.clamp(1, LIMIT_MAX));
        let mut conn = self.deps.store.reader().await?;
        let mut items = rows::page(&mut conn, dataset, before, limit + 1).await?;
        let more = i64::try_from(items.len()).is_ok_and(|n| n > limit);
        items.truncate(usize::try_from(limit).unwrap_or(1));
        Ok(Page {
            next_cursor: items
                .last()
                .filter(|_| more)
                .map(|last| format!("o{}", last.job_id)),
            items,
            total: rows::total(&mut conn, dataset).await?,
        })
    }

    /// A dataset's recommendation with what its latest moves brought.
    ///
    /// # Errors
    /// `NotFound` for an unknown dataset.
    pub async fn advice(&self, dataset: &DatasetKey) -> ServiceResult<Advice> {
        let recommendation = self.get(dataset).await?;
        let mut conn = self.deps.store.reader().await?;
        let outcomes = rows::page(&mut conn, Some(recommendation.dataset_id), None, SHOWN).await?;
        Ok(Advice {
            recommendation,
            outcomes,
        })
    }

    /// Begins the records of moves that were completed, and brings those up to date that are open. How many were written.
    pub(super) async fn look_back(&self, choice: &Choice) -> ServiceResult<u64> {
        let mut written = 0;
        loop {
            let ids = {
                let mut conn = self.deps.store.reader().await?;
                rows::missing(&mut conn, BATCH).await?
            };
            if ids.is_empty() {
                break;
            }
            let kept = self.record(choice, &ids).await?;
            written += kept;
            if kept == 0 {
                break;
            }
        }
        let mut after = JobId(0);
        loop {
            let day = self.deps.clock.now().day();
            let ids = {
                let mut conn = self.deps.store.reader().await?;
                rows::due(&mut conn, day, after, BATCH).await?
            };
            let Some(last) = ids.last() else {
                return Ok(written);
            };
            after = *last;
            written += self.record(choice, &ids).await?;
        }
    }

    async fn record(&self, choice: &Choice, ids: &[JobId]) -> ServiceResult<u64> {
        let now = self.deps.clock.now();
        let mut found = Vec::with_capacity(ids.len());
        let mut snapshot = self.deps.store.snapshot().await?;
        for id in ids {
            found.extend(self.one(&mut snapshot, choice, *id, now).await?);
        }
        drop(snapshot);
        let mut tx = self.deps.store.write().await?;
        for outcome in &found {
            rows::put(&mut tx, outcome).await?;
        }
        tx.commit().await?;
        Ok(found.len() as u64)
    }

    async fn one(
        &self,
        conn: &mut Conn,
        choice: &Choice,
        id: JobId,
        now: Timestamp,
    ) -> ServiceResult<Option<Outcome>> {
        let Some(row) = jobs::find(conn, id).await? else {
            return Ok(None);
        };
        let job = row.job;
        let Some((switched_at, moved_on)) = rows::switches(conn, id, job.dataset_id).await? else {
            return Ok(None);
        };
        let known = rows::of_job(conn, id).await?;
        let expected = jobs::plan(conn, id).await?.and_then(|plan| plan.expectation);
        let dataset = datasets::find(conn, &DatasetKey::Id(job.dataset_id)).await?;
        let end = switched_at.plus_micros(CLOSED_DAYS * Timestamp::DAY);
        let until = now.min(end).min(moved_on.unwrap_or(now));
        let closed = if job.status == JobStatus::Undone {
            Some(Closed::Undone)
        } else if dataset.is_none() {
            Some(Closed::Gone)
        } else if moved_on.is_some_and(|at| at <= end) {
            Some(Closed::MovedOn)
        } else {
            (now >= end).then_some(Closed::Horizon)
        };
        let realised = match (&expected, &dataset, closed) {
            (_, _, Some(Closed::Undone)) => None,
            (Some(expected), Some(dataset), _) => {
                realised(conn, choice, &job, dataset, expected, (switched_at, until)).await?
            }
            // Its accesses went with it: what the last look saw stays.
            _ => known.and_then(|k| k.realised),
        };
        Ok(Some(Outcome {
            job_id: id,
            dataset_id: job.dataset_id,
            dataset_name: job.dataset_name,
            source: name(choice, job.source_location_id, &job.source_class),
            target: name(choice, job.target_location_id, &job.target_class),
            switched_at,
            verdict: judge(expected.as_ref(), realised.as_ref(), closed),
            expected,
            realised,
            closed,
            looked_at: now,
        }))
    }
}

/// `None` when a location or a price has gone.
async fn realised(
    conn: &mut Conn,
    choice: &Choice,
    job: &Job,
    dataset: &Dataset,
    expected: &Expectation,
    span: (Timestamp, Timestamp),
) -> ServiceResult<Option<Realised>> {
    let at = |id, class: &StorageClass| choice.location(id).and_then(|l| choice.candidate(l, class).at);
    let (Some(source), Some(target)) = (
        at(job.source_location_id, &job.source_class),
        at(job.target_location_id, &job.target_class),
    ) else {
        return Ok(None);
    };
    let stay = inputs::stays(conn, &[dataset.id], span.1)
        .await?
        .remove(&dataset.id);
    let buckets = rollups::history(conn, dataset.id, span.0.hour_start(), false).await?;
    let (home, from) = stay.map_or((job.source_location_id, None), |s| (s.home, s.readers));
    let readers = choice.readers(home, from.as_ref());
    let terms = Terms {
        held: Holding::new(dataset.size_bytes, dataset.object_count),
        forecast: None,
        readers: &readers,
        horizon_days: HORIZON_DAYS,
        grace_days: 0.0,
    };
    Ok(realise(
        &terms,
        Sides { source, target },
        expected,
        span,
        &buckets,
    ))
}

fn name(choice: &Choice, id: LocationId, class: &StorageClass) -> String {
    match choice.location(id) {
        Some(location) => format!("{}/{class}", location.name),
        None => format!("a location that was removed/{class}"),
    }
}

fn read_cursor(text: &str) -> ServiceResult<JobId> {
    text.strip_prefix('o')
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| {
            ServiceError::invalid(
                "bad_cursor",
                format!("{text:?} is no cursor of the list of outcomes"),
            )
        })
}
