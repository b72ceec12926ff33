//! The job list: filtered and paged by the database; and sums over all jobs.

use super::jobs::{COLUMNS, JobRow, LIVE, TABLES, read};
use super::multi::Builder;
use super::{Conn, StoreError};
use crate::domain::id::{DatasetId, JobId};
use crate::domain::migration::{Job, JobStatus};
use crate::domain::unit::NanoUsd;
use sqlx::Row as _;
use std::collections::BTreeMap;

/// Which jobs a list holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WithStatus {
    /// All.
    #[default]
    Any,
    /// All that have not ended.
    Live,
    /// Those in one stage.
    One(JobStatus),
}

/// Narrows a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListFilter {
    /// By stage.
    pub status: WithStatus,
    /// By dataset.
    pub dataset: Option<DatasetId>,
    /// By the dataset's name when the job was made.
    pub dataset_name: Option<String>,
}

fn narrow(query: &mut Builder, filter: &ListFilter) {
    query.push(" WHERE 1 = 1");
    match filter.status {
        WithStatus::Any => {}
        WithStatus::Live => {
            query.push(" AND j.status IN ").push(LIVE);
        }
        WithStatus::One(status) => {
            query.push(" AND j.status = ").push_bind(status.as_str());
        }
    }
    if let Some(id) = filter.dataset {
        query.push(" AND j.dataset_id = ").push_bind(id.0);
    }
    if let Some(name) = &filter.dataset_name {
        query.push(" AND j.dataset_name = ").push_bind(name.clone());
    }
}

/// At most `limit` jobs older than `before`, newest first.
///
/// # Errors
/// The database's own.
pub async fn page(
    conn: &mut Conn,
    filter: &ListFilter,
    before: Option<JobId>,
    limit: i64,
) -> Result<Vec<Job>, StoreError> {
    let mut query = Builder::new(conn, format!("SELECT {COLUMNS} FROM {TABLES}"));
    narrow(&mut query, filter);
    if let Some(before) = before {
        query.push(" AND j.id < ").push_bind(before.0);
    }
    query.push(" ORDER BY j.id DESC LIMIT ").push_bind(limit);
    let rows = query.build().fetch_all(conn).await?;
    rows.iter().map(|row| Ok(read(row)?.job)).collect()
}

/// Jobs whose bytes move now, oldest first; at most 100.
///
/// # Errors
/// The database's own.
pub async fn moving(conn: &mut Conn) -> Result<Vec<JobRow>, StoreError> {
    super::jobs::select(conn, "j.status IN ('copying', 'verifying') AND $1 = $2", [0, 0]).await
}

/// Jobs of the whole list.
///
/// # Errors
/// The database's own.
pub async fn total(conn: &mut Conn, filter: &ListFilter) -> Result<i64, StoreError> {
    let mut query = Builder::new(conn, "SELECT COUNT(*) FROM jobs j");
    narrow(&mut query, filter);
    Ok(query.build_query_scalar().fetch_one(conn).await?)
}

/// How many jobs there are in each stage; stages without one are left out.
///
/// # Errors
/// The database's own.
pub async fn counts_by_status(conn: &mut Conn) -> Result<BTreeMap<String, i64>, StoreError> {
    let rows = sqlx::query("SELECT status, COUNT(*) FROM jobs GROUP BY status")
        .fetch_all(conn)
        .await?;
    rows.iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect()
}

/// Sum of the forecast monthly savings of the moves that were completed and not undone.
///
/// # Errors
/// The database's own.
pub async fn realised_saving(conn: &mut Conn) -> Result<NanoUsd, StoreError> {
    let sum: i64 = sqlx::query_scalar(
        "SELECT CAST(COALESCE(SUM(forecast_saving), 0) AS BIGINT) FROM jobs WHERE status = 'completed'",
    )
    .fetch_one(conn)
    .await?;
    Ok(NanoUsd(sum))
}
