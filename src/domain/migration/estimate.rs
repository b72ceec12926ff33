//! How long a move will take, from how long finished ones took.
//!
//! Invariant: without a finished job there is no answer. Nothing is assumed about disks: a job's own time is stretched to the
//! objects or to the bytes of the new one, whichever is more.

use crate::domain::unit::Bytes;

/// Jobs that are asked: the nearest in bytes, since small moves are ruled by objects and large ones by bytes.
const NEAREST: usize = 8;

/// A finished move, as it was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Objects moved.
    pub objects: i64,
    /// Bytes moved.
    pub bytes: Bytes,
    /// From the first byte copied to the last one verified, in microseconds.
    pub elapsed_us: i64,
}

impl Measured {
    fn stretched_us(&self, objects: i64, bytes: Bytes) -> f64 {
        let by_objects = objects as f64 / self.objects.max(1) as f64;
        let by_bytes = bytes.0 as f64 / self.bytes.0.max(1) as f64;
        self.elapsed_us.max(0) as f64 * by_objects.max(by_bytes)
    }

    /// How far its size is from another, as a ratio.
    fn distance(&self, bytes: Bytes) -> f64 {
        ((self.bytes.0.max(1) as f64).ln() - (bytes.0.max(1) as f64).ln()).abs()
    }
}

/// Seconds as (fast, slow) for a move of so many objects and bytes; `None` before any job has ended.
#[must_use]
pub fn duration_secs(finished: &[Measured], objects: i64, bytes: Bytes) -> Option<(i64, i64)> {
    let mut near: Vec<&Measured> = finished.iter().collect();
    near.sort_by(|a, b| a.distance(bytes).total_cmp(&b.distance(bytes)));
    near.truncate(NEAREST);
    let secs = near.iter().map(|m| m.stretched_us(objects, bytes) / 1e6);
    let (fast, slow) = secs.fold(None, |range: Option<(f64, f64)>, s| {
        Some(range.map_or((s, s), |(low, high)| (low.min(s), high.max(s))))
    })?;
    Some((fast.floor() as i64, slow.ceil() as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn took(objects: i64, bytes: u64, secs: i64) -> Measured {
        Measured {
            objects,
            bytes: Bytes(bytes),
            elapsed_us: secs * 1_000_000,
        }
    }

    #[test]
    fn nothing_is_told_before_a_job_has_ended() {
        assert_eq!(duration_secs(&[], 10, Bytes(1000)), None);
    }

    #[test]
    fn a_job_is_stretched_to_what_rules_the_new_one() {
        let one = [took(100, 1_000_000, 10)];
        for (objects, bytes, secs) in [
            (100, 1_000_000, 10),
            (100, 5_000_000, 50),
            (700, 1_000_000, 70),
            (1, 100, 1),
        ] {
            let (fast, slow) = duration_secs(&one, objects, Bytes(bytes)).unwrap();
            assert!(
                fast <= secs && secs <= slow && slow - fast <= 1,
                "{objects} {bytes}: {fast} to {slow}"
            );
        }
    }

    #[test]
    fn the_range_is_that_of_the_nearest_jobs() {
        let mut jobs = vec![took(10, 1_000_000_000, 20), took(10, 1_100_000_000, 44)];
        assert_eq!(duration_secs(&jobs, 10, Bytes(1_000_000_000)), Some((20, 44)));
        // Tiny jobs, whose rate by bytes is poor, do not widen it once there are enough near ones.
        jobs.extend((0..6).map(|_| took(10, 1_000_000_000, 30)));
        jobs.extend((0..9).map(|_| took(1, 10, 1)));
        assert_eq!(duration_secs(&jobs, 10, Bytes(1_000_000_000)), Some((20, 44)));
    }
}
