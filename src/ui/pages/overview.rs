//! The first page: what needs a person, what is running, what was saved, where the data stands, what happened last.
//!
//! Every number links to the list behind it. What runs moves by itself; the rest is of the server (`served/overview.rs`).

use super::{head, served};
use crate::api::moves::list_jobs;
use crate::api::query::JobQuery;
use crate::domain::dataset::Page;
use crate::domain::migration::{Job, JobStatus};
use crate::ui::format::count;
use crate::ui::live::Live;
use crate::ui::parts::job::job_lines;
use crate::ui::parts::load::{Held, Source, empty};
use leptos::prelude::*;
use leptos_router::components::A;
use std::time::Duration;

/// The list of running jobs follows its jobs this closely.
const JOBS_EVERY: Duration = Duration::from_millis(700);
/// Jobs shown here; the jobs page has all.
const RUNNING_SHOWN: usize = 8;

/// The page.
pub fn page() -> AnyView {
    let jobs = Source::new(|| (), |()| running_jobs());
    view! {
        <div class="page">
            {head("Overview", "Where the data stands, what it costs, and what is moving.")}
            <div class="stack">
                {served::overview_sums()}
                <div class="cols">
                    <div class="stack">
                        <section class="card" aria-labelledby="running">
                            <div class="card-head"><h2 id="running">"Running now"</h2><A href="/jobs" attr:class="small">"All jobs"</A></div>
                            {jobs.draw(running)}
                        </section>
                        {served::overview_stands()}
                    </div>
                    {served::overview_last()}
                </div>
            </div>
        </div>
    }
    .into_any()
}

async fn running_jobs() -> Result<Page<Job>, crate::api::ApiError> {
    list_jobs(JobQuery {
        status: Some("active".into()),
        ..Default::default()
    })
    .await
}

fn running(jobs: Held<Page<Job>>) -> AnyView {
    Live::get().on_stage(JOBS_EVERY, move || jobs.refresh());
    let shown = jobs.part(|p| {
        p.items
            .iter()
            .filter(|j| j.status != JobStatus::AwaitingApproval)
            .take(RUNNING_SHOWN)
            .cloned()
            .collect::<Vec<_>>()
    });
    let none = Memo::new(move |_| shown.with(Vec::is_empty));
    let more = jobs.part(|p| p.total - i64::try_from(p.items.len().min(RUNNING_SHOWN)).unwrap_or(0));
    view! {
        {move || {
            if none.get() {
                empty(
                    "Nothing is moving",
                    "Open a dataset and plan a move, or from a terminal:",
                    Some("dim migrate plan --dataset-id 1 --target-location NAME".into()),
                )
            } else {
                job_lines(shown)
            }
        }}
        {move || (more.get() > 0).then(|| view! { <p class="card-foot small"><A href="/jobs?status=active">{format!("{} more", count(more.get()))}</A></p> })}
    }
    .into_any()
}
