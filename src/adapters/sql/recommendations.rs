//! Stored recommendations: heads for lists, bodies for everything else, and what people decided.
//!
//! Invariant: the dataset's own columns (`monthly_cost`, `rec_…`) change in the same transaction as the version they come from, so
//! that lists and pages never disagree.

use super::multi::Builder;
use super::recommendation_inputs::Seen;
use super::{Conn, Row, StoreError};
use crate::domain::id::{DatasetId, RecommendationId};
use crate::domain::recommendation::{Action, Recommendation, RecommendationFilter, Review, ReviewStatus};
use crate::domain::unit::{NanoUsd, Timestamp};
use sqlx::Row as _;
use std::collections::HashMap;

const COLUMNS: &str = "r.id, r.dataset_id, r.net_saving, r.changed_because, r.created_at, r.updated_at, r.review, \
                       r.review_reason, r.review_until, r.review_at, b.body";
const TABLES: &str = "recommendations r JOIN recommendation_bodies b ON b.dataset_id = r.dataset_id";

/// A place in the list: the net saving of a row and its dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Saved over the horizon.
    pub net_saving: NanoUsd,
    /// The row.
    pub dataset: DatasetId,
}

/// What was looked at for a dataset.
#[derive(Clone, Copy, Debug)]
pub struct Marks<'a> {
    /// The dataset's generation.
    pub generation: i64,
    /// Its last access.
    pub last_access: Option<Timestamp>,
    /// Choice and day.
    pub seen: Seen<'a>,
}

fn read(row: &Row) -> Result<Recommendation, StoreError> {
    let mut found: Recommendation = super::from_json(row, "body")?;
    let review: String = row.try_get("review")?;
    let time = |column: &str| -> Result<Option<Timestamp>, StoreError> {
        Ok(row.try_get::<Option<i64>, _>(column)?.map(Timestamp))
    };
    found.id = RecommendationId(row.try_get("id")?);
    found.review = Review {
        status: ReviewStatus::parse(&review).ok_or_else(|| StoreError::corrupt("review", &review))?,
        reason: row.try_get("review_reason")?,
        until: time("review_until")?,
        at: time("review_at")?,
    };
    found.changed_because = row.try_get("changed_because")?;
    found.created_at = Timestamp(row.try_get("created_at")?);
    found.updated_at = Timestamp(row.try_get("updated_at")?);
    Ok(found)
}

/// The stored recommendations of these datasets.
///
/// # Errors
/// The database's own.
pub async fn of(
    conn: &mut Conn,
    ids: &[DatasetId],
) -> Result<HashMap<DatasetId, Recommendation>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut query = Builder::new(
        conn,
        format!("SELECT {COLUMNS} FROM {TABLES} WHERE r.dataset_id IN ("),
    );
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(id.0);
    }
    query.push(")");
    let rows = query.build().fetch_all(conn).await?;
    rows.iter()
        .map(|row| read(row).map(|r| (r.dataset_id, r)))
        .collect()
}

/// Stores a version: head, body and the dataset's own columns. A review is kept when `keep_review`, else taken back. Gives the row's
/// id.
///
/// # Errors
/// `Reference` when the dataset is gone.
pub async fn put(
    tx: &mut Conn,
    version: &Recommendation,
    marks: Marks<'_>,
    keep_review: bool,
) -> Result<RecommendationId, StoreError> {
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO recommendations (dataset_id, action, net_saving, changed_because, created_at, updated_at, \
         seen_generation, seen_access, seen_choice, seen_day) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         ON CONFLICT (dataset_id) DO UPDATE SET action = excluded.action, net_saving = excluded.net_saving, \
         changed_because = excluded.changed_because, updated_at = excluded.updated_at, \
         seen_generation = excluded.seen_generation, seen_access = excluded.seen_access, \
         seen_choice = excluded.seen_choice, seen_day = excluded.seen_day RETURNING id",
    )
    .bind(version.dataset_id.0)
    .bind(version.action.as_str())
    .bind(version.horizon_saving_nanousd.0)
    .bind(version.changed_because.as_str())
    .bind(version.created_at.0)
    .bind(version.updated_at.0)
    .bind(marks.generation)
    .bind(marks.last_access.map(|t| t.0))
    .bind(marks.seen.choice)
    .bind(marks.seen.day)
    .fetch_one(&mut *tx)
    .await?;
    if !keep_review {
        set_review(tx, version.dataset_id, &Review::default()).await?;
    }
    sqlx::query(
        "INSERT INTO recommendation_bodies (dataset_id, body) VALUES ($1, $2) \
         ON CONFLICT (dataset_id) DO UPDATE SET body = excluded.body",
    )
    .bind(version.dataset_id.0)
    .bind(super::json(version)?)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "UPDATE datasets SET monthly_cost = $2, rec_action = $3, rec_proposed = $4, rec_saving = $5 WHERE id = $1",
    )
    .bind(version.dataset_id.0)
    .bind(version.stay_monthly_nanousd.map(|m| m.0))
    .bind(version.action.as_str())
    .bind(version.proposed.as_ref().map(ToString::to_string))
    .bind(version.monthly_saving_nanousd.0)
    .execute(tx)
    .await?;
    Ok(RecommendationId(id))
}

/// Keeps that a dataset was looked at and its stored version still holds.
///
/// # Errors
/// The database's own.
pub async fn mark(tx: &mut Conn, dataset: DatasetId, marks: Marks<'_>) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE recommendations SET seen_generation = $2, seen_access = $3, seen_choice = $4, seen_day = $5 \
         WHERE dataset_id = $1",
    )
    .bind(dataset.0)
    .bind(marks.generation)
    .bind(marks.last_access.map(|t| t.0))
    .bind(marks.seen.choice)
    .bind(marks.seen.day)
    .execute(tx)
    .await?;
    Ok(())
}

/// Keeps what a person decided. `false` when there is no recommendation.
///
/// # Errors
/// The database's own.
pub async fn set_review(tx: &mut Conn, dataset: DatasetId, review: &Review) -> Result<bool, StoreError> {
    let changed = sqlx::query(
        "UPDATE recommendations SET review = $2, review_reason = $3, review_until = $4, review_at = $5 \
         WHERE dataset_id = $1",
    )
    .bind(dataset.0)
    .bind(review.status.as_str())
    .bind(review.reason.as_deref())
    .bind(review.until.map(|t| t.0))
    .bind(review.at.map(|t| t.0))
    .execute(tx)
    .await?
    .rows_affected();
    Ok(changed > 0)
}

fn narrow(query: &mut Builder, filter: &RecommendationFilter, now: Timestamp) {
    query.push(" WHERE 1 = 1");
    let given = |text: &Option<String>| {
        text.as_deref()
            .map(str::trim)
            .filter(|t| !t.is_empty())
            .map(str::to_owned)
    };
    if let Some(action) = given(&filter.action) {
        query.push(" AND r.action = ").push_bind(action);
    }
    match filter.review.as_deref().and_then(ReviewStatus::parse) {
        None => {}
        // A snooze that is over asks for a decision again, and only a move asks for one.
        Some(ReviewStatus::Open) => {
            query
                .push(" AND r.action = ")
                .push_bind(Action::Move.as_str())
                .push(" AND (r.review = 'open' OR (r.review = 'snoozed' AND r.review_until <= ")
                .push_bind(now.0)
                .push("))");
        }
        Some(ReviewStatus::Snoozed) => {
            query
                .push(" AND r.review = 'snoozed' AND r.review_until > ")
                .push_bind(now.0);
        }
        Some(status) => {
            query.push(" AND r.review = ").push_bind(status.as_str());
        }
    }
    if let Some(text) = given(&filter.dataset) {
        match text.parse::<i64>() {
            Ok(id) => query.push(" AND r.dataset_id = ").push_bind(id),
            Err(_) => query
                .push(" AND r.dataset_id = (SELECT id FROM datasets WHERE name = ")
                .push_bind(text)
                .push(")"),
        };
    }
    if let Some(text) = given(&filter.location) {
        query.push(" AND r.dataset_id IN (SELECT d.id FROM datasets d JOIN locations l ON l.id = d.location_id WHERE ");
        match text.parse::<i64>() {
            Ok(id) => query.push("l.id = ").push_bind(id),
            Err(_) => query.push("l.name = ").push_bind(text),
        };
        query.push(")");
    }
}

/// At most `limit` recommendations after a position, the largest net saving first.
///
/// # Errors
/// The database's own.
pub async fn page(
    conn: &mut Conn,
    filter: &RecommendationFilter,
    after: Option<Position>,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<(Position, Recommendation)>, StoreError> {
    let mut query = Builder::new(conn, format!("SELECT {COLUMNS} FROM {TABLES}"));
    narrow(&mut query, filter, now);
    if let Some(at) = after {
        query
            .push(" AND (r.net_saving < ")
            .push_bind(at.net_saving.0)
            .push(" OR (r.net_saving = ")
            .push_bind(at.net_saving.0)
            .push(" AND r.dataset_id > ")
            .push_bind(at.dataset.0)
            .push("))");
    }
    query.push(" ORDER BY r.net_saving DESC, r.dataset_id LIMIT ");
    query.push_bind(limit);
    let rows = query.build().fetch_all(conn).await?;
    rows.iter()
        .map(|row| {
            let position = Position {
                net_saving: NanoUsd(row.try_get("net_saving")?),
                dataset: DatasetId(row.try_get("dataset_id")?),
            };
            Ok((position, read(row)?))
        })
        .collect()
}

/// How many there are of each action; actions without one are left out.
///
/// # Errors
/// The database's own.
pub async fn counts_by_action(conn: &mut Conn) -> Result<HashMap<String, i64>, StoreError> {
    let rows = sqlx::query("SELECT action, COUNT(*) FROM recommendations GROUP BY action")
        .fetch_all(conn)
        .await?;
    rows.iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect()
}

/// Rows of the whole list.
///
/// # Errors
/// The database's own.
pub async fn total(
    conn: &mut Conn,
    filter: &RecommendationFilter,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let mut query = Builder::new(conn, "SELECT COUNT(*) FROM recommendations r");
    narrow(&mut query, filter, now);
    Ok(query.build_query_scalar().fetch_one(conn).await?)
}
