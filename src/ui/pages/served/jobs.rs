//! What stands above the list of jobs: its name, its filters, and the views that were saved of it.

use crate::api::query::JobQuery;
use crate::api::views::list_views;
use crate::domain::view::ViewOf;
use crate::ui::pages::field;
use crate::ui::parts::once::Once;
use crate::ui::parts::views;
use leptos::prelude::*;

/// Filters that have a name of their own.
const FILTERS: [(&str, &str); 8] = [
    ("", "All"),
    ("active", "Active"),
    ("awaiting_approval", "Awaiting approval"),
    ("failed", "Failed"),
    ("completed", "Completed"),
    ("paused", "Paused"),
    ("cancelled", "Cancelled"),
    ("undone", "Undone"),
];
/// Name and filters.
#[must_use]
pub fn head() -> AnyView {
    let query = query();
    view! {
        <div class="as-one" data-served="job-head">
            <header class="page-head">
                <div>
                    <h1>"Jobs"</h1>
                    <p class="lead">"Moves of whole datasets: copied, verified, then switched in one step."</p>
                </div>
            </header>
            <nav class="chips" aria-label="Filter by stage">{chips(&query)}</nav>
        </div>
    }
    .into_any()
}

/// The saved views.
#[must_use]
pub fn saved() -> AnyView {
    let here = query().href();
    let here = Memo::new(move |_| here.clone());
    let saved = Once::new(|| (), |()| list_views());
    view! { <div data-served="views">{saved.draw_or(move |held| views::views(held, ViewOf::Jobs, here), |_| ().into_any())}</div> }
        .into_any()
}

fn query() -> JobQuery {
    JobQuery {
        status: untrack(field("status")),
        dataset: untrack(field("dataset")),
        cursor: None,
    }
}

fn chips(query: &JobQuery) -> AnyView {
    let chosen = query.status.clone().unwrap_or_default();
    FILTERS
        .into_iter()
        .map(|(word, text)| {
            let href = JobQuery {
                status: Some(word.to_owned()),
                dataset: query.dataset.clone(),
                cursor: None,
            }
            .href();
            let current = (chosen == word).then_some("true");
            view! { <a href=href aria-current=current>{text}</a> }
        })
        .collect_view()
        .into_any()
}
