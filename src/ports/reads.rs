//! Where those who read objects say how long it took; the locations' figures are made of it (`services/read_times.rs`).
//!
//! Invariant: bounded, and never in the way of a read: a few counters for each root, behind a lock that is held for a few instructions.

use crate::domain::location::StorageUri;
use crate::domain::read_times::{LARGE_BYTES, ReadTimes};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Roots that are kept apart between two looks; what is read at more is not measured.
const ROOTS_MAX: usize = 1_024;

/// What was measured at every root since it was last taken. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Reads {
    roots: Arc<Mutex<HashMap<StorageUri, Arc<ReadTally>>>>,
}

impl Reads {
    /// Where reads below this root are told.
    #[must_use]
    pub fn of(&self, root: &StorageUri) -> Option<Arc<ReadTally>> {
        let mut roots = self.roots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tally) = roots.get(root) {
            return Some(tally.clone());
        }
        if roots.len() >= ROOTS_MAX {
            return None;
        }
        Some(roots.entry(root.clone()).or_default().clone())
    }

    /// What was measured since the last time, by root.
    #[must_use]
    pub fn take(&self) -> Vec<(StorageUri, ReadTimes)> {
        let mut roots = self.roots.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = roots
            .iter()
            .map(|(root, tally)| (root.clone(), std::mem::take(&mut *tally.times())))
            .filter(|(_, times)| !times.is_empty())
            .collect();
        // Whoever still reads keeps its tally, and tells it to nobody else's.
        roots.retain(|_, tally| Arc::strong_count(tally) > 1);
        taken
    }
}

/// What was measured at one root.
#[derive(Debug, Default)]
pub struct ReadTally(Mutex<ReadTimes>);

impl ReadTally {
    fn times(&self) -> std::sync::MutexGuard<'_, ReadTimes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first bytes of a read came so long after they were asked for.
    pub fn first_byte(&self, after: Duration) {
        let micros = u64::try_from(after.as_micros()).unwrap_or(u64::MAX);
        self.times().first_byte_us.add(micros);
    }

    /// A read that nothing held back took so long from asking to its last byte.
    pub fn whole(&self, bytes: u64, took: Duration) {
        let micros = took.as_micros();
        if bytes >= LARGE_BYTES && micros > 0 {
            let rate = u128::from(bytes) * 1_000_000 / micros;
            self.times()
                .bytes_per_sec
                .add(u64::try_from(rate).unwrap_or(u64::MAX));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_is_taken_once_and_small_reads_tell_no_rate() {
        let reads = Reads::default();
        let root: StorageUri = "file:///nas".parse().unwrap();
        let tally = reads.of(&root).unwrap();
        tally.first_byte(Duration::from_micros(250));
        tally.whole(LARGE_BYTES - 1, Duration::from_millis(1));
        tally.whole(10 << 20, Duration::from_millis(100));
        let taken = reads.take();
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].0, root);
        assert_eq!(taken[0].1.first_byte_us.count(), 1);
        assert_eq!(taken[0].1.bytes_per_sec.count(), 1);
        assert!(reads.take().is_empty());
        // Somebody who reads on is heard next time.
        tally.first_byte(Duration::from_micros(1));
        assert_eq!(reads.take().len(), 1);
        drop(tally);
        assert!(reads.take().is_empty());
        assert!(reads.roots.lock().unwrap().is_empty());
    }

    #[test]
    fn roots_are_bounded() {
        let reads = Reads::default();
        let of = |n: usize| reads.of(&format!("file:///{n}").parse().unwrap());
        for n in 0..ROOTS_MAX {
            assert!(of(n).is_some());
        }
        assert!(of(ROOTS_MAX).is_none() && of(0).is_some());
    }
}
