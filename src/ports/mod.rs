//! What the use cases need from the world, as traits with a contract. Only where two real implementations run.
//!
//! Ports know the domain. They know no database, no HTTP and no clock of their own.

pub mod bus;
pub mod clock;

pub mod objects;

pub mod places;

pub mod reads;

pub mod several;

pub mod streams;

pub mod traces;
pub mod unseal;

pub mod walk;

pub use bus::{Bus, Topic, Wakeups};
pub use clock::Clock;
pub use objects::Objects;
pub use places::Places;
pub use streams::{Intake, Streams};
pub use traces::Traces;
