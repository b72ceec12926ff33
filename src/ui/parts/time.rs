//! Instants: the UTC time first, the visitor's own once the browser is there.
//!
//! Invariant: what the server draws and what the browser draws first are the same text.

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

    /// Whether the browser is there.
    fn is_known() -> Memo<bool> {
        Memo::new(|_| Self::get().is_some())
    }
}

/// An instant as "8 s ago"; the full time is its title.
#[must_use]
pub fn ago(at: Timestamp) -> AnyView {
    let known = Now::is_known();
    // Follows the clock, but changes only when its text does.
    let text =
        Memo::new(move |_| Now::get().map_or_else(|| format::utc(at), |now| format::relative(now, at)));
    let title = move || if known.get() { local(at) } else { format::utc(at) };
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
    let known = Now::is_known();
    let text = move || if known.get() { local(at) } else { format::utc(at) };
    view! { <time datetime=at.to_string() title=format::utc(at) class="nowrap" data-as="full">{text}</time> }
        .into_any()
}

/// An instant to the second, for lines of a day's work: UTC, then the visitor's own time.
#[must_use]
pub fn moment(at: Timestamp) -> AnyView {
    let known = Now::is_known();
    let text = move || {
        if known.get() {
            browser::local_moment(at.0)
        } else {
            format::clock(at)
        }
    };
    view! { <time datetime=at.to_string() title=format::utc(at) data-as="moment">{text}</time> }.into_any()
}

fn local(at: Timestamp) -> String {
    browser::local_text(at.0)
}
