//! The pages of `served` where they are shown: what the server drew is kept, asked for again when it is out of date, and taken over
//! where it differs. What their forms and buttons do is heard by the frame.
//!
//! Invariant: what comes is a page of this server and goes into one element, in place of what differs: fields that a person filled
//! in, the focus and what was opened stay. An answer that comes after a later question is dropped.

use crate::ui::browser::{self, counting::Counting, fetched};
use crate::ui::live::{Follow, Live};
use crate::ui::parts::time::Now;
use crate::ui::routes;
use leptos::html::Div;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::web_sys::HtmlDivElement as Root;
use leptos_router::hooks::use_location;
use std::time::Duration;

pub use page as dataset;
pub use page as datasets;
pub use page as job;
pub use page as jobs;
pub use page as locations;
pub use page as plan;
pub use page as policies;
pub use page as prices;
pub use page as recommendations;
pub use page as report;
pub use page as reports;
pub use page as what_if;

/// It is asked for again this often at most, unless it says otherwise.
const EVERY: Duration = Duration::from_millis(1_500);

/// A page that came while something may have happened is looked at again after this.
const ONCE_MORE: Duration = Duration::from_millis(400);

/// The page at the present address.
#[must_use]
pub fn page() -> AnyView {
    let title = use_context::<browser::FirstTitle>().map(|title| title.take());
    served("page", "page", Some(title.unwrap_or_default()))
}

/// The sums of the first page.
#[must_use]
pub fn overview_sums() -> AnyView {
    served("sums", "stack", None)
}

/// Where the data stands.
#[must_use]
pub fn overview_stands() -> AnyView {
    served("stands", "", None)
}

/// Events and parts of the first page.
#[must_use]
pub fn overview_last() -> AnyView {
    served("last", "stack", None)
}

/// Jobs that move, on the first page.
#[must_use]
pub fn overview_running() -> AnyView {
    served("running", "", None)
}

/// The element of that name on the page at the present address.
fn served(name: &'static str, class: &'static str, titled: Option<String>) -> AnyView {
    let at = use_location();
    let address = Memo::new(move |_| {
        let (path, query) = (at.pathname.get(), at.search.get());
        if query.is_empty() {
            path
        } else {
            format!("{path}?{query}")
        }
    });
    let root = NodeRef::<Div>::new();
    let follow = RwSignal::new(Follow::Nothing);
    let every = StoredValue::new(EVERY);
    let followed = move |root: &Root| {
        follow.set(Follow::read(&fetched::word(root, "data-follow")));
        if let Ok(ms) = fetched::word(root, "data-every").parse() {
            every.set_value(Duration::from_millis(ms));
        }
    };
    let drawn = StoredValue::new(false);
    let asked = StoredValue::new(0_u64);
    let once_more = RwSignal::new(0_u64);
    let is_titled = titled.is_some();
    let load = move |address: String| {
        let turn = asked.try_update_value(|n| {
            *n += 1;
            *n
        });
        spawn_local(async move {
            let place = root.try_get_untracked().flatten();
            let counting = place.and_then(|place| Counting::of_page(&address, &place));
            let page = fetched::page(&address, name, !is_titled).await;
            drop(counting);
            let Some(root) = root.try_get_untracked().flatten() else {
                return;
            };
            if asked.try_get_value() != turn {
                return;
            }
            match page {
                Some(page) => {
                    fetched::take_over(&root, &page.root);
                    let was_known = follow.get_untracked() != Follow::Nothing;
                    followed(&root);
                    if !was_known && follow.get_untracked() != Follow::Nothing {
                        // What happened while it was under way was told before it was known what it follows.
                        set_timeout(
                            move || {
                                once_more.try_update(|n| *n += 1);
                            },
                            ONCE_MORE,
                        );
                    }
                    if is_titled {
                        browser::set_title(&page.title);
                    }
                    drawn.set_value(true);
                }
                None if !drawn.get_value() => fetched::away(&root),
                // What is shown stays; the connection's state is said beside it.
                None => {}
            }
        });
    };
    Effect::new(move |before: Option<String>| {
        let here = address.get();
        let Some(root) = root.get() else {
            return here;
        };
        if let Some(before) = before {
            if fetched::has_scene(&root) && is_same_page(&before, &here) {
                let played = here.clone();
                spawn_local(async move {
                    routes::play(played).await;
                });
            } else {
                load(here.clone());
            }
        } else if root.first_element_child().is_none() {
            fetched::loading(&root);
            load(here.clone());
        } else {
            drawn.set_value(true);
            followed(&root);
            if let Some(title) = titled.clone() {
                // After those of the frame, which know of no page's own.
                browser::on_next_frame(move || browser::set_title(&title));
            }
        }
        here
    });
    Effect::new(move |before: Option<u64>| {
        let now = once_more.get();
        if before.is_some_and(|b| b != now) {
            load(address.get_untracked());
        }
        now
    });
    Live::get().on_follow(follow, every, move || load(address.get_untracked()));
    // The server writes UTC; what is shown is the visitor's own time.
    Effect::new(move |_| {
        if let (Some(now), Some(root)) = (Now::get(), root.get()) {
            fetched::in_own_time(&root, now);
        }
    });
    view! { <div class=class node_ref=root></div> }.into_any()
}

/// Whether two addresses differ in what follows the path alone.
fn is_same_page(one: &str, other: &str) -> bool {
    let path = |address: &str| address.split('?').next().map(str::to_owned);
    path(one) == path(other)
}
