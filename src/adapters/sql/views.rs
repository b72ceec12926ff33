//! Rows of `saved_views`.

use super::{Conn, Row, StoreError};
use crate::domain::id::ViewId;
use crate::domain::unit::Timestamp;
use crate::domain::view::{NewView, View, ViewOf};
use sqlx::Row as _;

/// Every view, by list and name.
///
/// # Errors
/// The database's own.
pub async fn all(conn: &mut Conn) -> Result<Vec<View>, StoreError> {
    let rows =
        sqlx::query("SELECT id, list, name, query, created_at FROM saved_views ORDER BY list, name, id")
            .fetch_all(conn)
            .await?;
    rows.iter().map(read).collect()
}

/// Keeps a view; one of the same list and name is replaced.
///
/// # Errors
/// The database's own.
pub async fn put(conn: &mut Conn, new: &NewView, now: Timestamp) -> Result<View, StoreError> {
    let row = sqlx::query(
        "INSERT INTO saved_views (list, name, query, created_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (list, name) DO UPDATE SET query = excluded.query, created_at = excluded.created_at \
         RETURNING id, list, name, query, created_at",
    )
    .bind(new.list.as_str())
    .bind(new.name.as_str())
    .bind(new.query.as_str())
    .bind(now.0)
    .fetch_one(conn)
    .await?;
    read(&row)
}

/// Forgets a view; false when there is none of that id.
///
/// # Errors
/// The database's own.
pub async fn delete(conn: &mut Conn, id: ViewId) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM saved_views WHERE id = $1")
        .bind(id.0)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() > 0)
}

fn read(row: &Row) -> Result<View, StoreError> {
    let list: String = row.try_get("list")?;
    Ok(View {
        id: ViewId(row.try_get("id")?),
        list: ViewOf::parse(&list).ok_or_else(|| StoreError::corrupt("saved_views.list", list))?,
        name: row.try_get("name")?,
        query: row.try_get("query")?,
        created_at: Timestamp(row.try_get("created_at")?),
    })
}
