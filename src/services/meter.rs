//! Figures about this process: what is counted while it works, and what is looked up when somebody asks.
//!
//! Invariant: names begin with `dim_`, units are base units (seconds, bytes), counters only rise. Each application has a recorder of
//! its own, so two in one process do not mix. Knows no protocol; an adapter turns figures into text.

use super::{Deps, ServiceResult, relay};
use crate::adapters::sql::{jobs_list, overview, recommendations};
use crate::domain::id::LocationId;
use crate::domain::migration::JobStatus;
use crate::domain::recommendation::Action;
use crate::domain::unit::{Bytes, NanoUsd};
use metrics::{
    Recorder, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
    with_local_recorder,
};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Turns what was recorded into text.
pub type Render = Arc<dyn Fn() -> String + Send + Sync>;

/// Where figures are recorded. Cheap to clone.
#[derive(Clone)]
pub struct Meter {
    recorder: Arc<dyn Recorder + Send + Sync>,
    render: Render,
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meter")
    }
}

impl Meter {
    /// Over a recorder and its text form.
    #[must_use]
    pub fn new(recorder: Arc<dyn Recorder + Send + Sync>, render: Render) -> Self {
        let meter = Self { recorder, render };
        meter.with(describe);
        meter
    }

    /// One that records nothing, for parts that run without a server.
    #[must_use]
    pub fn off() -> Self {
        Self::new(Arc::new(metrics::NoopRecorder), Arc::new(String::new))
    }

    fn with<T>(&self, record: impl FnOnce() -> T) -> T {
        with_local_recorder(&*self.recorder, record)
    }

    /// A request was answered.
    pub fn request(&self, method: &str, route: &str, status: u16, took: Duration) {
        self.with(|| {
            let (method, route) = (method.to_owned(), route.to_owned());
            let status = status.to_string();
            counter!("dim_http_requests_total", "method" => method.clone(), "route" => route.clone(), "status" => status)
                .increment(1);
            histogram!("dim_http_request_duration_seconds", "method" => method, "route" => route).record(took);
        });
    }

    /// A request is being answered until this is dropped.
    #[must_use]
    pub fn request_in_flight(&self) -> InFlight {
        let gauge = self.with(|| gauge!("dim_http_requests_in_flight"));
        gauge.increment(1);
        InFlight(gauge)
    }

    /// A connection was refused because there were too many.
    pub fn connection_refused(&self) {
        self.with(|| counter!("dim_connections_refused_total").increment(1));
    }

    /// Access events were taken in: counted, known before, or refused.
    pub fn ingested(&self, accepted: i64, duplicate: i64, rejected: i64) {
        self.with(|| {
            for (result, count) in [
                ("accepted", accepted),
                ("duplicate", duplicate),
                ("rejected", rejected),
            ] {
                counter!("dim_ingest_events_total", "result" => result)
                    .increment(u64::try_from(count).unwrap_or(0));
            }
        });
    }

    /// Bytes of objects were copied from one location to another and made durable.
    pub fn copied(&self, source: LocationId, target: LocationId, bytes: Bytes) {
        let (source, target) = (source.to_string(), target.to_string());
        self.with(|| {
            counter!("dim_copied_bytes_total", "source" => source, "target" => target).increment(bytes.0)
        });
    }

    /// A job left a stage after this time.
    pub fn stage_ended(&self, stage: JobStatus, took: Duration) {
        self.with(|| histogram!("dim_job_stage_duration_seconds", "stage" => stage.as_str()).record(took));
    }

    /// A store asked for less, so fewer objects are worked on at once.
    pub fn crowd_cut(&self) {
        self.with(|| counter!("dim_mover_backoffs_total").increment(1));
    }

    /// How many objects of a job may be worked on at once, by where it writes.
    pub fn objects_at_once(&self, location: LocationId, count: usize) {
        let location = location.to_string();
        self.with(|| gauge!("dim_mover_objects_at_once", "location" => location).set(count as f64));
    }

    /// Messages about the event log were sent to the broker.
    pub fn relayed(&self, count: usize) {
        self.with(|| counter!("dim_relay_messages_total").increment(count as u64));
    }

    /// Events were deleted from the log before the broker was told of them.
    pub fn relay_missed(&self, count: i64) {
        self.with(|| counter!("dim_relay_missed_events_total").increment(u64::try_from(count).unwrap_or(0)));
    }

    /// A batch of messages was not counted, since another process had counted part of it.
    pub fn overtaken(&self) {
        self.with(|| counter!("dim_consumer_overtaken_total").increment(1));
    }

    /// Messages that cannot be counted were put aside.
    pub fn buried(&self, topic: &'static str, count: usize) {
        self.with(|| counter!("dim_dead_letters_total", "topic" => topic).increment(count as u64));
    }

    /// An object that was read back did not have the content that was copied.
    pub fn verify_failed(&self) {
        self.with(|| counter!("dim_verify_failures_total").increment(1));
    }
}

/// Counts down when dropped.
pub struct InFlight(metrics::Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

fn describe() {
    describe_counter!(
        "dim_http_requests_total",
        "Requests answered, by route template and status."
    );
    describe_histogram!(
        "dim_http_request_duration_seconds",
        "Time until an answer began, in seconds."
    );
    describe_gauge!("dim_http_requests_in_flight", "Requests being answered now.");
    describe_counter!(
        "dim_connections_refused_total",
        "Connections refused because the limit was reached."
    );
    describe_counter!(
        "dim_ingest_events_total",
        "Access events taken in: accepted, duplicate or rejected."
    );
    describe_counter!(
        "dim_copied_bytes_total",
        "Bytes of objects copied and made durable by this process, by the ids of the locations."
    );
    describe_counter!(
        "dim_verify_failures_total",
        "Objects whose content differed when read back."
    );
    describe_counter!(
        "dim_mover_backoffs_total",
        "Times that a store asked for less (429, 503, very slow answers) and the mover halved what it does at once."
    );
    describe_gauge!(
        "dim_mover_objects_at_once",
        "Objects that the last job may work on at once, by target location."
    );
    describe_counter!(
        "dim_relay_messages_total",
        "Messages about the event log that this process sent to the broker."
    );
    describe_counter!(
        "dim_relay_missed_events_total",
        "Events deleted from the log before the broker was told of them."
    );
    describe_counter!(
        "dim_consumer_overtaken_total",
        "Batches of messages that were not counted because another process had counted part of them."
    );
    describe_counter!(
        "dim_dead_letters_total",
        "Messages that cannot be counted, sent to the topic for dead letters."
    );
    describe_gauge!(
        "dim_broker_up",
        "1 while the broker answers this process, else 0; absent without one."
    );
    describe_gauge!(
        "dim_outbox_pending_events",
        "Events of jobs in the log that the broker was not told of yet."
    );
    describe_gauge!(
        "dim_relay_lag_seconds",
        "How long the oldest event that the broker was not told of has waited, in seconds."
    );
    describe_gauge!(
        "dim_consumer_lag_messages",
        "Messages of a partition that this process reads which are not counted yet."
    );
    describe_histogram!(
        "dim_job_stage_duration_seconds",
        "How long a job carried by this process was in a stage, in seconds."
    );
    describe_gauge!("dim_recommendations", "Recommendations by action.");
    describe_gauge!(
        "dim_open_saving_usd",
        "What the open recommendations to move would save in 30 days, in US dollars."
    );
    describe_gauge!(
        "dim_monthly_cost_usd",
        "Estimated cost of what stands there for 30 days, in US dollars, where it is known."
    );
    describe_gauge!(
        "dim_stored_bytes",
        "Bytes of the datasets that are served from there."
    );
    describe_gauge!("dim_datasets", "Datasets that are served from there.");
    describe_gauge!("dim_event_log_seq", "Last number of the event log.");
    describe_gauge!("dim_live_clients", "Clients of the live channel.");
    describe_gauge!("dim_jobs", "Migration jobs by status.");
    describe_gauge!("dim_build_info", "Always 1; the label names the version.");
    describe_gauge!(
        "dim_process_start_time_seconds",
        "When the process started, in seconds since 1970."
    );
    // Counters without labels are there from the start, so that a rate has something to begin from.
    counter!("dim_connections_refused_total").absolute(0);
    counter!("dim_verify_failures_total").absolute(0);
    counter!("dim_mover_backoffs_total").absolute(0);
    for result in ["accepted", "duplicate", "rejected"] {
        counter!("dim_ingest_events_total", "result" => result).absolute(0);
    }
    gauge!("dim_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1);
}

fn usd(money: NanoUsd) -> f64 {
    money.0 as f64 / 1e9
}

/// Every figure as text. Cheap to clone.
#[derive(Clone)]
pub struct Figures {
    deps: Deps,
    started_secs: f64,
}

impl Figures {
    /// Over these parts; the process counts as started now.
    #[must_use]
    pub fn new(deps: &Deps) -> Self {
        Self {
            deps: deps.clone(),
            started_secs: deps.clock.now().0 as f64 / 1e6,
        }
    }

    /// Looks up what is not counted along the way, and gives everything.
    ///
    /// # Errors
    /// Database faults.
    pub async fn text(&self) -> ServiceResult<String> {
        let seq = self.deps.live.bounds().await?.last;
        let (by_action, shares, open);
        let by_status = {
            let mut conn = self.deps.store.reader().await?;
            by_action = recommendations::counts_by_action(&mut conn).await?;
            shares = overview::shares(&mut conn).await?;
            open = overview::found(&mut conn, self.deps.clock.now()).await?;
            jobs_list::counts_by_status(&mut conn).await?
        };
        let clients = self.deps.live.subscribers();
        let waiting = relay::waiting(&self.deps).await?;
        let broker = self.deps.streams.as_ref().map(|streams| streams.state());
        self.deps.meter.with(|| {
            gauge!("dim_event_log_seq").set(seq as f64);
            gauge!("dim_live_clients").set(clients as f64);
            if let Some(broker) = &broker {
                gauge!("dim_broker_up").set(if broker.problem.is_none() { 1.0 } else { 0.0 });
                gauge!("dim_outbox_pending_events").set(waiting.events as f64);
                gauge!("dim_relay_lag_seconds").set(waiting.oldest_secs as f64);
                for lag in &broker.lag {
                    let labels = [
                        ("topic", lag.topic.clone()),
                        ("partition", lag.partition.to_string()),
                    ];
                    gauge!("dim_consumer_lag_messages", &labels).set(lag.messages as f64);
                }
            }
            gauge!("dim_process_start_time_seconds").set(self.started_secs);
            gauge!("dim_open_saving_usd").set(usd(open.saving));
            for action in [Action::Stay, Action::Move, Action::NoHistory] {
                let count = by_action.get(action.as_str()).copied().unwrap_or(0);
                gauge!("dim_recommendations", "action" => action.as_str()).set(count as f64);
            }
            for share in &shares {
                let labels = [
                    ("location", share.location_name.to_string()),
                    ("class", share.storage_class.to_string()),
                ];
                gauge!("dim_datasets", &labels).set(share.dataset_count as f64);
                gauge!("dim_stored_bytes", &labels).set(share.size_bytes.0 as f64);
                if let Some(cost) = share.monthly_cost_nanousd {
                    gauge!("dim_monthly_cost_usd", &labels).set(usd(cost));
                }
            }
            for status in JobStatus::ALL {
                let count = by_status.get(status.as_str()).copied().unwrap_or(0);
                gauge!("dim_jobs", "status" => status.as_str()).set(count as f64);
            }
        });
        Ok((self.deps.meter.render)())
    }
}
