//! Where the present time comes from.

use crate::domain::unit::Timestamp;

/// The present time.
///
/// An implementation MUST be cheap and MUST NOT block. It MAY go backwards when the machine's clock is set; callers store what
/// they were told and never rely on two readings being ordered.
pub trait Clock: Send + Sync + 'static {
    /// The present instant, UTC.
    fn now(&self) -> Timestamp;
}
