//! The role `mover`: takes jobs, hears wishes, does what is left over.
//!
//! Invariant: the loop takes no input. A start, a tick, a nudge and the end of a job all lead to the same look at the tables, so that
//! none of them can be missed. At most [`RUNNING_MAX`] jobs and one chore run at once.

use super::Mover;
use super::held::{Halt, Held, lease_micros};
use super::owner::Owner;
use super::{carry, clean, late, remove, retire, window};
use crate::adapters::sql::jobs::JobRow;
use crate::adapters::sql::jobs_change::Also;
use crate::adapters::sql::{
    StoreError, jobs_change, jobs_lease, jobs_objects, jobs_staging, jobs_switch, limits,
};
use crate::domain::id::{JobId, LocationId};
use crate::domain::migration::machine::{self, Trigger};
use crate::domain::migration::options::{PRIORITY_MAX, Window};
use crate::domain::migration::{Job, JobStatus};
use crate::domain::unit::Timestamp;
use crate::ports::bus::Topic;
use crate::ports::objects::Meter;
use crate::services::trace;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tracing::{Instrument as _, Span};

/// Jobs that one mover carries at once: two keep a disk busy while one of them verifies or switches.
pub(super) const RUNNING_MAX: usize = 2;
/// How long a wish of another process, or a lost wake-up, may go unseen. A cancel must be heard within two seconds.
const TICK: Duration = Duration::from_secs(1);
/// A job or a chore that met a fault of the database or of a store is left alone for this long.
const REST: Duration = Duration::from_secs(30);

/// What is left to do on the files of a job that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chore {
    /// Remove its staging areas.
    Clean,
    /// Remove a copy whose deletion has begun.
    Remove,
    /// Remove its retained source.
    Retire,
    /// Remove what was written after its staging areas were cleaned.
    Late,
}

/// How a job comes to be free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Free {
    /// Nobody holds it.
    Given,
    /// Its holder is known to be dead.
    Orphan,
    /// Its holder has been silent for too long and may still be alive.
    Expired,
}

/// A job in work.
struct Work {
    /// Stops it.
    meter: Arc<Meter>,
    /// What is done to it, when it has ended already.
    chore: Option<Chore>,
    /// Who does it.
    task: tokio::task::Id,
    /// When it may run.
    window: Option<Window>,
    /// Where it reads and writes.
    locations: [LocationId; 2],
}

/// The loop's own state.
struct Loop {
    mover: Mover,
    owner: Owner,
    tasks: JoinSet<(JobId, Result<(), Halt>)>,
    working: HashMap<JobId, Work>,
    resting: HashMap<JobId, Instant>,
    closing: bool,
}

impl Mover {
    /// Carries out jobs until `stop` resolves: the role `mover`. A job that runs then is given back and resumed by the next mover.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) {
        let mut stop = std::pin::pin!(stop);
        let owner = loop {
            match self.owner().await {
                Ok(owner) => break owner,
                Err(problem) => {
                    tracing::error!(
                        "the mover does not run: {problem}; trying again in {} s",
                        TICK.as_secs()
                    );
                    self.shared.doing().problem = Some(problem);
                }
            }
            tokio::select! {
                () = &mut stop => return,
                () = tokio::time::sleep(TICK) => {}
            }
        };
        self.shared.doing().owner = Some(owner.name().to_owned());
        let mut wakeups = self.deps.bus.listen(Topic::Jobs);
        let mut work = Loop {
            mover: self.clone(),
            owner,
            tasks: JoinSet::new(),
            working: HashMap::new(),
            resting: HashMap::new(),
            closing: false,
        };
        while !work.closing {
            work.look().await;
            tokio::select! {
                () = &mut stop => work.closing = true,
                () = wakeups.woken() => {}
                Some(ended) = work.tasks.join_next() => work.ended(ended),
                () = tokio::time::sleep(TICK) => {}
            }
        }
        work.close().await;
        *self.shared.doing() = super::state::Doing::default();
    }

    async fn owner(&self) -> Result<Owner, String> {
        let known = async {
            let mut conn = self.deps.store.reader().await?;
            jobs_lease::owners(&mut conn).await
        };
        let known = known.await.map_err(|problem| problem.to_string())?;
        let dir = self.deps.options.data_dir.clone();
        tokio::task::spawn_blocking(move || Owner::new(&dir, &known))
            .await
            .map_err(|problem| problem.to_string())?
            .map_err(|problem| format!("it cannot lock a name below the data directory: {problem}"))
    }
}

impl Loop {
    async fn look(&mut self) {
        let looked = async {
            self.hear_wishes().await?;
            self.hear_limits().await?;
            while self.running() < RUNNING_MAX && self.take_job().await? {}
            self.take_chore().await
        };
        let problem = looked.await.err();
        if let Some(problem) = &problem {
            tracing::warn!(%problem, "the mover cannot look at the jobs; trying again");
        }
        let mut doing = self.mover.shared.doing();
        doing.running = self.running();
        doing.problem = problem.map(|p| format!("the jobs cannot be looked at: {p}"));
    }

    fn running(&self) -> usize {
        self.working.values().filter(|work| work.chore.is_none()).count()
    }

    /// Tells holders of this process to stop when a person wants it.
    async fn hear_wishes(&self) -> Result<(), StoreError> {
        if self.working.is_empty() {
            return Ok(());
        }
        let mut conn = self.mover.deps.store.reader().await?;
        for id in jobs_lease::wishes(&mut conn, self.owner.name()).await? {
            if let Some(work) = self.working.get(&id).filter(|w| w.chore.is_none()) {
                work.meter.stop();
            }
        }
        Ok(())
    }

    /// Limits may have been changed by another process, and windows close by themselves.
    async fn hear_limits(&self) -> Result<(), StoreError> {
        let all = {
            let mut conn = self.mover.deps.store.reader().await?;
            limits::all(&mut conn).await?
        };
        self.mover.shared.paces.apply(&all);
        let now = self.mover.deps.clock.now();
        for work in self.working.values() {
            if closed(work.window.as_ref(), now).is_some() {
                work.meter.stop();
            }
        }
        Ok(())
    }

    /// How many running jobs read or write where this one would.
    fn neighbours(&self, row: &JobRow) -> usize {
        let job = &row.job;
        self.working
            .values()
            .filter(|work| work.chore.is_none())
            .filter(|work| {
                work.locations.contains(&job.source_location_id)
                    || work.locations.contains(&job.target_location_id)
            })
            .count()
    }

    /// Says on a job why it waits and until when, unless it says so already.
    async fn say_waiting(&self, row: &JobRow, window: &Window, opens: Timestamp) -> Result<(), StoreError> {
        let reason = format!(
            "waits for its window {:?} ({}), which opens at {opens}",
            window.cron, window.time_zone
        );
        if row.job.reason.as_deref() == Some(&reason) {
            return Ok(());
        }
        let mut tx = self.mover.deps.store.write().await?;
        let also = Also {
            reason: Some(reason),
            ..Also::default()
        };
        let now = self.mover.deps.clock.now();
        jobs_change::change(&mut tx, row, &row.state, &also, now).await?;
        tx.commit().await?;
        self.mover.deps.live.nudge();
        Ok(())
    }

    fn free(&self, row: &JobRow) -> Option<Free> {
        let rests = self
            .resting
            .get(&row.job.id)
            .is_some_and(|until| *until > Instant::now());
        if rests || self.working.contains_key(&row.job.id) {
            return None;
        }
        match row.job.owner.as_deref() {
            None => Some(Free::Given),
            // Of this mover itself, and not in work: its task ended without a word.
            Some(name) if name == self.owner.name() || self.owner.is_dead(name) => Some(Free::Orphan),
            Some(_) => {
                let now = self.mover.deps.clock.now();
                row.job
                    .lease_until
                    .is_none_or(|until| until < now)
                    .then_some(Free::Expired)
            }
        }
    }

    /// Takes the next job: those that were under way first. Whether it took one.
    async fn take_job(&mut self) -> Result<bool, StoreError> {
        let mut rows = {
            let mut conn = self.mover.deps.store.reader().await?;
            jobs_lease::claimable(&mut conn).await?
        };
        let now = self.mover.deps.clock.now();
        rows.sort_by_key(|row| {
            let queued = row.state.status == JobStatus::Queued;
            (
                queued,
                Reverse(urgency(row, now)),
                self.neighbours(row),
                row.job.id,
            )
        });
        for row in rows {
            let Some(free) = self.free(&row) else { continue };
            if row.state.wanted.is_none()
                && let Some(window) = &row.options.window
                && let Some(opens) = closed(Some(window), now)
            {
                self.say_waiting(&row, window, opens).await?;
                continue;
            }
            let Ok(step) = machine::next(row.state, Trigger::Claim) else {
                continue;
            };
            if let Some(row) = self.claim(&row, &step.state, free).await? {
                self.begin(row, None);
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn claim(
        &self,
        seen: &JobRow,
        to: &machine::JobState,
        free: Free,
    ) -> Result<Option<JobRow>, StoreError> {
        let now = self.mover.deps.clock.now();
        let waited = seen.state.status == JobStatus::Queued;
        let reason = match free {
            _ if waited => None,
            Free::Given | Free::Orphan => Some("taken up where the last mover left it".to_owned()),
            Free::Expired => Some(
                "taken over from a mover that fell silent; copied again beside what that one may still write"
                    .to_owned(),
            ),
        };
        let mut tx = self.mover.deps.store.write().await?;
        let claim = jobs_lease::Claim {
            owner: self.owner.name(),
            lease_until: now.plus_micros(lease_micros(&self.mover.deps)),
            to,
            new_staging: free == Free::Expired,
            reason,
            now,
        };
        let claimed = jobs_lease::claim(&mut tx, seen, &claim).await?;
        if claimed.is_some() && waited {
            jobs_objects::forget_verified(&mut tx, seen.job.id).await?;
        }
        tx.commit().await?;
        if claimed.is_some() {
            self.mover.deps.live.nudge();
        }
        Ok(claimed)
    }

    /// Takes one thing that is left to do, unless one is in work.
    async fn take_chore(&mut self) -> Result<(), StoreError> {
        if self.working.values().any(|work| work.chore.is_some()) {
            return Ok(());
        }
        let now = self.mover.deps.clock.now();
        let mut found = Vec::new();
        {
            let mut conn = self.mover.deps.store.reader().await?;
            for row in jobs_switch::to_remove(&mut conn).await? {
                found.push((Chore::Remove, row));
            }
            for row in jobs_staging::to_clean(&mut conn, now).await? {
                found.push((Chore::Clean, row));
            }
            for row in jobs_switch::to_retire(&mut conn, now).await? {
                found.push((Chore::Retire, row));
            }
            for row in jobs_staging::to_look_again(&mut conn, now).await? {
                found.push((Chore::Late, row));
            }
        }
        for (chore, row) in found {
            if self.free(&row).is_none() {
                continue;
            }
            let mut tx = self.mover.deps.store.write().await?;
            let until = now.plus_micros(lease_micros(&self.mover.deps));
            let held = jobs_lease::hold(&mut tx, &row, self.owner.name(), until).await?;
            tx.commit().await?;
            if let Some(row) = held {
                self.begin(row, Some(chore));
                return Ok(());
            }
        }
        Ok(())
    }

    /// Works on a job that was just taken.
    fn begin(&mut self, row: JobRow, chore: Option<Chore>) {
        let (id, meter) = (row.job.id, Arc::new(Meter::default()));
        let window = row.options.window.clone().filter(|_| chore.is_none());
        let locations = [row.job.source_location_id, row.job.target_location_id];
        let (span, deps) = (span_of(&row.job, chore), self.mover.deps.clone());
        let held = Held::new(deps.clone(), row, meter.clone(), self.mover.shared.clone());
        let task = self.tasks.spawn(async move {
            if let Err(problem) = trace::join_job(&deps, &span, id).await {
                tracing::debug!(job = %id, %problem, "its work is a trace of its own");
            }
            let work = async {
                match chore {
                    None => Box::pin(carry::carry(held)).await,
                    Some(chore) => Box::pin(do_chore(held, chore)).await,
                }
            };
            (id, work.instrument(span).await)
        });
        let task = task.id();
        let work = Work {
            meter,
            chore,
            task,
            window,
            locations,
        };
        self.working.insert(id, work);
        self.mover.shared.doing().running = self.running();
    }

    fn ended(&mut self, ended: Result<(JobId, Result<(), Halt>), tokio::task::JoinError>) {
        match ended {
            Ok((id, result)) => {
                self.working.remove(&id);
                if let Err(problem) = result {
                    tracing::warn!(job = %id, ?problem, "left alone for {} s", REST.as_secs());
                    self.resting.insert(id, Instant::now() + REST);
                }
            }
            Err(panic) => {
                tracing::error!(%panic, "a job's task ended unexpectedly; its job is looked at afresh");
                self.working.retain(|_, work| work.task != panic.id());
            }
        }
        self.resting.retain(|_, until| *until > Instant::now());
    }

    /// Stops everything and waits until it is given back.
    async fn close(&mut self) {
        for work in self.working.values() {
            work.meter.stop();
        }
        while let Some(ended) = self.tasks.join_next().await {
            self.ended(ended);
        }
    }
}

/// What a trace shows of the work on a job.
fn span_of(job: &Job, chore: Option<Chore>) -> Span {
    let name = match chore {
        None => "move",
        Some(Chore::Clean) => "clean up",
        Some(Chore::Remove) => "remove a copy",
        Some(Chore::Retire) => "retire the source",
        Some(Chore::Late) => "look for late writes",
    };
    tracing::info_span!(
        target: "dim_trace",
        "job",
        otel.name = name,
        otel.kind = "consumer",
        job.id = %job.id,
        dataset.id = %job.dataset_id,
        job.source = %job.source_uri,
        job.target = %job.target_uri,
    )
}

/// When a window that is closed now opens.
fn closed(window: Option<&Window>, now: Timestamp) -> Option<Timestamp> {
    window.and_then(|window| window::opens_at(window, now))
}

/// The priority, and one more for each hour of waiting, so that nobody waits for ever.
fn urgency(row: &JobRow, now: Timestamp) -> i64 {
    let waited = now.since(row.job.updated_at) / Timestamp::HOUR;
    row.options.priority + waited.clamp(0, 2 * PRIORITY_MAX)
}

async fn do_chore(mut held: Held, chore: Chore) -> Result<(), Halt> {
    let done = match chore {
        Chore::Clean => clean::staging(&held).await.map(|kept| {
            if !kept.is_empty() {
                tracing::warn!(job = %held.row.job.id, ?kept, "not made by this job, so it stays");
            }
        }),
        Chore::Remove => remove::resumed(&mut held).await,
        Chore::Retire => retire::retire(&mut held).await,
        Chore::Late => late::look(&held).await,
    };
    match done {
        Err(Halt::Lost) => return Ok(()),
        Err(Halt::Wished) | Ok(()) => {
            carry::give_back(&held).await;
            return Ok(());
        }
        Err(_) => carry::give_back(&held).await,
    }
    done
}
