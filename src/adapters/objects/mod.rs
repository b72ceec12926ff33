//! Stores of objects behind the port `Objects`: local disks, a throttle for their bytes, and a wrapper that injects faults.
//!
//! Invariant: bytes are streamed, never linked, and every path is confined to its root. Start with `local/mod.rs`.
//! Knows no catalog, no job and no database.

pub mod fault;
pub mod local;
pub mod patience;
pub mod throttle;

pub use fault::{Faults, Faulty};
pub use local::LocalObjects;
pub use patience::Patient;
pub use throttle::Throttle;
