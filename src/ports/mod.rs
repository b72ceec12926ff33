//! What the use cases need from the world, as traits with a contract. Only where two real implementations run.
//!
//! Ports know the domain and nothing else: no database, no HTTP, no clock of their own.

pub mod clock;

pub mod places;

pub use clock::Clock;
pub use places::Places;
