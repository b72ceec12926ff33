//! How many objects of a job are worked on at once: fewer while the store asks for less, then slowly more again.
//!
//! Invariant: at least one, at most what is allowed. It is halved at most once in [`REST`], since all that were under way when a
//! store was overrun come back with the same answer.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Between two cuts.
const REST: Duration = Duration::from_secs(1);
/// An object of hardly any bytes that takes longer tells of a store that is overrun.
pub(super) const SLOW: Duration = Duration::from_secs(10);
/// What "hardly any bytes" are.
pub(super) const SMALL: u64 = 1 << 20;

/// The number that is allowed now.
#[derive(Debug)]
pub(super) struct Crowd {
    most: f64,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    width: f64,
    cut_at: Option<Instant>,
    /// Further tries that may still be made in this pass.
    tries_left: u64,
}

impl Crowd {
    /// Begins with `most` at once, and so many further tries in all.
    pub(super) fn new(most: usize, tries: u64) -> Self {
        Self {
            most: most.max(1) as f64,
            inner: Mutex::new(Inner {
                width: most.max(1) as f64,
                cut_at: None,
                tries_left: tries,
            }),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Valid between any two statements.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many at once.
    pub(super) fn width(&self) -> usize {
        self.inner().width as usize
    }

    /// An object was done as it should.
    pub(super) fn went_well(&self) {
        let mut inner = self.inner();
        inner.width = (inner.width + 1.0 / inner.width).min(self.most);
    }

    /// The store asked for less, or was very slow. Whether the number was cut.
    pub(super) fn too_many(&self, now: Instant) -> bool {
        let mut inner = self.inner();
        if inner
            .cut_at
            .is_some_and(|at| now.saturating_duration_since(at) < REST)
        {
            return false;
        }
        inner.cut_at = Some(now);
        inner.width = (inner.width / 2.0).max(1.0);
        true
    }

    /// Takes one further try from the budget of the pass.
    pub(super) fn may_try_again(&self) -> bool {
        let mut inner = self.inner();
        let left = inner.tries_left > 0;
        inner.tries_left = inner.tries_left.saturating_sub(1);
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_halved_at_once_and_climbs_by_one_a_round() {
        let crowd = Crowd::new(16, 2);
        let start = Instant::now();
        assert!(crowd.too_many(start));
        assert!(!crowd.too_many(start + REST / 2), "the same storm");
        assert_eq!(crowd.width(), 8);
        for _ in 0..8 {
            crowd.went_well();
        }
        assert_eq!(crowd.width(), 8, "a round of eight makes hardly one more");
        crowd.went_well();
        assert_eq!(crowd.width(), 9);
        for i in 1..20 {
            crowd.too_many(start + REST * i);
        }
        assert_eq!(crowd.width(), 1);
        for _ in 0..1000 {
            crowd.went_well();
        }
        assert_eq!(crowd.width(), 16);
        assert!(crowd.may_try_again() && crowd.may_try_again() && !crowd.may_try_again());
    }
}
