//! Brings the tables up to date: each file of `schema/` is applied once, in order, in one transaction.
//!
//! Invariant: a file that was released is never edited; a change is a new file. (Files are called schema, because a migration
//! moves data here.) A database that was made from other files is refused rather than guessed at.

use super::error::StoreError;
use super::store::ReadPool;
use sqlx::{AssertSqlSafe, Executor, Row};

/// Name and text, in the order of application.
const FILES: &[(&str, &str)] = &[
    ("010_catalog", include_str!("schema/010_catalog.sql")),
    ("020_telemetry", include_str!("schema/020_telemetry.sql")),
    ("030_events", include_str!("schema/030_events.sql")),
    ("040_jobs", include_str!("schema/040_jobs.sql")),
    (
        "050_recommendations",
        include_str!("schema/050_recommendations.sql"),
    ),
    ("060_control", include_str!("schema/060_control.sql")),
    ("070_outcomes", include_str!("schema/070_outcomes.sql")),
];

/// Applies what is missing.
///
/// # Errors
/// When a statement fails, or the database was made from other files.
pub(super) async fn apply(writer: &ReadPool) -> Result<(), StoreError> {
    let mut tx = writer.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query("CREATE TABLE IF NOT EXISTS schema_files (name TEXT PRIMARY KEY, digest TEXT NOT NULL)")
        .execute(&mut *tx)
        .await?;
    for (name, text) in FILES {
        let digest = blake3::hash(text.as_bytes()).to_hex().to_string();
        let known = sqlx::query("SELECT digest FROM schema_files WHERE name = $1")
            .bind(*name)
            .fetch_optional(&mut *tx)
            .await?;
        match known {
            Some(row) if row.get::<String, _>(0) == digest => {}
            Some(_) => {
                return Err(StoreError::Unusable(format!(
                    "the database was made by a build whose tables ({name}) differ from this one's; \
                     start with an empty --data-dir, or with the build that made it"
                )));
            }
            None => {
                tx.execute(AssertSqlSafe(*text)).await?;
                sqlx::query("INSERT INTO schema_files (name, digest) VALUES ($1, $2)")
                    .bind(*name)
                    .bind(digest)
                    .execute(&mut *tx)
                    .await?;
            }
        }
    }
    Ok(tx.commit().await?)
}
