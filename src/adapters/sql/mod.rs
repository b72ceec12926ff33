//! The database: one SQL text for SQLite and Postgres, one file a table group, the schema beside them.
//!
//! Invariant: all sqlx is in this folder, and every write goes through [`WriteTx`]. Start with `store.rs`.
//! Knows no use case, no protocol and no other adapter.

pub mod error;
pub mod events;
pub mod health;
pub mod schema;
pub mod store;

pub use error::StoreError;
pub use store::{Conn, Db, ReadPool, Row, Store, WriteTx};
