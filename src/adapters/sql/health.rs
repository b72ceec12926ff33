//! A look at the database itself.

use super::{Store, StoreError};

/// Reads from the database and takes the writer for a moment.
///
/// # Errors
/// When either fails.
pub async fn probe(store: &Store) -> Result<String, StoreError> {
    let version: String = sqlx::query_scalar("SELECT sqlite_version()")
        .fetch_one(store.read())
        .await?;
    store.write().await?.rollback().await?;
    Ok(format!("SQLite {version}, reads and takes writes"))
}
