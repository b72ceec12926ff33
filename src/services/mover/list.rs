//! Jobs as lists, pages and programs read them.

use super::Mover;
use crate::adapters::sql::jobs;
use crate::adapters::sql::jobs_list::{self, ListFilter, WithStatus};
use crate::adapters::sql::{jobs_objects, jobs_samples, limits, outcomes, receipts};
use crate::domain::access::DatasetKey;
use crate::domain::dataset::Page;
use crate::domain::id::JobId;
use crate::domain::migration::limit::{Limit, LimitScope};
use crate::domain::migration::{Job, JobDetail, JobEvent, JobFilter, JobStatus, LogLine};
use crate::services::{ServiceError, ServiceResult, job_log};

/// Largest page.
const LIMIT_MAX: u32 = 200;
/// Objects of a manifest that the page of one job shows.
const OBJECTS_SHOWN: i64 = 200;

impl Mover {
    /// A page of the job list, newest first. `limit` is held between 1 and 200.
    ///
    /// # Errors
    /// `Invalid` for an unknown status or a cursor of another list.
    pub async fn list_jobs(
        &self,
        filter: &JobFilter,
        cursor: Option<&str>,
        limit: u32,
    ) -> ServiceResult<Page<Job>> {
        let filter = ListFilter {
            status: read_status(filter.status.as_deref())?,
            ..read_dataset(filter.dataset.as_deref())
        };
        let before = cursor.map(read_cursor).transpose()?;
        let limit = i64::from(limit.clamp(1, LIMIT_MAX));
        let mut conn = self.deps.store.reader().await?;
        let mut items = jobs_list::page(&mut conn, &filter, before, limit + 1).await?;
        let more = i64::try_from(items.len()).is_ok_and(|n| n > limit);
        items.truncate(usize::try_from(limit).unwrap_or(1));
        let next_cursor = items.last().filter(|_| more).map(|job| format!("j{}", job.id));
        let total = jobs_list::total(&mut conn, &filter).await?;
        Ok(Page {
            items,
            next_cursor,
            total,
        })
    }

    /// One job with its stages, objects and plan.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_job(&self, id: JobId) -> ServiceResult<JobDetail> {
        let mut tx = self.deps.store.snapshot().await?;
        let row = jobs::find(&mut tx, id)
            .await?
            .ok_or_else(|| ServiceError::not_found("job", id))?;
        Ok(JobDetail {
            events: jobs::events(&mut tx, id).await?,
            objects: jobs_objects::shown(&mut tx, id, OBJECTS_SHOWN).await?,
            verification: row.verification,
            plan: jobs::plan(&mut tx, id).await?,
            outcome: outcomes::of_job(&mut tx, id).await?,
            samples: jobs_samples::of(&mut tx, id).await?,
            has_receipt: receipts::find(&mut tx, id).await?.is_some(),
            limits: of_job(limits::all(&mut tx).await?, &row.job),
            options: row.options,
            job: row.job,
        })
    }

    /// The end of a job's log, oldest first: its stages, and what this process said of it while it ran. At most 100 lines.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn job_log(&self, id: JobId) -> ServiceResult<Vec<LogLine>> {
        let mut conn = self.deps.store.reader().await?;
        if jobs::find(&mut conn, id).await?.is_none() {
            return Err(ServiceError::not_found("job", id));
        }
        let stage = |e: JobEvent| LogLine {
            at: e.at,
            level: "stage".into(),
            text: e.reason.map_or_else(
                || e.status.to_string(),
                |reason| format!("{}: {reason}", e.status),
            ),
        };
        let mut lines: Vec<LogLine> = jobs::events(&mut conn, id)
            .await?
            .into_iter()
            .map(stage)
            .collect();
        lines.extend(job_log::of(id));
        lines.sort_by_key(|line| line.at);
        Ok(lines.split_off(lines.len().saturating_sub(job_log::LINES_MAX)))
    }
}

/// Those of the limits that hold this job back.
fn of_job(limits: Vec<Limit>, job: &Job) -> Vec<Limit> {
    let mine = [
        LimitScope::Total,
        LimitScope::Job(job.id),
        LimitScope::Location(job.source_location_id),
        LimitScope::Location(job.target_location_id),
    ]
    .map(|scope| scope.to_string());
    limits.into_iter().filter(|l| mine.contains(&l.scope)).collect()
}

fn read_status(text: Option<&str>) -> ServiceResult<WithStatus> {
    match text.map(str::trim).filter(|t| !t.is_empty()) {
        None => Ok(WithStatus::Any),
        Some("active") => Ok(WithStatus::Live),
        Some(word) => JobStatus::parse(word).map(WithStatus::One).ok_or_else(|| {
            let known: Vec<_> = JobStatus::ALL.iter().map(|s| s.as_str()).collect();
            ServiceError::invalid(
                "status_unknown",
                format!("{word:?} is no status of a job; active, {} are", known.join(", ")),
            )
        }),
    }
}

fn read_dataset(text: Option<&str>) -> ListFilter {
    let mut filter = ListFilter::default();
    match text
        .map(str::trim)
        .filter(|t| !t.is_empty())
        .map(DatasetKey::parse)
    {
        None => {}
        Some(DatasetKey::Id(id)) => filter.dataset = Some(id),
        Some(DatasetKey::Name(name)) => filter.dataset_name = Some(name),
    }
    filter
}

fn read_cursor(text: &str) -> ServiceResult<JobId> {
    text.strip_prefix('j')
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| ServiceError::invalid("bad_cursor", format!("{text:?} is no cursor of the job list")))
}
