//! What the live connection has said since the page was drawn, as signals that parts follow.
//!
//! Invariant: a view drawn on the server needs none of this; what it says only replaces what the view already shows. Memory is
//! bounded: one signal for each job on the page. Next: `socket.rs`, the one connection of a tab.

#[cfg(feature = "browser")]
mod socket;

#[cfg(not(feature = "browser"))]
#[path = "socket_absent.rs"]
mod socket;

pub mod batch;

use crate::domain::event::JobStatusEvent;
use crate::domain::id::{DatasetId, JobId};
use crate::domain::migration::machine::{JobState, Wanted};
use crate::domain::migration::{Job, JobStatus};
use crate::ui::browser;
use batch::{Batch, Place};
use leptos::prelude::*;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

/// How the connection is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// Not made yet.
    #[default]
    Connecting,
    /// Every change arrives.
    Live,
    /// Lost; tries again by itself.
    Reconnecting,
    /// The visitor holds it.
    Paused,
}

/// What makes a page out of date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Follow {
    /// Nothing that is told.
    #[default]
    Nothing,
    /// A job's stage.
    Stages,
    /// A stage or a recommendation.
    Advice,
    /// A stage, a recommendation or an access.
    Everything,
    /// Whatever happens to a dataset.
    Dataset(DatasetId),
}

impl Follow {
    /// As a page names it: `stages`, `advice`, `everything`, `dataset:7`.
    #[must_use]
    pub fn read(word: &str) -> Self {
        match word.split_once(':') {
            Some(("dataset", id)) => id
                .parse()
                .map_or(Self::Nothing, |id| Self::Dataset(DatasetId(id))),
            _ if word == "stages" => Self::Stages,
            _ if word == "advice" => Self::Advice,
            _ if word == "everything" => Self::Everything,
            _ => Self::Nothing,
        }
    }
}

struct Watched {
    last: ArcRwSignal<Option<JobStatusEvent>>,
    watchers: usize,
}

/// The live state of this tab, in every part's context.
#[derive(Clone, Copy)]
pub struct Live {
    link: RwSignal<Link>,
    heard_at: RwSignal<Option<i64>>,
    jobs: StoredValue<HashMap<JobId, Watched>>,
    stages: RwSignal<u64>,
    advice: RwSignal<u64>,
    accesses: RwSignal<i64>,
    touched: RwSignal<BTreeSet<DatasetId>>,
    afresh: RwSignal<u64>,
}

impl Live {
    /// Gives the state of this tab's connection to every part below.
    pub fn provide() {
        let live = Self {
            link: RwSignal::new(Link::default()),
            heard_at: RwSignal::new(None),
            jobs: StoredValue::new(HashMap::new()),
            stages: RwSignal::new(0),
            advice: RwSignal::new(0),
            accesses: RwSignal::new(0),
            touched: RwSignal::new(BTreeSet::new()),
            afresh: RwSignal::new(0),
        };
        provide_context(live);
    }

    /// Makes the connection (in a browser): from the place in the log at which the page was drawn, so that nothing between is missed.
    pub fn start(self, drawn_at: Option<(String, i64)>) {
        let place = drawn_at.map_or_else(Place::default, |(log, seq)| Place { log, seq: Some(seq) });
        Effect::new(move |_| socket::start(self, place.clone()));
    }

    /// The live state of this tab.
    #[must_use]
    pub fn get() -> Self {
        expect_context()
    }

    /// How the connection is.
    #[must_use]
    pub fn link(self) -> Link {
        self.link.get()
    }

    /// Unix seconds of the last message.
    #[must_use]
    pub fn heard_at(self) -> Option<i64> {
        self.heard_at.get()
    }

    /// Holds the connection, or lets it go on.
    pub fn toggle(self) {
        if self.link.get_untracked() == Link::Paused {
            socket::resume();
        } else {
            socket::pause();
        }
    }

    /// The last that was heard of a job while some part watches it.
    #[must_use]
    pub fn watch(self, id: JobId) -> ArcRwSignal<Option<JobStatusEvent>> {
        let last = self
            .jobs
            .try_update_value(|jobs| {
                let watched = jobs.entry(id).or_insert_with(|| Watched {
                    last: ArcRwSignal::new(None),
                    watchers: 0,
                });
                watched.watchers += 1;
                watched.last.clone()
            })
            .unwrap_or_else(|| ArcRwSignal::new(None));
        on_cleanup(move || {
            self.jobs.try_update_value(|jobs| {
                if let Some(watched) = jobs.get_mut(&id) {
                    watched.watchers -= 1;
                    if watched.watchers == 0 {
                        jobs.remove(&id);
                    }
                }
            });
        });
        last
    }

    /// A job with whatever was heard of it since it was fetched.
    #[must_use]
    pub fn job(self, fetched: Signal<Job>) -> Signal<Job> {
        let last = self.watch(fetched.with_untracked(|j| j.id));
        Memo::new(move |_| {
            let mut job = fetched.get();
            last.with(|event| {
                if let Some(event) = event {
                    overlay(&mut job, event);
                }
            });
            job
        })
        .into()
    }

    /// Runs `then` after a job anywhere has changed its stage, and after a gap; at most once in `every`.
    pub fn on_stage(self, every: Duration, then: impl Fn() + Copy + 'static) {
        let (stages, afresh) = (self.stages, self.afresh);
        on_rise(move || stages.get() + afresh.get(), every, then);
    }

    /// Runs `then` after what a page follows has happened, and when everything is to be looked at again; at most once in `every`.
    pub fn on_follow(self, follow: RwSignal<Follow>, every: Duration, then: impl Fn() + Copy + 'static) {
        let Self {
            stages,
            afresh,
            advice,
            touched,
            accesses,
            ..
        } = self;
        let seen = StoredValue::new(0_u64);
        let count = move || {
            let (stages, advice, afresh) = (stages.get(), advice.get(), afresh.get());
            let touched = touched.get();
            match follow.get_untracked() {
                Follow::Nothing => afresh,
                Follow::Stages => afresh + stages,
                Follow::Advice => afresh + stages + advice,
                Follow::Everything => afresh + stages + advice + accesses.get().unsigned_abs(),
                Follow::Dataset(id) => {
                    if touched.contains(&id) {
                        seen.update_value(|n| *n += 1);
                    }
                    afresh + stages + seen.get_value()
                }
            }
        };
        on_rise(count, every, then);
    }

    /// Makes whatever follows the live state look again: something was changed from this page.
    pub fn look_again(self) {
        self.afresh.update(|n| *n += 1);
    }

    fn set_link(self, link: Link) {
        if self.link.get_untracked() != link {
            self.link.set(link);
        }
    }

    /// Everything that arrived since the last frame, at once.
    fn apply(self, batch: Batch) {
        if let Some(at) = batch.heard_at {
            self.heard_at.set(Some(at));
        }
        for (id, event) in batch.jobs {
            let last = self
                .jobs
                .try_with_value(|jobs| jobs.get(&id).map(|w| w.last.clone()))
                .flatten();
            if let Some(last) = last
                && last.with_untracked(|l| l.as_ref().is_none_or(|l| l.seq <= event.seq))
            {
                last.set(Some(event));
            }
        }
        if batch.stages > 0 {
            self.stages.update(|n| *n += batch.stages);
        }
        if batch.advice > 0 {
            self.advice.update(|n| *n += batch.advice);
        }
        if !batch.touched.is_empty() {
            self.touched.set(batch.touched);
        }
        if batch.accesses > 0 {
            self.accesses.update(|n| *n += batch.accesses);
        }
        if batch.afresh {
            self.afresh.update(|n| *n += 1);
        }
    }
}

/// Runs `then` when a count has risen: at once, then at most once in `every`, and never loses the last rise.
fn on_rise(count: impl Fn() -> u64 + 'static, every: Duration, then: impl Fn() + Copy + 'static) {
    let waiting = StoredValue::new(false);
    let last = StoredValue::new(None::<f64>);
    Effect::new(move |before: Option<u64>| {
        let now = count();
        if before.is_none_or(|b| b == now) || waiting.get_value() {
            return now;
        }
        let run = move || {
            // A page that was left in the meantime has nothing to refresh.
            if waiting.try_set_value(false).is_none() {
                last.set_value(Some(browser::monotonic_ms()));
                then();
            }
        };
        let passed = last
            .get_value()
            .map_or(f64::INFINITY, |at| browser::monotonic_ms() - at);
        let every_ms = every.as_secs_f64() * 1000.0;
        waiting.set_value(true);
        // A short wait at least: changes come in bursts, and the server has the whole burst by then.
        set_timeout(
            run,
            Duration::from_millis((every_ms - passed).clamp(60.0, every_ms) as u64),
        );
        now
    });
}

/// Puts what was heard of a job over what was fetched, unless the fetched state is newer.
fn overlay(job: &mut Job, event: &JobStatusEvent) {
    if event.updated_at < job.updated_at.unix_secs() {
        return;
    }
    if event.status != job.status {
        job.wanted = None;
        let state = JobState {
            status: event.status,
            wanted: job.wanted.as_deref().and_then(Wanted::parse),
            rounds: 0,
            undo_open: event.status == JobStatus::Completed,
        };
        job.actions = state.actions().into_iter().map(str::to_owned).collect();
        job.reason.clone_from(&event.reason);
    }
    job.status = event.status;
    job.progress = event.progress;
    job.updated_at = job
        .updated_at
        .max(crate::domain::unit::Timestamp::from_unix_secs(event.updated_at));
}
