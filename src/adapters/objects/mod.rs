//! Stores of objects behind the port `Objects`: local disks, buckets, both as one, a throttle for their bytes, and a wrapper that
//! injects faults.
//!
//! Invariant: bytes are streamed, never linked, and every path is confined to its root. Start with `stores.rs`.
//! Knows no catalog, no job and no database.

pub mod cloud;
pub mod fault;
pub mod local;
pub mod patience;
pub mod sealed;
pub mod stores;
mod sums;
pub mod throttle;
pub mod timed;

mod resume;
mod secret;
mod sorted;
mod source;
mod tree;

pub use cloud::CloudObjects;
pub use fault::{Faults, Faulty};
pub use local::LocalObjects;
pub use patience::Patient;
pub use stores::Stores;
pub use throttle::Throttle;
pub use timed::Timed;
