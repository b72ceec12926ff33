//! Prometheus' text form of what a recorder has counted.
//!
//! Must not know what is counted.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use std::time::Duration;

/// Upper bounds for times, in seconds: a cached page to a request that waits for the writer.
const SECONDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];
/// The same for the stages of a move, which may last a day.
const STAGE_SECONDS: [f64; 10] = [
    0.1, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0,
];
/// How often recorded times are folded into their buckets; without it they would pile up between two scrapes.
pub const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// A recorder of its own, and the handle that turns it into text.
#[must_use]
pub fn recorder() -> (PrometheusRecorder, PrometheusHandle) {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)
        .and_then(|builder| {
            let stages = Matcher::Full("dim_job_stage_duration_seconds".into());
            builder.set_buckets_for_metric(stages, &STAGE_SECONDS)
        })
        .unwrap_or_default()
        .build_recorder();
    let handle = recorder.handle();
    (recorder, handle)
}
