//! Instants: the full UTC time first, "8 s ago" once the browser's clock is known.

use crate::domain::unit::Timestamp;
use crate::ui::{browser, format};
use leptos::prelude::*;
use std::time::Duration;

/// How often relative times are redrawn: no finer than they are read.
const TICK: Duration = Duration::from_secs(5);

/// Seconds since 1970 by the browser's clock; `None` until an effect has run, so that both sides draw the same first.
#[derive(Clone, Copy)]
pub struct Now(RwSignal<Option<i64>>);

impl Now {
    /// Starts the clock of the page and gives it to every part below.
    pub fn provide() {
        let now = RwSignal::new(None);
        provide_context(Self(now));
        Effect::new(move |_| {
            now.set(Some(browser::now_unix_secs()));
            // The page lives as long as its tab; there is nothing to stop it for.
            set_interval(move || now.set(Some(browser::now_unix_secs())), TICK);
        });
    }

    /// The present second, once it is known.
    #[must_use]
    pub fn get() -> Option<i64> {
        use_context::<Self>().and_then(|now| now.0.get())
    }
}

/// An instant.
#[must_use]
pub fn ago(at: Timestamp) -> AnyView {
    let full = format::utc(at);
    let machine = at.to_string();
    let title = full.clone();
    view! {
        <time datetime=machine title=title class="nowrap">
            {move || Now::get().map_or_else(|| full.clone(), |now| format::relative(now, at))}
        </time>
    }
    .into_any()
}

/// An instant that may be absent.
#[must_use]
pub fn ago_or(at: Option<Timestamp>, absent: &'static str) -> AnyView {
    match at {
        Some(at) => ago(at),
        None => view! { <span class="muted">{absent}</span> }.into_any(),
    }
}
