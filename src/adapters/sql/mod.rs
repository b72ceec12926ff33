//! The database: one SQL text for SQLite and Postgres, one file a table group, the schema beside them.
//!
//! Invariant: all sqlx is in this folder, and every write goes through [`WriteTx`]. Start with `store.rs`.
//! Knows no use case, no protocol and no other adapter.

pub mod clock;

pub mod copy;

pub mod engine;
pub mod error;
pub mod events;
mod listen;
pub mod schema;
pub mod store;

pub mod health;

pub mod labels;
pub mod location_reads;
pub mod locations;

pub mod datasets;

pub mod datasets_many;

pub mod dataset_list;
mod dataset_search;

pub mod idempotency;

pub mod overview;

pub mod policies;
pub mod policy;

pub mod readers;
pub mod recommendation_inputs;

pub mod recommendations;

pub mod rollups;

pub mod jobs;

pub mod jobs_change;

pub mod jobs_lease;

pub mod jobs_list;

pub mod jobs_objects;

pub mod jobs_pages;

pub mod jobs_parts;

pub mod jobs_rates;

pub mod jobs_samples;

pub mod jobs_staging;

pub mod jobs_switch;

pub mod limits;

pub mod receipts;

pub mod reports;

pub mod outcomes;

pub mod streams;

mod multi;

pub mod telemetry;
pub mod views;

pub mod traces;

pub use engine::Engine;
pub use error::StoreError;
pub use store::{Conn, Db, ReadPool, Row, Store, WriteTx};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row as _;

/// A column that holds a domain type as text.
///
/// # Errors
/// `Corrupt` when the text is not one.
pub(crate) fn parse<T>(row: &Row, column: &str) -> Result<T, StoreError>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    let text: String = row.try_get(column)?;
    text.parse().map_err(|e| StoreError::corrupt(column, e))
}

/// A column that holds a domain type as JSON.
///
/// # Errors
/// `Corrupt` when the text is not one.
pub(crate) fn from_json<T: DeserializeOwned>(row: &Row, column: &str) -> Result<T, StoreError> {
    let text: String = row.try_get(column)?;
    serde_json::from_str(&text).map_err(|e| StoreError::corrupt(column, e))
}

/// A column that holds a domain type as JSON, or nothing.
///
/// # Errors
/// `Corrupt` when the text is not one.
pub(crate) fn maybe_from_json<T: DeserializeOwned>(row: &Row, column: &str) -> Result<Option<T>, StoreError> {
    let text: Option<String> = row.try_get(column)?;
    text.map(|text| serde_json::from_str(&text).map_err(|e| StoreError::corrupt(column, e)))
        .transpose()
}

/// The text of a JSON column that may be empty.
///
/// # Errors
/// Those of [`json`].
pub(crate) fn json_of<T: Serialize>(value: Option<&T>) -> Result<Option<String>, StoreError> {
    value.map(json).transpose()
}

/// The text of a JSON column.
///
/// # Errors
/// `Corrupt` when the value has no JSON form, which no domain type lacks.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|e| StoreError::corrupt("json", e))
}
