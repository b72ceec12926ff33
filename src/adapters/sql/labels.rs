//! Rows of `dataset_labels`.

use super::multi::Builder;
use super::{Conn, Row, StoreError};
use crate::domain::id::DatasetId;
use crate::domain::label::{Label, LabelCount};
use sqlx::Row as _;
use std::collections::HashMap;

/// The labels of these datasets, in the order of their keys.
///
/// # Errors
/// The database's own.
pub async fn of(conn: &mut Conn, ids: &[DatasetId]) -> Result<HashMap<DatasetId, Vec<Label>>, StoreError> {
    let mut found: HashMap<DatasetId, Vec<Label>> = HashMap::new();
    if ids.is_empty() {
        return Ok(found);
    }
    let mut query = Builder::new(
        conn,
        "SELECT dataset_id, label_key, label_value FROM dataset_labels WHERE dataset_id IN (",
    );
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(id.0);
    }
    query.push(") ORDER BY dataset_id, label_key");
    for row in query.build().fetch_all(conn).await? {
        found
            .entry(DatasetId(row.try_get(0)?))
            .or_default()
            .push(read(&row)?);
    }
    Ok(found)
}

/// Replaces the labels of a dataset.
///
/// # Errors
/// The database's own.
pub async fn replace(conn: &mut Conn, id: DatasetId, labels: &[Label]) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM dataset_labels WHERE dataset_id = $1")
        .bind(id.0)
        .execute(&mut *conn)
        .await?;
    for label in labels {
        sqlx::query("INSERT INTO dataset_labels (dataset_id, label_key, label_value) VALUES ($1, $2, $3)")
            .bind(id.0)
            .bind(label.key())
            .bind(label.value())
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}

/// Every label with the number of its datasets, the most used first; at most `limit`.
///
/// # Errors
/// The database's own.
pub async fn counts(conn: &mut Conn, limit: i64) -> Result<Vec<LabelCount>, StoreError> {
    let rows = sqlx::query(
        "SELECT COUNT(*) AS datasets, label_key, label_value FROM dataset_labels \
         GROUP BY label_key, label_value ORDER BY COUNT(*) DESC, label_key, label_value LIMIT $1",
    )
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(LabelCount {
                label: read(row)?,
                datasets: row.try_get("datasets")?,
            })
        })
        .collect()
}

fn read(row: &Row) -> Result<Label, StoreError> {
    let (key, value): (String, String) = (row.try_get("label_key")?, row.try_get("label_value")?);
    format!("{key}={value}")
        .parse()
        .map_err(|e| StoreError::corrupt("dataset_labels", e))
}
