//! What came of the last thing a person asked for: one line above the page, read out politely.
//!
//! Invariant: with JavaScript an action's answer comes through an effect; without it a failed form comes back with the error in the
//! URL. Both sides draw the same first.

use super::icon::{Icon, icon};
use crate::api::ApiError;
use leptos::prelude::*;
use leptos::server_fn::{ServerFn, error::ServerFnUrlError};
use leptos_router::hooks::{use_location, use_query_map};

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

    fn show(self, good: bool, text: String) {
        self.0.set(Some(Notice { good, text }));
    }
}

/// Shows what an action answers, and calls `then` when it went well.
pub fn follow<S, O>(action: ServerAction<S>, then: impl Fn() + 'static)
where
    S: ServerFn<Output = O, Error = ApiError> + Clone + Send + Sync + 'static,
    O: Into<Said> + Clone + Send + Sync + 'static,
{
    let notices = expect_context::<Notices>();
    Effect::new(move |_| match action.value().get() {
        Some(Ok(said)) => {
            if let Said(Some(text)) = said.into() {
                notices.show(true, text);
            }
            then();
        }
        Some(Err(error)) => notices.show(false, error.message),
        None => {}
    });
}

/// A sentence that an action may answer with.
pub struct Said(Option<String>);

impl From<String> for Said {
    fn from(text: String) -> Self {
        Self(Some(text))
    }
}

impl From<()> for Said {
    fn from((): ()) -> Self {
        Self(None)
    }
}

/// The line above the page.
#[must_use]
pub fn notices() -> AnyView {
    let Notices(current) = expect_context::<Notices>();
    let query = use_query_map();
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
    let from_url = move || {
        let failed = query.with(|q| q.get("__err")).map(|text| Notice {
            good: false,
            text: ServerFnUrlError::<ApiError>::decode_err(&text).message,
        });
        let done = query
            .with(|q| q.get("done"))
            .and_then(|word| sentence(&word))
            .map(|text| Notice {
                good: true,
                text: text.to_owned(),
            });
        failed.or(done)
    };
    let closed = RwSignal::new(false);
    view! {
        <div role="status" aria-live="polite">
            {move || {
                current
                    .get()
                    .or_else(|| from_url().filter(|_| !closed.get()))
                    .map(|notice| {
                        let (class, picture) = if notice.good {
                            ("notice ok", Icon::Check)
                        } else {
                            ("notice err", Icon::Alert)
                        };
                        view! {
                            <div class=class data-testid="notice">
                                {icon(picture)} <p>{notice.text}</p>
                                <button
                                    type="button"
                                    class="plain js-only"
                                    aria-label="Dismiss this message"
                                    on:click=move |_| {
                                        current.set(None);
                                        closed.set(true);
                                    }
                                >
                                    {icon(Icon::Cross)}
                                </button>
                            </div>
                        }
                    })
            }}
        </div>
    }
    .into_any()
}

/// What a form without JavaScript did, by the word that its answer left in the URL. An unknown word says nothing: a link cannot put
/// words into the server's mouth.
fn sentence(word: &str) -> Option<&'static str> {
    Some(match word {
        "access" => "The access was counted.",
        "scan" => "The objects were listed.",
        "location" => "The location is registered.",
        "check" => "The location was looked at.",
        "removed" => "The location is removed from the catalog. Its files were not touched.",
        "review" => "The decision is kept.",
        "job" => "The job was told.",
        "dataset" => "The dataset was changed.",
        "label" => "The labels are changed.",
        "view" => "The view is saved.",
        "view-removed" => "The view is removed.",
        "policy" => "The policy holds from now on.",
        "policy-removed" => "The policy is removed. Nothing moved because of it.",
        "chosen" => "What the ticked datasets allow was done; their rows show it.",
        _ => return None,
    })
}
