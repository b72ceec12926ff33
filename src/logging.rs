//! Logging: readable lines or JSON on stderr, filtered by `DIM_LOG`. Data goes to stdout, never through here. Lines that name a job
//! are kept for the job's page; and traces are sent where a collector is named.

mod job_lines;

use crate::adapters::inproc::untraced::Untraced;
use crate::adapters::otlp;
use crate::ports::Traces;
use job_lines::JobLines;
use std::sync::{Arc, OnceLock};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

/// As the log itself, there is one for a process.
static TRACES: OnceLock<Arc<dyn Traces>> = OnceLock::new();

/// Starts logging for the process. A second call changes nothing.
///
/// `filter` is in tracing's own syntax, such as `info` or `data_in_motion=debug`; one that cannot be read means `info`. `collector` is
/// where spans are sent to, such as `http://127.0.0.1:4318`; where that is not possible, the log says why, and the program goes on.
pub fn start(filter: &str, json: bool, collector: Option<&str>) {
    let exported = collector.map(otlp::start).transpose();
    let problem = exported.as_ref().err().cloned();
    let (traces, spans) = exported
        .ok()
        .flatten()
        .unwrap_or_else(|| (Arc::new(Untraced), None));
    let mut filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    // Lines are read without the spans that only traces show.
    if let Ok(quiet) = "dim_trace=off".parse() {
        filter = filter.add_directive(quiet);
    }
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false);
    let lines = if json {
        lines.json().with_filter(filter).boxed()
    } else {
        lines.with_filter(filter).boxed()
    };
    // The only possible failure is that logging was started already.
    if tracing_subscriber::registry()
        .with(spans)
        .with(lines)
        .with(JobLines.with_filter(LevelFilter::INFO))
        .try_init()
        .is_ok()
    {
        drop(TRACES.set(traces));
    }
    if let Some(problem) = problem {
        tracing::warn!(%problem, "no traces are sent to otlp_endpoint");
    }
}

/// Where the spans of this process are sent to.
#[must_use]
pub fn traces() -> Arc<dyn Traces> {
    TRACES.get().cloned().unwrap_or_else(|| Arc::new(Untraced))
}
