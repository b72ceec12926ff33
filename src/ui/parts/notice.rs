//! What came of the last thing a person asked for: one line above the page, read out politely.
//!
//! Invariant: with JavaScript a form's answer comes from `forms.rs`; without it a failed form comes back with the error in the URL.
//! Both sides draw the same first.

use super::icon::{Icon, icon};
use super::said::by_address;
use crate::ui::browser::{self, Sent};
use leptos::prelude::*;
use leptos_router::hooks::use_location;

#[derive(Clone, PartialEq)]
struct Notice {
    good: bool,
    text: String,
}

/// Where actions leave their answer.
#[derive(Clone, Copy)]
pub struct Notices(RwSignal<Option<Notice>>);

impl Notices {
    /// Gives every page below a place for notices.
    pub fn provide() {
        provide_context(Self(RwSignal::new(None)));
    }

    /// Says what a form was answered; gives the page that it opens.
    pub fn take(self, answer: Result<Sent, String>) -> Option<String> {
        match answer {
            Ok(Sent { said, to }) => {
                if let Some(text) = said {
                    self.show(true, text);
                }
                to
            }
            Err(text) => {
                self.show(false, text);
                None
            }
        }
    }

    fn show(self, good: bool, text: String) {
        self.0.set(Some(Notice { good, text }));
    }
}

/// The line above the page.
#[must_use]
pub fn notices() -> AnyView {
    let Notices(current) = expect_context::<Notices>();
    let path = use_location().pathname;
    // A notice belongs to the page it was given on, except the one that opened a new page.
    Effect::new(move |before: Option<String>| {
        let here = path.get();
        if before.is_some_and(|b| b != here)
            && current.with_untracked(|n| n.as_ref().is_some_and(|n| !n.good))
        {
            current.set(None);
        }
        here
    });
    let dismiss = move |event: leptos::ev::MouseEvent| {
        if browser::dismisses(&event) {
            current.set(None);
        }
    };
    view! {
        <div role="status" aria-live="polite" on:click=dismiss>
            {move || current.get().map(|notice| line(notice.good, notice.text))}
            {by_address()}
        </div>
    }
    .into_any()
}

/// A notice with the button that takes it away.
pub(super) fn line(good: bool, text: String) -> AnyView {
    let (class, picture) = if good {
        ("notice ok", Icon::Check)
    } else {
        ("notice err", Icon::Alert)
    };
    view! {
        <div class=class data-testid="notice">
            {icon(picture)} <p>{text}</p>
            <button type="button" class="plain js-only" aria-label="Dismiss this message" data-dismiss="">{icon(Icon::Cross)}</button>
        </div>
    }
    .into_any()
}
