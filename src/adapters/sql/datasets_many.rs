//! Many datasets at once: one statement for hundreds of rows, where a statement a row would be most of the time.

use super::multi::Builder;
use super::{Conn, StoreError};
use crate::domain::dataset::Dataset;
use crate::domain::id::{DatasetId, LocationId};
use sqlx::Row as _;
use std::collections::HashMap;

/// Rows of one statement: 14 columns of so many stay below the 32,766 parameters that SQLite takes.
const ROWS: usize = 500;

/// Where copies stand that are not history: location, path below it, and the dataset's name.
///
/// # Errors
/// The database's own.
pub async fn places(conn: &mut Conn) -> Result<Vec<(LocationId, String, String)>, StoreError> {
    let rows = sqlx::query(
        "SELECT r.location_id, r.prefix, d.name FROM replicas r JOIN datasets d ON d.id = r.dataset_id \
         WHERE r.role <> 'retired'",
    )
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| Ok((LocationId(row.try_get(0)?), row.try_get(1)?, row.try_get(2)?)))
        .collect()
}

/// Inserts datasets with their serving replicas, each with its path below its location. The ids are new ones, in the order of
/// `set`.
///
/// # Errors
/// `Unique` for a name that is taken.
pub async fn insert(conn: &mut Conn, set: &[(Dataset, String)]) -> Result<Vec<DatasetId>, StoreError> {
    let mut ids = Vec::with_capacity(set.len());
    for part in set.chunks(ROWS) {
        let mut query = Builder::new(
            conn,
            "INSERT INTO datasets (name, path_uri, location_id, prefix, storage_class, size_bytes, object_count, \
             scanned_at, generation, pinned_reason, latency_limit_ms, stand_in, created_at, updated_at) ",
        );
        query.push_values(part, |mut row, (dataset, prefix)| {
            row.push_bind(dataset.name.as_str())
                .push_bind(dataset.path_uri.to_string())
                .push_bind(dataset.location_id.0)
                .push_bind(prefix)
                .push_bind(dataset.storage_class.as_str())
                .push_bind(dataset.size_bytes.to_i64())
                .push_bind(dataset.object_count)
                .push_bind(dataset.scanned_at.map(|t| t.0))
                .push_bind(dataset.generation)
                .push_bind(dataset.pinned_reason.as_deref())
                .push_bind(dataset.latency_limit_ms)
                .push_bind(i64::from(dataset.stand_in))
                .push_bind(dataset.created_at.0)
                .push_bind(dataset.updated_at.0);
        });
        query.push(" RETURNING name, id");
        // RETURNING promises no order, so each row is found by its name.
        let by_name = query
            .build()
            .fetch_all(&mut *conn)
            .await?
            .iter()
            .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
            .collect::<Result<HashMap<String, i64>, StoreError>>()?;
        let part_ids = part
            .iter()
            .map(|(dataset, _)| {
                let name = dataset.name.as_str();
                by_name
                    .get(name)
                    .copied()
                    .ok_or_else(|| StoreError::corrupt("name", format!("{name} was not inserted")))
            })
            .collect::<Result<Vec<i64>, _>>()?;
        let mut query = Builder::new(
            conn,
            "INSERT INTO replicas (dataset_id, location_id, prefix, storage_class, role, object_count, size_bytes, \
             created_at) ",
        );
        query.push_values(part.iter().zip(&part_ids), |mut row, ((dataset, prefix), id)| {
            row.push_bind(*id)
                .push_bind(dataset.location_id.0)
                .push_bind(prefix)
                .push_bind(dataset.storage_class.as_str())
                .push_bind("serving")
                .push_bind(dataset.object_count)
                .push_bind(dataset.size_bytes.to_i64())
                .push_bind(dataset.created_at.0);
        });
        query.build().execute(&mut *conn).await?;
        ids.extend(part_ids.into_iter().map(DatasetId));
    }
    Ok(ids)
}
