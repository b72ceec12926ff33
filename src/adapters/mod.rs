//! Technologies behind the ports: one folder each.
//!
//! An adapter knows the domain and the ports. It knows no use case, no protocol, no page, and no other adapter.

pub mod inproc;
pub mod kafka;
pub mod objects;

#[cfg(feature = "otlp")]
pub mod otlp;

#[cfg(not(feature = "otlp"))]
#[path = "otlp_absent.rs"]
pub mod otlp;

pub mod prices;
pub mod prometheus;
pub mod sql;
