//! What the live connection has said since the page was drawn, as signals that parts follow.
//!
//! Invariant: a view drawn on the server needs none of this; what it says only replaces what the view already shows. Memory is
//! bounded: counts, and the datasets of one frame. Next: `socket.rs`, the one connection of a tab.

#[cfg(feature = "browser")]
mod socket;

#[cfg(not(feature = "browser"))]
#[path = "socket_absent.rs"]
mod socket;

pub mod batch;

use crate::domain::id::DatasetId;
use crate::ui::browser;
use batch::{Batch, Place};
use leptos::prelude::*;
use std::collections::BTreeSet;
use std::time::Duration;

/// A list or a sum looks again this often at most, when what happened is no change of stage.
const CALM: Duration = Duration::from_secs(5);
/// The page of one dataset or job.
const CALM_OF_ONE: Duration = Duration::from_secs(2);

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

/// The live state of this tab, in every part's context.
#[derive(Clone, Copy)]
pub struct Live {
    link: RwSignal<Link>,
    heard_at: RwSignal<Option<i64>>,
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

    /// Runs `then` after what a page follows has happened, and when everything is to be looked at again: after a change of stage at most
    /// once in what `every` says, after anything else more calmly, since under load such things happen all the time.
    pub fn on_follow(
        self,
        follow: RwSignal<Follow>,
        every: StoredValue<Duration>,
        then: impl Fn() + Copy + 'static,
    ) {
        let Self {
            stages,
            afresh,
            advice,
            touched,
            accesses,
            ..
        } = self;
        let soon = move || {
            let (stages, afresh) = (stages.get(), afresh.get());
            match follow.get_untracked() {
                Follow::Nothing => afresh,
                _ => afresh + stages,
            }
        };
        let seen = StoredValue::new(0_u64);
        let calmly = move || {
            let (advice, touched, accesses) = (advice.get(), touched.get(), accesses.get());
            match follow.get_untracked() {
                Follow::Nothing | Follow::Stages => 0,
                Follow::Advice => advice,
                Follow::Everything => advice + accesses.unsigned_abs(),
                Follow::Dataset(id) => {
                    if touched.contains(&id) {
                        seen.update_value(|n| *n += 1);
                    }
                    seen.get_value()
                }
            }
        };
        on_rise(soon, move || every.get_value(), then);
        let calm = move || match follow.get_untracked() {
            Follow::Dataset(_) => CALM_OF_ONE,
            _ => CALM,
        };
        on_rise(calmly, move || calm().max(every.get_value()), then);
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
        browser::meters::hear(batch.jobs);
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
fn on_rise(
    count: impl Fn() -> u64 + 'static,
    every: impl Fn() -> Duration + 'static,
    then: impl Fn() + Copy + 'static,
) {
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
        let every_ms = every().as_secs_f64() * 1000.0;
        waiting.set_value(true);
        // A short wait at least: changes come in bursts, and the server has the whole burst by then.
        set_timeout(
            run,
            Duration::from_millis((every_ms - passed).clamp(60.0, every_ms) as u64),
        );
        now
    });
}
