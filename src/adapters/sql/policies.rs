//! Rows of `policies`: people's rules about where datasets may stand. (What the placement policy remembers is in `policy.rs`.)

use super::{Conn, Row, StoreError};
use crate::domain::id::{DatasetId, LocationId, PolicyId};
use crate::domain::policy::{NewPolicy, Policy, PolicySpec};
use crate::domain::unit::Timestamp;
use sqlx::Row as _;

const COLUMNS: &str = "id, name, rules, generation, created_at, updated_at";

/// Every rule, in the order of names.
///
/// # Errors
/// The database's own.
pub async fn all(conn: &mut Conn) -> Result<Vec<Policy>, StoreError> {
    let rows =
        sqlx::query("SELECT id, name, rules, generation, created_at, updated_at FROM policies ORDER BY name")
            .fetch_all(conn)
            .await?;
    rows.iter().map(read).collect()
}

/// A rule by its id or its name.
///
/// # Errors
/// The database's own.
pub async fn find(conn: &mut Conn, key: &str) -> Result<Option<Policy>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM policies WHERE id = $1 OR name = $2");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(key.parse::<i64>().unwrap_or(0))
        .bind(key)
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(read).transpose()
}

/// Adds a rule.
///
/// # Errors
/// `Unique` for a name that is taken.
pub async fn insert(conn: &mut Conn, new: &NewPolicy, now: Timestamp) -> Result<PolicyId, StoreError> {
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO policies (name, rules, generation, created_at, updated_at) VALUES ($1, $2, 1, $3, $3) RETURNING id",
    )
    .bind(new.name.as_str())
    .bind(super::json(&new.rules)?)
    .bind(now.0)
    .fetch_one(conn)
    .await?;
    Ok(PolicyId(id))
}

/// Replaces what a rule says.
///
/// # Errors
/// The database's own.
pub async fn change(
    conn: &mut Conn,
    id: PolicyId,
    rules: &PolicySpec,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE policies SET rules = $2, generation = generation + 1, updated_at = $3 WHERE id = $1")
        .bind(id.0)
        .bind(super::json(rules)?)
        .bind(now.0)
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets a rule.
///
/// # Errors
/// The database's own.
pub async fn delete(conn: &mut Conn, id: PolicyId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM policies WHERE id = $1")
        .bind(id.0)
        .execute(conn)
        .await?;
    Ok(())
}

/// Where each dataset stands: id, name, location and class, in the order of names.
///
/// # Errors
/// The database's own.
pub async fn standing(conn: &mut Conn) -> Result<Vec<(DatasetId, String, LocationId, String)>, StoreError> {
    let rows = sqlx::query("SELECT id, name, location_id, storage_class FROM datasets ORDER BY name")
        .fetch_all(conn)
        .await?;
    rows.iter()
        .map(|row| {
            Ok((
                DatasetId(row.try_get(0)?),
                row.try_get(1)?,
                LocationId(row.try_get(2)?),
                row.try_get(3)?,
            ))
        })
        .collect()
}

fn read(row: &Row) -> Result<Policy, StoreError> {
    let rules: String = row.try_get("rules")?;
    Ok(Policy {
        id: PolicyId(row.try_get("id")?),
        name: super::parse(row, "name")?,
        rules: serde_json::from_str(&rules).map_err(|e| StoreError::corrupt("policies.rules", e))?,
        generation: row.try_get("generation")?,
        created_at: Timestamp(row.try_get("created_at")?),
        updated_at: Timestamp(row.try_get("updated_at")?),
    })
}
