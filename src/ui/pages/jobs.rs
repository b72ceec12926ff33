//! The job list, live; the filter is in the URL.
//!
//! Invariant: rows that are shown keep their places. New jobs are counted above the list and shown when the visitor asks.

use super::{field, served};
use crate::api::ApiError;
use crate::api::moves::list_jobs;
use crate::api::query::JobQuery;
use crate::domain::dataset::Page;
use crate::domain::migration::Job;
use crate::ui::format::plural;
use crate::ui::live::Live;
use crate::ui::parts::job::{job_row, one_of};
use crate::ui::parts::load::{Held, Source, empty};
use crate::ui::parts::pager::pager;
use leptos::prelude::*;
use leptos_meta::Title;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The list asks again this often at most; rows follow the live connection without asking.
const LIST_EVERY: Duration = Duration::from_millis(800);

/// The list as it stands on the page, and the one that would replace it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Shown {
    page: Page<Job>,
    newer: Option<Page<Job>>,
}

impl Shown {
    /// Takes a later answer in: rows that are shown change in place, rows that are not wait.
    fn merge(&mut self, fresh: Self) {
        let fresh = fresh.page;
        let mut waiting = false;
        for job in &fresh.items {
            match self.page.items.iter_mut().find(|j| j.id == job.id) {
                Some(shown) => shown.clone_from(job),
                None => waiting = true,
            }
        }
        self.newer = waiting.then_some(fresh);
    }

    fn waiting(&self) -> usize {
        self.newer.as_ref().map_or(0, |newer| {
            newer
                .items
                .iter()
                .filter(|job| !self.page.items.iter().any(|j| j.id == job.id))
                .count()
        })
    }

    fn show(&mut self) {
        if let Some(newer) = self.newer.take() {
            self.page = newer;
        }
    }
}

async fn fetch(query: JobQuery) -> Result<Shown, ApiError> {
    list_jobs(query).await.map(|page| Shown { page, newer: None })
}

/// The page.
pub fn page() -> AnyView {
    let (status, dataset, cursor) = (field("status"), field("dataset"), field("cursor"));
    let query = Memo::new(move |_| JobQuery {
        status: status(),
        dataset: dataset(),
        cursor: cursor(),
    });
    let jobs = Source::new(move || query.get(), fetch).merging(Shown::merge);
    view! {
        <div class="page">
            <Title text="Jobs"/>
            {served::job_head()}
            <section class="card" aria-label="List of jobs">
                {served::job_views()}
                {jobs.draw(move |shown| list(shown, query.get_untracked()))}
            </section>
        </div>
    }
    .into_any()
}

fn list(shown: Held<Shown>, query: JobQuery) -> AnyView {
    Live::get().on_stage(LIST_EVERY, move || shown.refresh());
    let rows = shown.part(|s| s.page.items.clone());
    let none = Memo::new(move |_| rows.with(Vec::is_empty));
    let waiting = shown.part(Shown::waiting);
    let narrowed = query.status.is_some() || query.dataset.is_some();
    let size = shown.part(|s| (s.page.items.len(), s.page.total, s.page.next_cursor.clone()));
    let foot = move || {
        let (count, total, cursor) = size.get();
        let at = |cursor| {
            JobQuery {
                cursor,
                ..query.clone()
            }
            .href()
        };
        let next = cursor.map(|c| at(Some(c)));
        let first = query.cursor.is_some().then(|| at(None));
        pager(count, total, "job", first, next)
    };
    let more = move || {
        let n = waiting.get();
        (n > 0).then(|| {
            let text = format!("{} new: show", plural(i64::try_from(n).unwrap_or(0), "job"));
            view! {
                <p class="newer"><button type="button" data-testid="show-new" on:click=move |_| shown.update(Shown::show)>{text}</button></p>
            }
        })
    };
    view! {
        <div role="status">{more}</div>
        {move || {
            if none.get() {
                return nothing(narrowed);
            }
            view! {
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
                        <tbody>
                            <For each=move || rows.get() key=|job| job.id let:job>{job_row(one_of(rows, job))}</For>
                        </tbody>
                    </table>
                </div>
            }
            .into_any()
        }}
        {foot}
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
