//! The search for datasets by a part of their name: by an index of every three letters where the engine has one and few names fit, else by
//! looking at the names in the order of the list, where the first that fit are soon found.
//!
//! Invariant: both ways find the same rows, those that contain the text whatever the case of A to Z. Postgres has the second way alone.

use super::engine::Engine;
use super::multi::Builder;
use super::{Conn, StoreError};

/// The index needs three letters in a row.
const LETTERS_MIN: usize = 3;
/// More rows than this are not looked up one by one: among so many a page of the list is soon full.
const FEW: i64 = 2_000;

/// How a text is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Search {
    /// Few names fit: by the index.
    Few(String),
    /// Many fit: name by name; they are counted by the index.
    Many(String),
    /// Name by name.
    Each(String),
}

impl Search {
    /// How it is best looked for now; `None` when nothing is.
    pub(super) async fn of(conn: &mut Conn, text: Option<&str>) -> Result<Option<Self>, StoreError> {
        let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let text = text.to_lowercase();
        if Engine::of(conn) != Engine::Sqlite || text.chars().count() < LETTERS_MIN {
            return Ok(Some(Self::Each(text)));
        }
        let found: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM (SELECT rowid FROM dataset_names WHERE dataset_names MATCH $1 LIMIT $2)",
        )
        .bind(phrase(&text))
        .bind(FEW + 1)
        .fetch_one(conn)
        .await?;
        Ok(Some(if found > FEW {
            Self::Many(text)
        } else {
            Self::Few(text)
        }))
    }

    /// Appends the condition on `d.name`.
    pub(super) fn narrow(&self, query: &mut Builder) {
        match self {
            Self::Few(text) => query
                .push("d.id IN (SELECT rowid FROM dataset_names WHERE dataset_names MATCH ")
                .push_bind(phrase(text))
                .push(")"),
            Self::Many(text) | Self::Each(text) => query.push_contains("d.name", text),
        };
    }

    /// How many names fit, where the index alone can tell.
    pub(super) async fn count(&self, conn: &mut Conn) -> Result<Option<i64>, StoreError> {
        let (Self::Few(text) | Self::Many(text)) = self else {
            return Ok(None);
        };
        let count = sqlx::query_scalar("SELECT COUNT(*) FROM dataset_names WHERE dataset_names MATCH $1")
            .bind(phrase(text))
            .fetch_one(conn)
            .await?;
        Ok(Some(count))
    }
}

/// The text as the index takes it: these letters, whatever they mean in a query.
fn phrase(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
