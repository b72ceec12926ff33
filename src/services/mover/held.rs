//! A job under a lease: what its holder may write, and how it hears that it must stop.
//!
//! Invariant: every write names the fence of the claim. When a row says that someone was newer, the answer is [`Halt::Lost`] and the
//! holder touches nothing more. The pulse keeps the lease alive and tells progress while bytes move.

use super::difference::Broken;
use super::failpoint::{Failpoints, Point};
use super::gauge::Gauge;
use super::pace::Pace;
use super::state::Shared;
use crate::adapters::sql::jobs::{self, JobRow};
use crate::adapters::sql::jobs_change::{self, Also, status_event};
use crate::adapters::sql::{StoreError, WriteTx, jobs_lease, jobs_samples};
use crate::domain::id::LocationId;
use crate::domain::migration::JobStatus;
use crate::domain::migration::limit::LimitScope;
use crate::domain::migration::machine::{self, JobState, Trigger};
use crate::domain::unit::Timestamp;
use crate::ports::bus::Topic;
use crate::ports::objects::{Gate, Meter, ObjectError, Prefix, Staging};
use crate::services::Deps;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::AbortHandle;

/// How long a silent mover keeps its job. Longer than any pause of a healthy process; short enough that a job is not stuck for
/// minutes when a machine dies.
const LEASE_SECS: i64 = 30;
/// How often live progress is offered.
const PULSE: Duration = Duration::from_millis(250);
/// Pulses between two stored figures: once a second.
const STORE_EVERY: u32 = 4;

/// How long a silent mover keeps its job, in microseconds.
pub(super) fn lease_micros(deps: &Deps) -> i64 {
    let secs = match deps.options.lease_secs {
        0 => LEASE_SECS,
        secs => secs,
    };
    secs.saturating_mul(1_000_000)
}

/// Pulses between two extensions of the lease: a third of it.
fn keep_every(deps: &Deps) -> u32 {
    let pulses = lease_micros(deps) / 3 / 250_000;
    u32::try_from(pulses).unwrap_or(u32::MAX).max(1)
}

/// Why a holder stops.
#[derive(Debug)]
pub(super) enum Halt {
    /// Someone was newer: nothing more may be touched.
    Lost,
    /// A person, or the end of the process, wants it to stop.
    Wished,
    /// The source is not what the manifest says; the text names an object.
    Changed(String),
    /// A store has given no sign of life for too long; what was asked of it may still happen.
    Hung(String),
    /// It cannot go on.
    Failed {
        /// Stable code.
        code: String,
        /// What happened, naming the object.
        reason: String,
    },
    /// The database could not be read or written.
    Store(StoreError),
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<ObjectError> for Halt {
    fn from(error: ObjectError) -> Self {
        match error {
            ObjectError::Stopped => Self::Wished,
            ObjectError::Hung(what) => Self::Hung(what),
            ObjectError::Changed(key) => Self::Changed(format!("the object {key:?} changed")),
            other => Self::failed(other.code(), other.to_string()),
        }
    }
}

impl From<Broken> for Halt {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Store(error) => error.into(),
            Broken::Place(error) => error.into(),
        }
    }
}

impl Halt {
    pub(super) fn failed(code: &str, reason: impl Into<String>) -> Self {
        Self::Failed {
            code: code.to_owned(),
            reason: reason.into(),
        }
    }
}

/// A job, and the right to work on it.
pub(super) struct Held {
    pub(super) deps: Deps,
    pub(super) points: Failpoints,
    pub(super) row: JobRow,
    pub(super) meter: Arc<Meter>,
    pub(super) gauge: Arc<Gauge>,
    /// Limits that each object passes before it is begun.
    pub(super) request_paces: Vec<Arc<Pace>>,
    paces: Arc<Shared>,
    pulse: AbortHandle,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.pulse.abort();
    }
}

impl Held {
    /// Begins to hold a job that was just claimed.
    pub(super) fn new(deps: Deps, row: JobRow, meter: Arc<Meter>, paces: Arc<Shared>) -> Self {
        let gauge = Arc::new(Gauge::new(meter.clone(), row.state.status));
        let points = deps.options.failpoints.clone();
        let pulse =
            tokio::spawn(pulse(deps.clone(), row.clone(), meter.clone(), gauge.clone())).abort_handle();
        let mut held = Self {
            deps,
            points,
            row,
            meter,
            gauge,
            request_paces: Vec::new(),
            paces,
            pulse,
        };
        held.reads_back();
        held
    }

    /// From here on bytes are read at the source and written to the target.
    pub(super) fn copies(&mut self) {
        let job = &self.row.job;
        self.pass_limits(&[job.source_location_id, job.target_location_id]);
    }

    /// From here on bytes are read at the target alone.
    pub(super) fn reads_back(&mut self) {
        self.pass_limits(&[self.row.job.target_location_id]);
    }

    /// What stands on both sides of a move is limited once.
    fn pass_limits(&mut self, locations: &[LocationId]) {
        let mut scopes = vec![LimitScope::Total, LimitScope::Job(self.row.job.id)];
        scopes.extend(locations.iter().map(|id| LimitScope::Location(*id)));
        scopes.sort_unstable();
        scopes.dedup();
        self.request_paces = scopes.iter().map(|scope| self.paces.paces.of(*scope)).collect();
        let gates = self
            .request_paces
            .iter()
            .map(|pace| pace.clone() as Arc<dyn Gate>);
        self.meter.set_gates(gates.collect());
    }

    pub(super) async fn pass(&self, point: Point) {
        self.points.pass(point).await;
    }

    /// The directory the data comes from.
    pub(super) fn source(&self) -> Result<Prefix, Halt> {
        let place = place(&self.row.source_root, &self.row.job.source_uri)?;
        Ok(place.encrypted(self.row.source_encryption.clone()))
    }

    /// The directory it goes to.
    pub(super) fn target(&self) -> Result<Prefix, Halt> {
        let place = place(&self.row.target_root, &self.row.job.target_uri)?;
        Ok(place.encrypted(self.row.target_encryption.clone()))
    }

    /// A staging area of this job.
    pub(super) fn staging(&self, number: i64) -> Result<Staging, Halt> {
        Ok(Staging {
            target: self.target()?,
            token: self.row.token.clone(),
            attempt: number,
            class: Some(self.row.job.target_class.clone()),
            verify: self.row.options.verify,
            may_share: !(self.row.options.replicate || self.row.options.keep_source),
        })
    }

    /// A transaction in which nobody can be newer until it ends.
    pub(super) async fn write(&self) -> Result<WriteTx, Halt> {
        let mut tx = self.deps.store.write().await?;
        if jobs_lease::stands(&mut tx, self.row.job.id, self.row.job.fence).await? {
            Ok(tx)
        } else {
            Err(Halt::Lost)
        }
    }

    /// Reads the row again; [`Halt::Lost`] when someone else holds the job.
    pub(super) async fn reload(&mut self) -> Result<(), Halt> {
        let mut conn = self.deps.store.reader().await?;
        match jobs::find(&mut conn, self.row.job.id).await? {
            Some(row) if row.job.fence == self.row.job.fence => {
                self.row = row;
                Ok(())
            }
            _ => Err(Halt::Lost),
        }
    }

    /// Asks the machine for a change and makes it, with what else `along` writes in the same transaction. A wish that arrived
    /// meanwhile is heard: the machine is asked again, and where it refuses the answer is [`Halt::Wished`].
    pub(super) async fn change(&mut self, trigger: Trigger, also: &Also) -> Result<JobState, Halt> {
        loop {
            let Ok(step) = machine::next(self.row.state, trigger) else {
                return Err(Halt::Wished);
            };
            let mut tx = self.deps.store.write().await?;
            let now = self.deps.clock.now();
            if let Some(row) = jobs_change::change(&mut tx, &self.row, &step.state, also, now).await? {
                tx.commit().await?;
                self.left_stage(now);
                self.row = row;
                self.announced();
                return Ok(step.state);
            }
            drop(tx);
            let seen = self.row.state;
            self.reload().await?;
            if self.row.state == seen {
                return Err(Halt::Lost);
            }
        }
    }

    fn left_stage(&self, now: Timestamp) {
        let took = u64::try_from(now.0 - self.row.job.updated_at.0).unwrap_or(0);
        let stage = self.row.state.status;
        self.deps.meter.stage_ended(stage, Duration::from_micros(took));
    }

    /// Wakes whoever looks at jobs and at the event log.
    pub(super) fn announced(&self) {
        self.deps.bus.nudge(Topic::Jobs);
        self.deps.live.nudge();
    }
}

fn place(
    root: &crate::domain::location::StorageUri,
    uri: &crate::domain::location::StorageUri,
) -> Result<Prefix, Halt> {
    Prefix::below(root, uri).ok_or_else(|| {
        Halt::failed(
            "unsafe_path",
            format!("{uri} does not lie below its location {root}"),
        )
    })
}

/// Tells progress, stores it, and keeps the lease alive until the holder lets go.
async fn pulse(deps: Deps, row: JobRow, meter: Arc<Meter>, gauge: Arc<Gauge>) {
    let mut beat = tokio::time::interval(PULSE);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut count, mut told) = (0_u32, None);
    let keep_every = keep_every(&deps);
    loop {
        beat.tick().await;
        count = count.wrapping_add(1);
        let (stage, progress) = gauge.look();
        if matches!(stage, JobStatus::Copying | JobStatus::Verifying) && gauge.has_moved() {
            let point = if stage == JobStatus::Copying {
                Point::Copying
            } else {
                Point::Verifying
            };
            deps.options.failpoints.pass(point).await;
            if told != Some((stage, progress)) {
                told = Some((stage, progress));
                let mut event = status_event(&row, deps.clock.now());
                event.status = stage;
                event.progress = progress;
                event.reason = None;
                deps.live.progress(event);
            }
            if count.is_multiple_of(STORE_EVERY) && !store(&deps, &row, stage, &progress).await {
                // The stage ended meanwhile, or someone was newer; the latter shows at the next extension of the lease.
                tracing::debug!(job = %row.job.id, "a figure came too late and is dropped");
            }
        }
        if count.is_multiple_of(keep_every) && !keep(&deps, &row).await {
            tracing::warn!(job = %row.job.id, "another mover has taken the job; this one stops");
            meter.stop();
            return;
        }
    }
}

async fn store(
    deps: &Deps,
    row: &JobRow,
    stage: JobStatus,
    progress: &crate::domain::migration::Progress,
) -> bool {
    let stored = async {
        let mut tx = deps.store.write().await?;
        let stored = jobs_lease::progress(&mut tx, row.job.id, row.job.fence, stage, progress).await?;
        if stored {
            jobs_samples::take(&mut tx, row.job.id, deps.clock.now(), progress).await?;
        }
        tx.commit().await?;
        Ok::<_, StoreError>(stored)
    };
    stored.await.unwrap_or(false)
}

/// `false` only when someone was newer: a database that is away for a moment does not end a move.
async fn keep(deps: &Deps, row: &JobRow) -> bool {
    let kept = async {
        let mut tx = deps.store.write().await?;
        let until = deps.clock.now().plus_micros(lease_micros(deps));
        let kept = jobs_lease::keep(&mut tx, row.job.id, row.job.fence, until).await?;
        tx.commit().await?;
        Ok::<_, StoreError>(kept)
    };
    match kept.await {
        Ok(kept) => kept,
        Err(problem) => {
            tracing::warn!(%problem, job = %row.job.id, "the lease could not be extended; trying again");
            true
        }
    }
}
