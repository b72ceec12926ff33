//! A limit on bytes per second, shared by every job of the process.
//!
//! Invariant: over any time longer than `BURST` no more than the rate passes; a stop is heard within one slice.

use crate::ports::objects::{Meter, ObjectError};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Unused allowance is kept for this long at most.
const BURST: Duration = Duration::from_millis(100);
/// The longest sleep between two looks at the meter.
const SLICE: Duration = Duration::from_millis(50);

/// The limit.
#[derive(Debug)]
pub struct Throttle {
    bytes_per_sec: u64,
    /// Until when the bytes that were let through have used up the allowance.
    paid_until: Mutex<Instant>,
}

impl Throttle {
    /// A limit of so many bytes a second, at least one.
    #[must_use]
    pub fn new(bytes_per_sec: u64) -> Self {
        Self {
            bytes_per_sec: bytes_per_sec.max(1),
            paid_until: Mutex::new(Instant::now()),
        }
    }

    /// Bytes a second.
    #[must_use]
    pub fn bytes_per_sec(&self) -> u64 {
        self.bytes_per_sec
    }

    /// The chunk in which bytes should be moved so that the pace is even.
    #[must_use]
    pub fn chunk(&self, most: usize) -> usize {
        usize::try_from(self.bytes_per_sec / 20)
            .unwrap_or(most)
            .clamp(512.min(most), most)
    }

    /// Books `bytes` and sleeps until they may pass.
    ///
    /// # Errors
    /// [`ObjectError::Stopped`] as soon as the meter says so.
    pub fn pass(&self, bytes: u64, meter: &Meter) -> Result<(), ObjectError> {
        rest(self.book(bytes), meter)
    }

    /// Books `bytes`; when more may pass.
    pub(super) fn book(&self, bytes: u64) -> Instant {
        let cost = Duration::from_secs_f64(bytes as f64 / self.bytes_per_sec as f64);
        let mut paid = self
            .paid_until
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let now = Instant::now();
        let floor = now.checked_sub(BURST).unwrap_or(now);
        *paid = (*paid).max(floor) + cost;
        *paid
    }
}

/// Waits until an instant without holding a thread.
///
/// # Errors
/// [`ObjectError::Stopped`] as soon as the meter says so.
pub async fn wait(until: Instant, meter: &Meter) -> Result<(), ObjectError> {
    loop {
        if meter.is_stopped() {
            return Err(ObjectError::Stopped);
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        tokio::time::sleep(left.min(SLICE)).await;
    }
}

/// Sleeps until an instant, on a thread that may block.
///
/// # Errors
/// [`ObjectError::Stopped`] as soon as the meter says so.
pub fn rest(until: Instant, meter: &Meter) -> Result<(), ObjectError> {
    loop {
        if meter.is_stopped() {
            return Err(ObjectError::Stopped);
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(SLICE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_holds_and_a_stop_is_heard() {
        let throttle = Throttle::new(1_000_000);
        let meter = Meter::default();
        let start = Instant::now();
        for _ in 0..6 {
            throttle.pass(50_000, &meter).unwrap();
        }
        // 300 kB at 1 MB/s, less the burst of 100 kB.
        assert!(start.elapsed() >= Duration::from_millis(190));
        meter.stop();
        let start = Instant::now();
        assert_eq!(throttle.pass(60_000_000, &meter), Err(ObjectError::Stopped));
        assert!(start.elapsed() < Duration::from_secs(1));
    }
}
