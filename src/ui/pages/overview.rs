//! The first page: what needs a person, what is running, what was saved, where the data stands.
//!
//! Every number links to the list behind it.

use super::head;
use crate::api::moves::list_jobs;
use crate::api::query::JobQuery;
use crate::api::status::get_overview;
use crate::domain::dataset::Page;
use crate::domain::migration::Job;
use crate::domain::overview::{Attention, Overview};
use crate::ui::format::{count, plural, words};
use crate::ui::parts::badge::badge;
use crate::ui::parts::icon::{Icon, icon};
use crate::ui::parts::job::job_line;
use crate::ui::parts::load::{empty, loaded};
use crate::ui::parts::share::shares;
use leptos::prelude::*;
use leptos_router::components::A;

/// The page.
pub fn page() -> AnyView {
    let overview = Resource::new(|| (), |()| get_overview());
    let running = Resource::new(
        || (),
        |()| {
            list_jobs(JobQuery {
                status: Some("active".into()),
                ..Default::default()
            })
        },
    );
    view! {
        <div class="page">
            {head("Overview", "Where the data stands, what it costs, and what is moving.")}
            {loaded(overview, move |o| summary(&o, running))}
        </div>
    }
    .into_any()
}

fn summary(o: &Overview, running: Resource<Result<Page<Job>, crate::api::ApiError>>) -> AnyView {
    view! {
        {o.demo_note.clone().map(|note| view! {
            <aside class="demo-note" aria-label="About this demo">
                {icon(Icon::Info)}
                <p><span class="strong">"This is a demo. "</span>{note.source}" "{note.scale}</p>
            </aside>
        })}
        {attention(&o.attention)}
        <div class="figures">
            {figure("/datasets", "Datasets", count(o.dataset_count), o.size_bytes.to_string())}
            {figure("/datasets?sort=cost", "Cost a month", o.monthly_cost_nanousd.to_string(), "at the last 30 days' rate".into())}
            {figure("/datasets?advice=move&sort=saving", "Savings found", format!("{} / month", o.found_saving_nanousd), plural(o.move_recommendation_count, "open recommendation"))}
            {figure("/jobs?status=completed", "Savings realised", format!("{} / month", o.realised_saving_nanousd), "forecast of the completed moves".into())}
            {figure("/datasets?sort=last_access", "Accesses counted", count(o.access_event_count), "events".into())}
        </div>
        <section class="card" aria-labelledby="running">
            <div class="card-head"><h2 id="running">"Running now"</h2><A href="/jobs" attr:class="small">"All jobs"</A></div>
            {loaded(running, |page| running_jobs(page.items))}
        </section>
        <section class="card" aria-labelledby="stands">
            <div class="card-head"><h2 id="stands">"Where the data stands"</h2><A href="/locations" attr:class="small">"Locations"</A></div>
            {if o.placements.is_empty() {
                empty(
                    "No dataset yet",
                    "Register a location, then a dataset on it; its bytes and cost will stand here by location and class.",
                    Some("dim datasets create --name demo-dataset --path-uri file:///shared_storage/demo-dataset".into()),
                )
            } else {
                view! { <div class="card-body">{shares(&o.placements)}</div> }.into_any()
            }}
        </section>
    }
    .into_any()
}

fn figure(href: &'static str, label: &'static str, value: String, note: String) -> AnyView {
    view! {
        <a class="figure" href=href>
            <span class="figure-label">{label}</span>
            <span class="figure-value">{value}</span>
            <span class="figure-note">{note}</span>
        </a>
    }
    .into_any()
}

fn attention(items: &[Attention]) -> AnyView {
    if items.is_empty() {
        return view! {
            <p class="calm">{icon(Icon::Check)} "Nothing needs you: no move failed or waits for approval, and no part is down."</p>
        }
        .into_any();
    }
    view! {
        <section class="card" aria-labelledby="attention">
            <div class="card-head">
                <h2 id="attention">"Needs attention"</h2>
                <span class="small muted">{plural(i64::try_from(items.len()).unwrap_or(i64::MAX), "item")}</span>
            </div>
            <div class="attention">
                {items
                    .iter()
                    .map(|item| {
                        let (tone, picture) = match item.kind.as_str() {
                            "awaiting_approval" => ("warn", Icon::Person),
                            "stuck_job" => ("warn", Icon::Clock),
                            "location_away" | "location_full" => ("warn", Icon::Location),
                            _ => ("err", Icon::Alert),
                        };
                        view! {
                            <a href=item.href.clone()>
                                <span class="kind">{badge(tone, picture, words(&item.kind))}</span>
                                <span>{item.text.clone()}</span>
                                <span class="go">{icon(Icon::Arrow)}</span>
                            </a>
                        }
                    })
                    .collect_view()}
            </div>
        </section>
    }
    .into_any()
}

fn running_jobs(jobs: Vec<Job>) -> AnyView {
    if jobs.is_empty() {
        return empty(
            "Nothing is moving",
            "Open a dataset and plan a move, or from a terminal:",
            Some("dim migrate plan --dataset-id 1 --target-location NAME".into()),
        );
    }
    view! { <div class="jobs-live">{jobs.into_iter().take(8).map(job_line).collect_view()}</div> }.into_any()
}
