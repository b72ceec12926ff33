//! A look at the database itself.

use super::{Store, StoreError};
use std::time::Duration;

/// Whoever asks how the database is wants to hear soon that it is not.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads from the database and takes the writer for a moment.
///
/// # Errors
/// When either fails.
pub async fn probe(store: &Store) -> Result<String, StoreError> {
    let look = async {
        let mut conn = store.reader().await?;
        let version: String = sqlx::query_scalar(store.engine().version_query())
            .fetch_one(&mut *conn)
            .await?;
        store.write().await?.rollback().await?;
        Ok(format!("{version}, reads and takes writes"))
    };
    match tokio::time::timeout(PATIENCE, look).await {
        Ok(answer) => answer,
        Err(_) => Err(StoreError::Busy(format!(
            "{} has not answered for {} s",
            store.name(),
            PATIENCE.as_secs()
        ))),
    }
}
