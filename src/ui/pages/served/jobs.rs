//! The list of jobs; its filter and its place are in the address.
//!
//! Invariant: rows that are shown keep their places (`data-held`): the browser counts new jobs above the list and shows them when the
//! visitor asks.

use crate::api::moves::list_jobs;
use crate::api::query::JobQuery;
use crate::api::views::list_views;
use crate::domain::dataset::Page;
use crate::domain::migration::Job;
use crate::domain::view::ViewOf;
use crate::ui::pages::served::field;
use crate::ui::parts::job::job_row;
use crate::ui::parts::load::empty;
use crate::ui::parts::once::Once;
use crate::ui::parts::pager::pager;
use crate::ui::parts::views;
use leptos::prelude::*;
use leptos_meta::Title;

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

/// The page.
#[must_use]
pub fn page() -> AnyView {
    let query = JobQuery {
        status: untrack(field("status")),
        dataset: untrack(field("dataset")),
        cursor: untrack(field("cursor")),
    };
    let of_view = JobQuery {
        cursor: None,
        ..query.clone()
    }
    .href();
    let here = Memo::new(move |_| of_view.clone());
    let asked = StoredValue::new(query.clone());
    let saved = Once::new(|| (), |()| list_views());
    let jobs = Once::new(move || asked.get_value(), list_jobs);
    let chips = chips(&query);
    view! {
        <div class="page" data-served="page" data-follow="stages" data-every="700">
            <Title text="Jobs"/>
            <header class="page-head">
                <div>
                    <h1>"Jobs"</h1>
                    <p class="lead">"Moves of whole datasets: copied, verified, then switched in one step."</p>
                </div>
            </header>
            <nav class="chips" aria-label="Filter by stage">{chips}</nav>
            <section class="card" aria-label="List of jobs">
                {saved.draw_or(move |held| views::views(held, ViewOf::Jobs, here), |_| ().into_any())}
                {jobs.draw(move |page| list(&page.now(), &query))}
            </section>
        </div>
    }
    .into_any()
}

fn list(page: &Page<Job>, query: &JobQuery) -> AnyView {
    let at = |cursor| {
        JobQuery {
            cursor,
            ..query.clone()
        }
        .href()
    };
    if page.items.is_empty() {
        return nothing(query.status.is_some() || query.dataset.is_some());
    }
    let next = page.next_cursor.clone().map(|c| at(Some(c)));
    let first = query.cursor.is_some().then(|| at(None));
    // Rows that are shown keep their places while this list is on the page: later ones are counted above it.
    let held = query.href();
    view! {
        <div role="status" data-newer=held.clone()></div>
        <div class="table-wrap">
            <table class="cards" data-testid="jobs">
                <caption class="visually-hidden">"Jobs, the newest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Job"</th>
                        <th scope="col">"Stage"</th>
                        <th scope="col">"Progress"</th>
                        <th scope="col">"Move"</th>
                        <th scope="col">"Changed"</th>
                        <th scope="col">"Actions"</th>
                    </tr>
                </thead>
                <tbody data-held=held>{page.items.iter().map(job_row).collect_view()}</tbody>
            </table>
        </div>
        {pager(page.items.len(), page.total, "job", first, next)}
    }
    .into_any()
}

fn nothing(narrowed: bool) -> AnyView {
    if narrowed {
        return empty("No job fits this filter", "Choose another stage above.", None);
    }
    empty(
        "No job yet",
        "A job moves a dataset to another location or class. Plan one on a dataset's page, or from a terminal:",
        Some("dim migrate plan --dataset-id 1 --target-location NAME --storage-class hot".into()),
    )
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
