//! Instants: the UTC time first, the visitor's own once the browser is there.
//!
//! Invariant: drawn by the server in UTC; the browser writes the visitor's own over it by `data-as` (`browser/fetched.rs`).

use crate::domain::unit::Timestamp;
use crate::ui::{browser, format};
use leptos::prelude::*;
use std::time::Duration;

/// How often relative times are redrawn: no finer than they are read.
const TICK: Duration = Duration::from_secs(1);

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

/// An instant as "8 s ago", once the browser is there; the full time is its title.
#[must_use]
pub fn ago(at: Timestamp) -> AnyView {
    let (text, title) = (format::utc(at), format::utc(at));
    view! { <time datetime=at.to_string() title=title class="nowrap" data-as="ago">{text}</time> }.into_any()
}

/// An instant that may be absent.
#[must_use]
pub fn ago_or(at: Option<Timestamp>, absent: &'static str) -> AnyView {
    match at {
        Some(at) => ago(at),
        None => view! { <span class="muted">{absent}</span> }.into_any(),
    }
}

/// An instant in full: UTC, then the visitor's own time.
#[must_use]
pub fn full(at: Timestamp) -> AnyView {
    let (text, title) = (format::utc(at), format::utc(at));
    view! { <time datetime=at.to_string() title=title class="nowrap" data-as="full">{text}</time> }.into_any()
}

/// An instant to the second, for lines of a day's work: UTC, then the visitor's own time.
#[must_use]
pub fn moment(at: Timestamp) -> AnyView {
    let (text, title) = (format::clock(at), format::utc(at));
    view! { <time datetime=at.to_string() title=title data-as="moment">{text}</time> }.into_any()
}
