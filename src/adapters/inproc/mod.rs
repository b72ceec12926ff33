//! What one process gives itself: the machine's clock, and whatever else needs no server.
//!
//! Knows no database and no network.

pub mod accesses;
pub mod bus;
pub mod clock;
pub mod places;
pub mod untraced;
