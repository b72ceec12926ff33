//! Rows of `jobs`: made, found, listed and counted. Changes of state are in `jobs_change.rs`, the manifest in `jobs_objects.rs`.
//!
//! Invariant: a row is read as one [`JobRow`], which holds what people see and what the mover needs, from the same instant.

use super::multi::Builder;
use super::{Conn, Row, StoreError};
use crate::domain::dataset::JobBrief;
use crate::domain::encryption::Encryption;
use crate::domain::id::{DatasetId, JobId, LocationId, ReplicaId};
use crate::domain::location::StorageUri;
use crate::domain::migration::machine::{JobState, Wanted};
use crate::domain::migration::options::MoveOptions;
use crate::domain::migration::{Job, JobEvent, JobStatus, Plan, Progress};
use crate::domain::unit::{Bytes, NanoUsd, Timestamp};
use sqlx::{AssertSqlSafe, Row as _};
use std::collections::HashMap;

/// The words of statuses that hold a dataset, as the index `jobs_one_live` has them.
pub(super) const LIVE: &str =
    "('awaiting_approval', 'queued', 'copying', 'verifying', 'switching', 'paused')";

/// Columns of a job. `at_target` tells whether the dataset is served from the copy that this job made.
pub(super) const COLUMNS: &str = "j.id, j.dataset_id, j.dataset_name, j.status, j.wanted, j.rounds, j.undo_open, j.reason, j.error_code, \
    j.attempt, j.source_location_id, j.source_root, j.source_uri, j.source_class, j.source_replica_id, \
    j.target_location_id, j.target_root, j.target_identity, j.target_uri, j.target_class, j.target_replica_id, j.seen_generation, j.fence, \
    j.owner, j.lease_until, j.token, j.staging_no, j.parents, j.manifest_at, j.verification, j.objects_done, j.objects_total, \
    j.bytes_done, j.bytes_total, j.bytes_per_sec, j.forecast_saving, j.created_at, j.updated_at, j.started_at, \
    j.finished_at, j.undo_until, j.options, j.priority, j.bytes_sent, j.source_encryption, j.target_encryption, \
    CASE WHEN d.path_uri = j.target_uri AND d.location_id = j.target_location_id AND EXISTS (SELECT 1 FROM replicas tr \
    WHERE tr.id = j.target_replica_id AND tr.role = 'serving') THEN 1 ELSE 0 END AS at_target";
pub(super) const TABLES: &str = "jobs j LEFT JOIN datasets d ON d.id = j.dataset_id";

/// A job with what the mover needs to carry it out.
#[derive(Clone, Debug, PartialEq)]
pub struct JobRow {
    /// As people see it.
    pub job: Job,
    /// What decides which change is allowed.
    pub state: JobState,
    /// Address of the source's location when the job was made.
    pub source_root: StorageUri,
    /// Address of the target's location when the job was made.
    pub target_root: StorageUri,
    /// What identified that directory then; `None` when it could not be told.
    pub target_identity: Option<String>,
    /// The copy it comes from.
    pub source_replica: Option<ReplicaId>,
    /// The copy that its switch made.
    pub target_replica: Option<ReplicaId>,
    /// The dataset's generation that the switch insists on.
    pub seen_generation: i64,
    /// Name part of its staging areas.
    pub token: String,
    /// Number of the present staging area.
    pub staging_no: i64,
    /// Directories above the target that the job makes; `None` before it looked.
    pub parents: Option<Vec<String>>,
    /// When the manifest was whole.
    pub manifest_at: Option<Timestamp>,
    /// The weakest check that every object passed.
    pub verification: Option<String>,
    /// How it is to be carried out.
    pub options: MoveOptions,
    /// Bytes copied so far, with what was copied again.
    pub bytes_sent: Bytes,
    /// How the source is encrypted.
    pub source_encryption: Option<Encryption>,
    /// How the target is, in every attempt.
    pub target_encryption: Option<Encryption>,
}

/// What is needed to make a job.
#[derive(Clone, Debug)]
pub struct NewJob<'a> {
    /// The plan it is made from.
    pub plan: &'a Plan,
    /// Address of the source's location.
    pub source_root: &'a StorageUri,
    /// The copy it comes from.
    pub source_replica: ReplicaId,
    /// How that is encrypted.
    pub source_encryption: Option<&'a Encryption>,
    /// Address of the target's location.
    pub target_root: &'a StorageUri,
    /// What identifies the directory of that address.
    pub target_identity: Option<&'a str>,
    /// `AwaitingApproval` or `Queued`.
    pub status: JobStatus,
    /// Name part of its staging areas, drawn at random.
    pub token: &'a str,
    /// Now.
    pub now: Timestamp,
}

/// Makes a job. The caller appends its first event with [`super::jobs_change::announce`].
///
/// # Errors
/// `Unique` when a live job holds the dataset.
pub async fn insert(conn: &mut Conn, new: &NewJob<'_>) -> Result<JobId, StoreError> {
    let plan = new.plan;
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO jobs (dataset_id, dataset_name, status, source_location_id, source_root, source_uri, source_class, \
         source_replica_id, target_location_id, target_root, target_uri, target_class, seen_generation, plan, token, \
         objects_total, bytes_total, forecast_saving, target_identity, created_at, updated_at, options, priority, source_encryption, \
         target_encryption) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $20, $21, $22, $23, $24) \
         RETURNING id",
    )
    .bind(plan.dataset_id.0)
    .bind(plan.dataset_name.as_str())
    .bind(new.status.as_str())
    .bind(plan.source_location_id.0)
    .bind(new.source_root.to_string())
    .bind(plan.source_uri.to_string())
    .bind(plan.source_class.as_str())
    .bind(new.source_replica.0)
    .bind(plan.target_location_id.0)
    .bind(new.target_root.to_string())
    .bind(plan.target_uri.to_string())
    .bind(plan.target_class.as_str())
    .bind(plan.dataset_generation)
    .bind(super::json(plan)?)
    .bind(new.token)
    .bind(plan.object_count)
    .bind(plan.size_bytes.to_i64())
    .bind(plan.monthly_saving_nanousd.map(|m| m.0))
    .bind(new.target_identity)
    .bind(new.now.0)
    .bind(super::json(&plan.options)?)
    .bind(plan.options.priority)
    .bind(super::json_of(new.source_encryption)?)
    .bind(super::json_of(plan.encryption.as_ref())?)
    .fetch_one(conn)
    .await?;
    Ok(JobId(id))
}

/// A job by id.
///
/// # Errors
/// The database's own.
pub async fn find(conn: &mut Conn, id: JobId) -> Result<Option<JobRow>, StoreError> {
    let sql = AssertSqlSafe(format!("SELECT {COLUMNS} FROM {TABLES} WHERE j.id = $1"));
    let row = sqlx::query(sql).bind(id.0).fetch_optional(conn).await?;
    row.as_ref().map(read).transpose()
}

/// The plan a job was made from.
///
/// # Errors
/// The database's own, and `Corrupt` for a text that is no plan.
pub async fn plan(conn: &mut Conn, id: JobId) -> Result<Option<Plan>, StoreError> {
    let row = sqlx::query("SELECT plan FROM jobs WHERE id = $1")
        .bind(id.0)
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(|row| super::from_json(row, "plan")).transpose()
}

/// Bytes that a job has copied so far, with what was copied again.
///
/// # Errors
/// The database's own.
pub async fn bytes_sent(conn: &mut Conn, id: JobId) -> Result<Bytes, StoreError> {
    let sent: i64 = sqlx::query_scalar("SELECT bytes_sent FROM jobs WHERE id = $1")
        .bind(id.0)
        .fetch_one(conn)
        .await?;
    Ok(Bytes::from_i64(sent))
}

/// Adds to it. A holder calls it in a transaction in which its fence was seen to stand.
///
/// # Errors
/// The database's own.
pub async fn add_bytes_sent(tx: &mut Conn, id: JobId, bytes: Bytes) -> Result<(), StoreError> {
    sqlx::query("UPDATE jobs SET bytes_sent = bytes_sent + $2 WHERE id = $1")
        .bind(id.0)
        .bind(bytes.to_i64())
        .execute(tx)
        .await?;
    Ok(())
}

/// The stages that a job went through, oldest first.
///
/// # Errors
/// The database's own.
pub async fn events(conn: &mut Conn, id: JobId) -> Result<Vec<JobEvent>, StoreError> {
    let rows =
        sqlx::query("SELECT seq, status, reason, attempt, at FROM job_events WHERE job_id = $1 ORDER BY seq")
            .bind(id.0)
            .fetch_all(conn)
            .await?;
    rows.iter()
        .map(|row| {
            Ok(JobEvent {
                seq: row.try_get("seq")?,
                status: status(row)?,
                reason: row.try_get("reason")?,
                attempt: row.try_get("attempt")?,
                at: Timestamp(row.try_get("at")?),
            })
        })
        .collect()
}

/// The live job of each of these datasets that has one.
///
/// # Errors
/// The database's own.
pub async fn live_of(
    conn: &mut Conn,
    datasets: &[DatasetId],
) -> Result<HashMap<DatasetId, JobBrief>, StoreError> {
    if datasets.is_empty() {
        return Ok(HashMap::new());
    }
    let mut query = Builder::new(
        conn,
        "SELECT id, dataset_id, status FROM jobs j WHERE j.status IN ",
    );
    query.push(LIVE).push(" AND j.dataset_id IN (");
    let mut list = query.separated(", ");
    for id in datasets {
        list.push_bind(id.0);
    }
    query.push(")");
    let rows = query.build().fetch_all(conn).await?;
    rows.iter()
        .map(|row| {
            let brief = JobBrief {
                job_id: JobId(row.try_get("id")?),
                status: status(row)?,
            };
            Ok((DatasetId(row.try_get("dataset_id")?), brief))
        })
        .collect()
}

/// A live job with its source or target on a location.
///
/// # Errors
/// The database's own.
pub async fn live_at(conn: &mut Conn, location: LocationId) -> Result<Option<JobId>, StoreError> {
    let sql = format!(
        "SELECT id FROM jobs WHERE status IN {LIVE} AND (source_location_id = $1 OR target_location_id = $1) LIMIT 1"
    );
    let id: Option<i64> = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(location.0)
        .fetch_optional(conn)
        .await?;
    Ok(id.map(JobId))
}

/// Targets of all live jobs on a location.
///
/// # Errors
/// The database's own.
pub async fn live_targets(
    conn: &mut Conn,
    location: LocationId,
) -> Result<Vec<(JobId, StorageUri)>, StoreError> {
    let sql = format!("SELECT id, target_uri FROM jobs WHERE status IN {LIVE} AND target_location_id = $1");
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(location.0)
        .fetch_all(conn)
        .await?;
    rows.iter()
        .map(|row| Ok((JobId(row.try_get("id")?), super::parse(row, "target_uri")?)))
        .collect()
}

/// Selects jobs for the mover, with a condition on `j` and values for `$1`, `$2`.
pub(super) async fn select(
    conn: &mut Conn,
    condition: &str,
    values: [i64; 2],
) -> Result<Vec<JobRow>, StoreError> {
    select_by(conn, condition, "j.id", values).await
}

/// The same in another order.
pub(super) async fn select_by(
    conn: &mut Conn,
    condition: &str,
    order: &str,
    values: [i64; 2],
) -> Result<Vec<JobRow>, StoreError> {
    let sql = AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM {TABLES} WHERE {condition} ORDER BY {order} LIMIT 100"
    ));
    let rows = sqlx::query(sql)
        .bind(values[0])
        .bind(values[1])
        .fetch_all(conn)
        .await?;
    rows.iter().map(read).collect()
}

fn status(row: &Row) -> Result<JobStatus, StoreError> {
    let text: String = row.try_get("status")?;
    JobStatus::parse(&text).ok_or_else(|| StoreError::corrupt("status", text))
}

pub(super) fn read(row: &Row) -> Result<JobRow, StoreError> {
    let time = |column: &str| -> Result<Option<Timestamp>, StoreError> {
        Ok(row.try_get::<Option<i64>, _>(column)?.map(Timestamp))
    };
    let wanted: String = row.try_get("wanted")?;
    let parents: Option<String> = row.try_get("parents")?;
    let state = JobState {
        status: status(row)?,
        wanted: Wanted::parse(&wanted),
        rounds: row.try_get("rounds")?,
        undo_open: row.try_get::<i64, _>("undo_open")? == 1,
    };
    let options = MoveOptions {
        priority: row.try_get("priority")?,
        ..super::from_json(row, "options")?
    };
    let at_target = row.try_get::<i64, _>("at_target")? == 1;
    // Once the dataset has moved on, switching back would not undo this job but the later one.
    let actions = state
        .actions()
        .into_iter()
        .filter(|a| *a != "undo" || at_target || options.replicate);
    let mut job = Job {
        id: JobId(row.try_get("id")?),
        dataset_id: DatasetId(row.try_get("dataset_id")?),
        dataset_name: row.try_get("dataset_name")?,
        status: state.status,
        reason: row.try_get("reason")?,
        error_code: row.try_get("error_code")?,
        source_uri: super::parse(row, "source_uri")?,
        source_location_id: LocationId(row.try_get("source_location_id")?),
        source_class: super::parse(row, "source_class")?,
        target_uri: super::parse(row, "target_uri")?,
        target_location_id: LocationId(row.try_get("target_location_id")?),
        target_class: super::parse(row, "target_class")?,
        progress: progress(row)?,
        attempt: row.try_get("attempt")?,
        fence: row.try_get("fence")?,
        wanted: state.wanted.map(|w| w.as_str().to_owned()),
        owner: row.try_get("owner")?,
        lease_until: time("lease_until")?,
        forecast_saving_nanousd: row.try_get::<Option<i64>, _>("forecast_saving")?.map(NanoUsd),
        created_at: Timestamp(row.try_get("created_at")?),
        updated_at: Timestamp(row.try_get("updated_at")?),
        started_at: time("started_at")?,
        finished_at: time("finished_at")?,
        undo_until: time("undo_until")?.filter(|_| state.undo_open),
        deletes_source: options.deletes_source(),
        actions: actions.map(str::to_owned).collect(),
    };
    job.deletes_source &= !job.is_in_place();
    Ok(JobRow {
        job,
        state,
        source_root: super::parse(row, "source_root")?,
        target_root: super::parse(row, "target_root")?,
        target_identity: row.try_get("target_identity")?,
        source_replica: row.try_get::<Option<i64>, _>("source_replica_id")?.map(ReplicaId),
        target_replica: row.try_get::<Option<i64>, _>("target_replica_id")?.map(ReplicaId),
        seen_generation: row.try_get("seen_generation")?,
        token: row.try_get("token")?,
        staging_no: row.try_get("staging_no")?,
        parents: parents
            .map(|text| serde_json::from_str(&text).map_err(|e| StoreError::corrupt("parents", e)))
            .transpose()?,
        manifest_at: time("manifest_at")?,
        verification: row.try_get("verification")?,
        options,
        bytes_sent: Bytes::from_i64(row.try_get("bytes_sent")?),
        source_encryption: super::maybe_from_json(row, "source_encryption")?,
        target_encryption: super::maybe_from_json(row, "target_encryption")?,
    })
}

/// Progress as it was last stored. The time left follows from the rate.
fn progress(row: &Row) -> Result<Progress, StoreError> {
    let (done, total): (i64, i64) = (row.try_get("bytes_done")?, row.try_get("bytes_total")?);
    let rate: i64 = row.try_get("bytes_per_sec")?;
    Ok(Progress {
        objects_done: row.try_get("objects_done")?,
        objects_total: row.try_get("objects_total")?,
        bytes_done: Bytes::from_i64(done),
        bytes_total: Bytes::from_i64(total),
        bytes_per_sec: rate,
        eta_secs: Progress::eta(total - done, rate),
    })
}
