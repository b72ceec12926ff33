//! The job list, live; the filter is in the URL.

use super::{field, head};
use crate::api::moves::list_jobs;
use crate::api::query::JobQuery;
use crate::domain::dataset::Page;
use crate::domain::migration::Job;
use crate::ui::parts::job::job_row;
use crate::ui::parts::load::{empty, loaded};
use crate::ui::parts::pager::pager;
use leptos::prelude::*;

const FILTERS: [(&str, &str); 7] = [
    ("", "All"),
    ("active", "Active"),
    ("awaiting_approval", "Awaiting approval"),
    ("failed", "Failed"),
    ("completed", "Completed"),
    ("cancelled", "Cancelled"),
    ("paused", "Paused"),
];

/// The page.
pub fn page() -> AnyView {
    let (status, dataset, cursor) = (field("status"), field("dataset"), field("cursor"));
    let query = Memo::new(move |_| JobQuery {
        status: status(),
        dataset: dataset(),
        cursor: cursor(),
    });
    let jobs = Resource::new(move || query.get(), list_jobs);
    view! {
        <div class="page">
            {head("Jobs", "Moves of whole datasets: copied, verified, then switched in one step. Stages and progress change here as they happen.")}
            <nav class="chips" aria-label="Filter by stage">{move || chips(&query.get())}</nav>
            <section class="card" aria-label="List of jobs">
                {loaded(jobs, move |page| list(page, &query.get(), move || jobs.refetch()))}
            </section>
        </div>
    }
    .into_any()
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

fn list(page: Page<Job>, query: &JobQuery, refresh: impl Fn() + Copy + Send + Sync + 'static) -> AnyView {
    if page.items.is_empty() {
        return if query.status.is_some() || query.dataset.is_some() {
            empty("No job fits this filter", "Choose another stage above.", None)
        } else {
            empty(
                "No job yet",
                "A job moves a dataset to another location or class. Plan one on a dataset's page, or from a terminal:",
                Some("dim migrate plan --dataset-id 1 --target-location NAME --storage-class hot".into()),
            )
        };
    }
    let next = page.next_cursor.clone().map(|cursor| JobQuery { cursor: Some(cursor), ..query.clone() }.href());
    let first = query.cursor.is_some().then(|| JobQuery { cursor: None, ..query.clone() }.href());
    let (shown, total) = (page.items.len(), page.total);
    view! {
        <div class="table-wrap">
            <table class="cards">
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
                <tbody>{page.items.into_iter().map(|job| job_row(job, refresh)).collect_view()}</tbody>
            </table>
        </div>
        {pager(shown, total, "job", first, next)}
    }
    .into_any()
}
