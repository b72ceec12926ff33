//! Keeps the lines of the log that name a job for the job's page.

use crate::domain::id::JobId;
use crate::domain::unit::Timestamp;
use crate::services::job_log;
use std::fmt::{Debug, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

/// Keeps the lines that have a field `job`.
pub(super) struct JobLines;

impl<S: Subscriber> Layer<S> for JobLines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().fields().field("job").is_none() {
            return;
        }
        let mut seen = Seen::default();
        event.record(&mut seen);
        let Some(job) = seen.job else { return };
        let level = event.metadata().level().as_str().to_ascii_lowercase();
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at = Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX));
        job_log::keep(job, at, &level, format!("{}{}", seen.message, seen.rest).trim());
    }
}

/// What an event says: its job, its message, and its other fields.
#[derive(Default)]
struct Seen {
    job: Option<JobId>,
    message: String,
    rest: String,
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a String cannot fail.
        let _ = match field.name() {
            "job" => {
                self.job = format!("{value:?}").parse().ok();
                Ok(())
            }
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.rest, "; {name}: {value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::registry;

    #[test]
    fn a_line_that_names_a_job_is_kept_for_its_page_and_others_are_not() {
        let job = JobId(987_654_321);
        tracing::subscriber::with_default(registry().with(JobLines), || {
            tracing::warn!(%job, width = 8, "the store asks for less");
            tracing::warn!("nothing of a job");
            tracing::info!(job = "no number", "of no job");
        });
        let kept = job_log::of(job);
        assert_eq!(kept.len(), 1, "{kept:?}");
        assert_eq!(
            (kept[0].level.as_str(), kept[0].text.as_str()),
            ("warn", "the store asks for less; width: 8")
        );
    }
}
