//! How far a stage is: counted from what is durable and what the meter saw, never estimated.
//!
//! Invariant: within a stage the figures never go backwards, and at its end they are exactly the sums of the manifest.

use crate::domain::migration::{JobStatus, Progress};
use crate::domain::unit::Bytes;
use crate::ports::objects::Meter;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The rate is that of the last seconds: long enough to smooth an fsync, short enough to show a stall.
const WINDOW: Duration = Duration::from_secs(5);
/// A rate over less time than this would be noise.
const WINDOW_MIN: Duration = Duration::from_millis(200);

/// The present stage of one running job.
#[derive(Debug)]
pub(super) struct Gauge {
    meter: Arc<Meter>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    stage: JobStatus,
    objects_total: i64,
    bytes_total: u64,
    /// What was durable when the stage or its present pass began, and what has become durable since.
    objects_done: i64,
    bytes_before: u64,
    bytes_recorded: u64,
    /// What the meter showed when the pass began.
    meter_before: u64,
    /// The most that was ever shown in this stage.
    shown: u64,
    samples: VecDeque<(Instant, u64)>,
}

impl Gauge {
    pub(super) fn new(meter: Arc<Meter>, stage: JobStatus) -> Self {
        Self {
            meter,
            inner: Mutex::new(Inner {
                stage,
                objects_total: 0,
                bytes_total: 0,
                objects_done: 0,
                bytes_before: 0,
                bytes_recorded: 0,
                meter_before: 0,
                shown: 0,
                samples: VecDeque::new(),
            }),
        }
    }

    /// A pass begins: so much of so much is durable already.
    pub(super) fn begin(&self, stage: JobStatus, done: (i64, Bytes), total: (i64, Bytes)) {
        let mut inner = self.inner();
        let meter = self.meter.bytes();
        *inner = Inner {
            stage,
            objects_total: total.0,
            bytes_total: total.1.0,
            objects_done: done.0,
            bytes_before: done.1.0,
            bytes_recorded: 0,
            meter_before: meter,
            shown: done.1.0,
            samples: VecDeque::from([(Instant::now(), meter)]),
        };
    }

    /// Objects have become durable.
    pub(super) fn record(&self, objects: i64, bytes: Bytes) {
        let mut inner = self.inner();
        inner.objects_done += objects;
        inner.bytes_recorded += bytes.0;
    }

    /// Looks at the meter; the stage, and how far it is.
    pub(super) fn look(&self) -> (JobStatus, Progress) {
        self.look_at(Instant::now())
    }

    fn look_at(&self, now: Instant) -> (JobStatus, Progress) {
        let mut inner = self.inner();
        let meter = self.meter.bytes();
        inner.samples.push_back((now, meter));
        while inner.samples.len() > 2 && now.saturating_duration_since(inner.samples[1].0) >= WINDOW {
            inner.samples.pop_front();
        }
        let metered = meter.saturating_sub(inner.meter_before).max(inner.bytes_recorded);
        let all_recorded = inner.objects_done >= inner.objects_total;
        let bytes = if all_recorded {
            inner.bytes_total
        } else {
            (inner.bytes_before + metered).min(inner.bytes_total)
        };
        inner.shown = inner.shown.max(bytes);
        let rate = inner.rate(now, meter);
        let left = i64::try_from(inner.bytes_total.saturating_sub(inner.shown)).unwrap_or(i64::MAX);
        let progress = Progress {
            objects_done: inner.objects_done,
            objects_total: inner.objects_total,
            bytes_done: Bytes(inner.shown),
            bytes_total: Bytes(inner.bytes_total),
            bytes_per_sec: rate,
            eta_secs: Progress::eta(left, rate),
        };
        (inner.stage, progress)
    }

    /// Whether bytes have moved in this pass.
    pub(super) fn has_moved(&self) -> bool {
        self.meter.bytes() > self.inner().meter_before
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Figures are valid between any two statements, so a panic elsewhere does not spoil them.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn rate(&self, now: Instant, meter: u64) -> i64 {
        let Some((then, before)) = self.samples.front() else {
            return 0;
        };
        let span = now.saturating_duration_since(*then);
        if span < WINDOW_MIN {
            return 0;
        }
        (meter.saturating_sub(*before) as f64 / span.as_secs_f64()) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_rise_and_end_exactly() {
        let meter = Arc::new(Meter::default());
        let gauge = Gauge::new(meter.clone(), JobStatus::Copying);
        gauge.begin(JobStatus::Copying, (1, Bytes(100)), (3, Bytes(1000)));
        let start = Instant::now();
        let at = |secs: u64| gauge.look_at(start + Duration::from_secs(secs)).1;
        assert_eq!((at(0).bytes_done, at(0).objects_done), (Bytes(100), 1));
        meter.add(500);
        assert_eq!(at(1).bytes_done, Bytes(600));
        assert!(
            (480..=500).contains(&at(1).bytes_per_sec),
            "{}",
            at(1).bytes_per_sec
        );
        assert_eq!(at(1).eta_secs, Some(1));
        // An object broke after 300 bytes and is read again: the figure waits, it does not pass the total.
        meter.add(700);
        assert_eq!(at(2).bytes_done, Bytes(1000));
        gauge.record(2, Bytes(900));
        assert_eq!((at(3).bytes_done, at(3).objects_done), (Bytes(1000), 3));
        assert_eq!(at(60).bytes_per_sec, 0, "nothing moved in the last seconds");
        assert_eq!(at(60).eta_secs, None);
    }
}
