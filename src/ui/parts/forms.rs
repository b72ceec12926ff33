//! Forms of every page: sent from one place, so that a page carries no code for its own.
//!
//! Invariant: without a script each is an ordinary form; with it the page stays, the answer is said above it, and whatever follows the
//! live state looks again.

use super::notice::Notices;
use crate::ui::browser;
use crate::ui::live::Live;
use crate::ui::routes;
use leptos::ev::{Event, PointerEvent, SubmitEvent};
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

/// A field with `data-send` sends its form while it is moved: the address follows, and the page with it. What-if is computed here.
pub fn moved() -> impl Fn(Event) + Clone + 'static {
    let navigate = use_navigate();
    move |event: Event| {
        if let Some(address) = browser::played(&event) {
            spawn_local(async move {
                routes::play(address).await;
            });
            return;
        }
        if let Some(to) = browser::moved(&event) {
            let options = NavigateOptions {
                replace: true,
                scroll: false,
                ..NavigateOptions::default()
            };
            navigate(&to, options);
        }
    }
}

/// A scenario stands in the address once its field is let go.
pub fn settled() -> impl Fn(Event) + Clone + 'static {
    let navigate = use_navigate();
    move |event: Event| {
        let Some(address) = browser::played(&event) else {
            return;
        };
        let navigate = navigate.clone();
        spawn_local(async move {
            if let Some(to) = routes::play(address).await {
                let options = NavigateOptions {
                    replace: true,
                    scroll: false,
                    ..NavigateOptions::default()
                };
                navigate(&to, options);
            }
        });
    }
}

/// A part of a chart that was dragged over is opened.
pub fn let_go() -> impl Fn(PointerEvent) + Clone + 'static {
    let navigate = use_navigate();
    move |event: PointerEvent| {
        if let Some(to) = browser::zoom::end(&event) {
            let options = NavigateOptions {
                scroll: false,
                ..NavigateOptions::default()
            };
            navigate(&to, options);
        }
    }
}

/// What is done with a form that is being sent.
pub fn sending() -> impl Fn(SubmitEvent) + Clone + 'static {
    let navigate = use_navigate();
    let (notices, live) = (expect_context::<Notices>(), Live::get());
    move |event: SubmitEvent| {
        if browser::is_taken(&event) {
            return;
        }
        if let Some(to) = browser::form_address(&event) {
            event.prevent_default();
            let options = NavigateOptions {
                scroll: !browser::stays(&event),
                ..NavigateOptions::default()
            };
            navigate(&to, options);
            return;
        }
        let navigate = navigate.clone();
        browser::send(&event, move |answer| {
            if answer.is_ok() {
                live.look_again();
            }
            if let Some(to) = notices.take(answer) {
                navigate(&to, Default::default());
            }
        });
    }
}
