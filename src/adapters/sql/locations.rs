//! Rows of `locations`.

use super::{Conn, Row, Store, StoreError};
use crate::domain::encryption::Encryption;
use crate::domain::id::LocationId;
use crate::domain::location::{Location, LocationCheck, StorageUri, StoreAccess};
use crate::domain::name::StorageClass;
use crate::domain::unit::{Bytes, NanoUsd, Timestamp};
use crate::ports::places::Accesses;
use async_trait::async_trait;
use sqlx::Row as _;

const COLUMNS: &str = "id, name, uri, storage_classes, price_book, credential_ref, generation, created_at, \
                       updated_at, check_json, endpoint, region, encryption";

/// A location and what stands on it.
#[derive(Clone, Debug)]
pub struct LocationRow {
    /// The location.
    pub location: Location,
    /// The last look at it.
    pub check: Option<LocationCheck>,
}

/// Sums over the datasets served from a location.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocationSums {
    /// Datasets.
    pub dataset_count: i64,
    /// Their bytes.
    pub dataset_bytes: Bytes,
    /// Their monthly costs, where each of them is known.
    pub monthly_cost: Option<NanoUsd>,
}

/// Inserts a location; its `id` is ignored and the new one returned.
///
/// # Errors
/// `Unique` for a name or an address that is taken.
pub async fn insert(conn: &mut Conn, location: &Location) -> Result<LocationId, StoreError> {
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO locations (name, uri, provider, storage_classes, price_book, credential_ref, generation, \
         created_at, updated_at, endpoint, region, encryption) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id",
    )
    .bind(location.name.as_str())
    .bind(location.uri.to_string())
    .bind(location.provider.scheme())
    .bind(super::json(&location.storage_classes)?)
    .bind(location.price_book.as_str())
    .bind(location.credential_ref.as_ref().map(|c| c.as_str().to_owned()))
    .bind(location.generation)
    .bind(location.created_at.0)
    .bind(location.updated_at.0)
    .bind(location.endpoint.as_ref().map(|e| e.as_str().to_owned()))
    .bind(location.region.as_ref().map(|r| r.as_str().to_owned()))
    .bind(super::json_of(location.encryption.as_ref())?)
    .fetch_one(conn)
    .await?;
    Ok(LocationId(id))
}

/// Every location in the order of creation.
///
/// # Errors
/// The database's own.
pub async fn list(conn: &mut Conn) -> Result<Vec<LocationRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM locations ORDER BY id");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(conn).await?;
    rows.iter().map(read).collect()
}

/// The location of an id or a name.
///
/// # Errors
/// The database's own.
pub async fn find(conn: &mut Conn, key: &str) -> Result<Option<LocationRow>, StoreError> {
    let (column, id) = match key.trim().parse::<i64>() {
        Ok(id) => ("id = $1", Some(id)),
        Err(_) => ("name = $1", None),
    };
    let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM locations WHERE {column}"));
    let query = sqlx::query(sql);
    let query = match id {
        Some(id) => query.bind(id),
        None => query.bind(key.trim().to_owned()),
    };
    query.fetch_optional(conn).await?.as_ref().map(read).transpose()
}

/// Sums over the datasets of each location that has any.
///
/// # Errors
/// The database's own.
pub async fn sums(conn: &mut Conn) -> Result<Vec<(LocationId, LocationSums)>, StoreError> {
    let rows = sqlx::query(
        "SELECT location_id, COUNT(*), CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT), COUNT(monthly_cost), \
         CAST(COALESCE(SUM(monthly_cost), 0) AS BIGINT) FROM datasets GROUP BY location_id",
    )
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let (count, priced): (i64, i64) = (row.try_get(1)?, row.try_get(3)?);
            let sums = LocationSums {
                dataset_count: count,
                dataset_bytes: Bytes::from_i64(row.try_get(2)?),
                monthly_cost: if count == priced {
                    Some(NanoUsd(row.try_get(4)?))
                } else {
                    None
                },
            };
            Ok((LocationId(row.try_get(0)?), sums))
        })
        .collect()
}

/// Keeps the last look at a location.
///
/// # Errors
/// The database's own.
pub async fn set_check(conn: &mut Conn, id: LocationId, check: &LocationCheck) -> Result<(), StoreError> {
    sqlx::query("UPDATE locations SET checked_at = $2, check_json = $3 WHERE id = $1")
        .bind(id.0)
        .bind(check.checked_at.0)
        .bind(super::json(check)?)
        .execute(conn)
        .await?;
    Ok(())
}

/// Sets how copies are encrypted that are written there from now on.
///
/// # Errors
/// The database's own.
pub async fn set_encryption(
    conn: &mut Conn,
    id: LocationId,
    encryption: Option<&Encryption>,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE locations SET encryption = $2, updated_at = $3, generation = generation + 1 WHERE id = $1",
    )
    .bind(id.0)
    .bind(super::json_of(encryption)?)
    .bind(now.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// How many datasets have a copy on it that is not yet history.
///
/// # Errors
/// The database's own.
pub async fn live_replicas(conn: &mut Conn, id: LocationId) -> Result<i64, StoreError> {
    Ok(
        sqlx::query_scalar("SELECT COUNT(*) FROM replicas WHERE location_id = $1 AND role <> 'retired'")
            .bind(id.0)
            .fetch_one(conn)
            .await?,
    )
}

/// Forgets a location and the history of copies on it.
///
/// # Errors
/// `Reference` while something else refers to it.
pub async fn delete(conn: &mut Conn, id: LocationId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM replicas WHERE location_id = $1 AND role = 'retired'")
        .bind(id.0)
        .execute(&mut *conn)
        .await?;
    sqlx::query("DELETE FROM locations WHERE id = $1")
        .bind(id.0)
        .execute(conn)
        .await?;
    Ok(())
}

#[async_trait]
impl Accesses for Store {
    async fn access(&self, root: &StorageUri) -> Result<StoreAccess, String> {
        let found = async {
            let mut conn = self.reader().await?;
            let sql = format!("SELECT {COLUMNS} FROM locations WHERE uri = $1");
            let row = sqlx::query(sqlx::AssertSqlSafe(sql))
                .bind(root.to_string())
                .fetch_optional(&mut *conn)
                .await?;
            row.as_ref().map(read).transpose()
        };
        match found.await {
            Ok(Some(row)) => Ok(row.location.access()),
            Ok(None) => Err("it is no location of this catalog any more".into()),
            Err(problem) => Err(problem.to_string()),
        }
    }
}

fn read(row: &Row) -> Result<LocationRow, StoreError> {
    let uri: crate::domain::location::StorageUri = super::parse(row, "uri")?;
    let classes: Vec<StorageClass> = super::from_json(row, "storage_classes")?;
    let check: Option<String> = row.try_get("check_json")?;
    let credential: Option<String> = row.try_get("credential_ref")?;
    let endpoint: Option<String> = row.try_get("endpoint")?;
    let region: Option<String> = row.try_get("region")?;
    Ok(LocationRow {
        location: Location {
            id: LocationId(row.try_get("id")?),
            name: super::parse(row, "name")?,
            provider: uri.provider(),
            uri,
            storage_classes: classes,
            price_book: row.try_get("price_book")?,
            credential_ref: credential
                .map(|c| c.parse().map_err(|e| StoreError::corrupt("credential_ref", e)))
                .transpose()?,
            endpoint: endpoint
                .map(|e| e.parse().map_err(|e| StoreError::corrupt("endpoint", e)))
                .transpose()?,
            region: region
                .map(|r| r.parse().map_err(|e| StoreError::corrupt("region", e)))
                .transpose()?,
            encryption: super::maybe_from_json(row, "encryption")?,
            generation: row.try_get("generation")?,
            created_at: Timestamp(row.try_get("created_at")?),
            updated_at: Timestamp(row.try_get("updated_at")?),
        },
        check: check
            .map(|text| serde_json::from_str(&text).map_err(|e| StoreError::corrupt("check_json", e)))
            .transpose()?,
    })
}
