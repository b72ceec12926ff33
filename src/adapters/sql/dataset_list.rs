//! The dataset list: filtered, ordered and paged by the database.
//!
//! Invariant: a cursor names the last row's sort value and id, so that rows which come or go between two pages neither repeat nor
//! hide others.

use super::dataset_search::Search;
use super::datasets::{COLUMNS, TABLES, read};
use super::multi::Builder;
use super::{Conn, StoreError};
use crate::domain::dataset::{Dataset, DatasetFilter, DatasetSort, JobBrief, RecommendationBrief};
use crate::domain::id::DatasetId;
use crate::domain::label::Label;
use crate::domain::unit::{Bytes, NanoUsd, Timestamp};
use sqlx::Row as _;
use std::collections::HashMap;

/// A row of the list without its sparkline.
#[derive(Clone, Debug)]
pub struct ListRow {
    /// The dataset.
    pub dataset: Dataset,
    /// Last read or write.
    pub last_access_at: Option<Timestamp>,
    /// Cost of the present placement for 30 days.
    pub monthly_cost: Option<NanoUsd>,
    /// What is recommended.
    pub recommendation: Option<RecommendationBrief>,
    /// The live job on it.
    pub active_job: Option<JobBrief>,
    /// Its labels.
    pub labels: Vec<Label>,
    /// Where the page after this row begins.
    pub position: Position,
}

/// A place in the list: the sort value of a row and its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The value, as text for names and as a number otherwise.
    pub value: SortValue,
    /// The row.
    pub id: DatasetId,
}

/// What a list is ordered by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SortValue {
    /// A number; what is unknown counts as -1.
    Number(i64),
    /// A name.
    Text(String),
}

/// The expression of an order, and whether its natural direction is downwards.
fn order(sort: DatasetSort) -> (&'static str, bool) {
    match sort {
        DatasetSort::Id => ("d.id", false),
        DatasetSort::Name => ("d.name", false),
        DatasetSort::Size => ("d.size_bytes", true),
        DatasetSort::LastAccess => ("COALESCE(d.last_access_at, -1)", true),
        DatasetSort::Cost => ("COALESCE(d.monthly_cost, -1)", true),
        DatasetSort::Saving => ("d.rec_saving", true),
    }
}

fn narrow(query: &mut Builder, filter: &DatasetFilter, search: Option<&Search>) {
    query.push(" WHERE 1 = 1");
    let given = |text: &Option<String>| {
        text.as_deref()
            .map(str::trim)
            .filter(|t| !t.is_empty())
            .map(str::to_owned)
    };
    if let Some(search) = search {
        query.push(" AND ");
        search.narrow(query);
    }
    if let Some(text) = given(&filter.location) {
        match text.parse::<i64>() {
            Ok(id) => query.push(" AND d.location_id = ").push_bind(id),
            Err(_) => query
                .push(" AND d.location_id = (SELECT l2.id FROM locations l2 WHERE l2.name = ")
                .push_bind(text)
                .push(")"),
        };
    }
    if let Some(text) = given(&filter.storage_class) {
        query
            .push(" AND lower(d.storage_class) = ")
            .push_bind(text.to_lowercase());
    }
    if let Some(text) = given(&filter.recommendation) {
        query.push(" AND d.rec_action = ").push_bind(text);
    }
    if let Some(text) = given(&filter.label) {
        let (key, value) = text.split_once('=').unwrap_or((text.as_str(), ""));
        query
            .push(" AND d.id IN (SELECT x.dataset_id FROM dataset_labels x WHERE x.label_key = ")
            .push_bind(key.to_owned());
        if !value.is_empty() {
            query.push(" AND x.label_value = ").push_bind(value.to_owned());
        }
        query.push(")");
    }
}

/// At most `limit` rows after a position.
///
/// # Errors
/// The database's own.
pub async fn page(
    conn: &mut Conn,
    filter: &DatasetFilter,
    after: Option<&Position>,
    limit: i64,
) -> Result<Vec<ListRow>, StoreError> {
    let (key, falls) = order(filter.sort);
    let down = falls != filter.descending;
    let search = Search::of(conn, filter.search.as_deref()).await?;
    let (compare, direction) = if down { ("<", "DESC") } else { (">", "ASC") };
    let mut query = Builder::new(
        conn,
        format!(
            "SELECT {COLUMNS}, d.last_access_at, d.monthly_cost, d.rec_action, d.rec_proposed, d.rec_saving, \
         {key} AS sort_key FROM {TABLES}"
        ),
    );
    narrow(&mut query, filter, search.as_ref());
    if let Some(Position { value, id }) = after {
        query.push(format!(" AND ({key}, d.id) {compare} ("));
        match value {
            SortValue::Number(number) => query.push_bind(*number),
            SortValue::Text(text) => query.push_bind(text.clone()),
        };
        query.push(", ").push_bind(id.0).push(")");
    }
    query.push(format!(" ORDER BY {key} {direction}, d.id {direction} LIMIT "));
    query.push_bind(limit);
    let rows = query.build().fetch_all(&mut *conn).await?;
    let ids = rows
        .iter()
        .map(|row| Ok(DatasetId(row.try_get("id")?)))
        .collect::<Result<Vec<_>, StoreError>>()?;
    let mut live = super::jobs::live_of(conn, &ids).await?;
    let mut labels = super::labels::of(conn, &ids).await?;
    rows.iter()
        .map(|row| {
            let dataset = read(row)?;
            let action: Option<String> = row.try_get("rec_action")?;
            let recommendation = match action {
                Some(action) => Some(RecommendationBrief {
                    action,
                    proposed: row.try_get("rec_proposed")?,
                    monthly_saving_nanousd: NanoUsd(row.try_get("rec_saving")?),
                }),
                None => None,
            };
            let value = match filter.sort {
                DatasetSort::Name => SortValue::Text(row.try_get("sort_key")?),
                _ => SortValue::Number(row.try_get("sort_key")?),
            };
            Ok(ListRow {
                position: Position {
                    value,
                    id: dataset.id,
                },
                last_access_at: row.try_get::<Option<i64>, _>("last_access_at")?.map(Timestamp),
                monthly_cost: row.try_get::<Option<i64>, _>("monthly_cost")?.map(NanoUsd),
                recommendation,
                active_job: live.remove(&dataset.id),
                labels: labels.remove(&dataset.id).unwrap_or_default(),
                dataset,
            })
        })
        .collect()
}

/// Rows of the whole list.
///
/// # Errors
/// The database's own.
pub async fn total(conn: &mut Conn, filter: &DatasetFilter) -> Result<i64, StoreError> {
    let search = Search::of(conn, filter.search.as_deref()).await?;
    if let Some(search) = &search
        && is_search_alone(filter)
        && let Some(count) = search.count(conn).await?
    {
        return Ok(count);
    }
    // Every dataset has its location, so that nothing is joined: an index alone is counted.
    let mut query = Builder::new(conn, "SELECT COUNT(*) FROM datasets d");
    narrow(&mut query, filter, search.as_ref());
    Ok(query.build_query_scalar().fetch_one(conn).await?)
}

/// Whether nothing but the name narrows a list.
fn is_search_alone(filter: &DatasetFilter) -> bool {
    let DatasetFilter {
        location,
        storage_class,
        recommendation,
        label,
        ..
    } = filter;
    let given = |text: &Option<String>| text.as_deref().is_some_and(|t| !t.trim().is_empty());
    ![location, storage_class, recommendation, label]
        .into_iter()
        .any(given)
}

/// The list's row of one dataset.
///
/// # Errors
/// The database's own.
pub async fn one(conn: &mut Conn, id: DatasetId) -> Result<Option<ListRow>, StoreError> {
    let before = Position {
        value: SortValue::Number(id.0 - 1),
        id: DatasetId(i64::MAX),
    };
    let rows = page(conn, &DatasetFilter::default(), Some(&before), 1).await?;
    Ok(rows.into_iter().find(|row| row.dataset.id == id))
}

/// Bytes read from each of these datasets on each day (days since 1970) from `since` on; days without reads are left out.
///
/// # Errors
/// The database's own.
pub async fn read_bytes_by_day(
    conn: &mut Conn,
    ids: &[DatasetId],
    since: Timestamp,
) -> Result<HashMap<DatasetId, Vec<(i64, Bytes)>>, StoreError> {
    let mut found: HashMap<DatasetId, Vec<(i64, Bytes)>> = HashMap::new();
    if ids.is_empty() {
        return Ok(found);
    }
    let mut query = Builder::new(
        conn,
        format!(
            "SELECT dataset_id, hour / {day}, CAST(SUM(read_bytes) AS BIGINT) FROM access_rollups WHERE hour >= ",
            day = Timestamp::DAY
        ),
    );
    query.push_bind(since.0).push(" AND dataset_id IN (");
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(id.0);
    }
    query.push(format!(") GROUP BY dataset_id, hour / {}", Timestamp::DAY));
    for row in query.build().fetch_all(conn).await? {
        let bytes = Bytes::from_i64(row.try_get(2)?);
        found
            .entry(DatasetId(row.try_get(0)?))
            .or_default()
            .push((row.try_get(1)?, bytes));
    }
    Ok(found)
}
