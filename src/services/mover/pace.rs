//! Limits on bytes and on objects begun a second, changed while bytes move.
//!
//! Invariant: over any time longer than [`BURST`] no more than the rate passes, however many threads and jobs share it. A change is
//! in force from the next chunk on. Each process keeps its own count: two movers move twice the limit.

use crate::domain::migration::limit::{Limit, LimitScope};
use crate::domain::unit::Bytes;
use crate::ports::objects::Gate;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Allowance that was not used is kept for this long at most.
const BURST: Duration = Duration::from_millis(100);

/// One limit.
#[derive(Debug)]
pub(super) struct Pace(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    bytes_per_sec: Option<u64>,
    requests_per_sec: Option<u32>,
    /// Until when the bytes that were booked have used up the allowance.
    bytes_until: Instant,
    /// The same of objects begun.
    requests_until: Instant,
}

impl Default for Pace {
    fn default() -> Self {
        let now = Instant::now();
        Self(Mutex::new(Inner {
            bytes_per_sec: None,
            requests_per_sec: None,
            bytes_until: now,
            requests_until: now,
        }))
    }
}

impl Pace {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Valid between any two statements.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, bytes_per_sec: Option<Bytes>, requests_per_sec: Option<u32>) {
        let bytes_per_sec = bytes_per_sec.map(|b| b.0.max(1));
        let requests_per_sec = requests_per_sec.map(|n| n.max(1));
        let mut inner = self.inner();
        let now = Instant::now();
        if inner.bytes_per_sec != bytes_per_sec {
            inner.bytes_per_sec = bytes_per_sec;
            inner.bytes_until = now;
        }
        if inner.requests_per_sec != requests_per_sec {
            inner.requests_per_sec = requests_per_sec;
            inner.requests_until = now;
        }
    }

    /// Whether objects are counted now.
    pub(super) fn counts_requests(&self) -> bool {
        self.inner().requests_per_sec.is_some()
    }

    /// Books an object that is about to be begun; from when on it may.
    pub(super) fn request(&self) -> Option<Instant> {
        let mut inner = self.inner();
        let cost = Duration::from_secs_f64(1.0 / f64::from(inner.requests_per_sec?));
        let may = booked(&mut inner.requests_until, cost, Instant::now());
        Some(may.checked_sub(cost).unwrap_or(may))
    }
}

impl Gate for Pace {
    fn book(&self, bytes: u64) -> Option<Instant> {
        let mut inner = self.inner();
        let cost = Duration::from_secs_f64(bytes as f64 / inner.bytes_per_sec? as f64);
        Some(booked(&mut inner.bytes_until, cost, Instant::now()))
    }

    fn bytes_per_sec(&self) -> Option<u64> {
        self.inner().bytes_per_sec
    }
}

fn booked(until: &mut Instant, cost: Duration, now: Instant) -> Instant {
    let floor = now.checked_sub(BURST).unwrap_or(now);
    *until = (*until).max(floor) + cost;
    *until
}

/// Every limit of this process.
#[derive(Debug, Default)]
pub(super) struct Paces(Mutex<HashMap<LimitScope, Arc<Pace>>>);

impl Paces {
    /// The limit for something, also when there is none yet.
    pub(super) fn of(&self, scope: LimitScope) -> Arc<Pace> {
        self.all().entry(scope).or_default().clone()
    }

    /// What is set now; everything else has no limit.
    pub(super) fn apply(&self, limits: &[Limit]) {
        let set: HashMap<LimitScope, &Limit> = limits
            .iter()
            .filter_map(|limit| Some((limit.scope.parse().ok()?, limit)))
            .collect();
        let mut all = self.all();
        for scope in set.keys() {
            all.entry(*scope).or_default();
        }
        // One that nobody uses and nobody limits need not be kept.
        all.retain(|scope, pace| set.contains_key(scope) || Arc::strong_count(pace) > 1);
        for (scope, pace) in all.iter() {
            match set.get(scope) {
                Some(limit) => pace.set(limit.bytes_per_sec, limit.requests_per_sec),
                None => pace.set(None, None),
            }
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<LimitScope, Arc<Pace>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::unit::Timestamp;

    #[test]
    fn bookings_add_up_and_unused_allowance_is_soon_gone() {
        let start = Instant::now();
        let mut until = start;
        for i in 1..=10 {
            let may = booked(&mut until, Duration::from_secs(1), start);
            assert_eq!(may, start + Duration::from_secs(i));
        }
        let late = start + Duration::from_secs(1000);
        let may = booked(&mut until, Duration::from_secs(1), late);
        assert_eq!(may, late + Duration::from_secs(1) - BURST);
    }

    #[test]
    fn limits_come_change_and_go_while_they_are_used() {
        let paces = Paces::default();
        let total = paces.of(LimitScope::Total);
        assert_eq!((total.book(1 << 40), total.request()), (None, None));
        let limit = |bytes| Limit {
            scope: "total".into(),
            bytes_per_sec: Some(Bytes(bytes)),
            requests_per_sec: Some(10),
            updated_at: Timestamp(0),
        };
        paces.apply(&[limit(1000)]);
        let first = total.book(5000).unwrap();
        assert!(first > Instant::now() + Duration::from_secs(4));
        let (one, two) = (total.request().unwrap(), total.request().unwrap());
        assert_eq!(two - one, Duration::from_millis(100));
        // A higher limit forgets the debt of the lower one.
        paces.apply(&[limit(1_000_000)]);
        assert!(total.book(1000).unwrap() < first);
        assert_eq!(total.bytes_per_sec(), Some(1_000_000));
        paces.apply(&[]);
        assert_eq!((total.book(1 << 40), total.bytes_per_sec()), (None, None));
    }
}
