//! The first page: what needs a person, what is running, what was saved, where the data stands, what happened last.
//!
//! Every number links to the list behind it.

use super::head;
use crate::api::moves::list_jobs;
use crate::api::query::JobQuery;
use crate::api::status::{get_health, get_overview, last_events};
use crate::domain::dataset::Page;
use crate::domain::event::DomainEvent;
use crate::domain::migration::{Job, JobStatus};
use crate::domain::overview::{Attention, HealthReport, HealthStatus, Overview};
use crate::ui::format::{count, plural, title};
use crate::ui::live::{Live, RECENT};
use crate::ui::parts::badge::badge;
use crate::ui::parts::feed::event_line;
use crate::ui::parts::icon::{Icon, icon};
use crate::ui::parts::job::job_lines;
use crate::ui::parts::load::{Held, Source, empty, error_card};
use crate::ui::parts::share::shares;
use leptos::prelude::*;
use leptos_router::components::A;
use std::time::Duration;

/// Sums over the whole catalog are asked for no more often than this.
const SUMS_EVERY: Duration = Duration::from_secs(3);
/// The list of running jobs follows its jobs this closely.
const JOBS_EVERY: Duration = Duration::from_millis(700);
/// Jobs shown here; the jobs page has all.
const RUNNING_SHOWN: usize = 8;

/// The page.
pub fn page() -> AnyView {
    let nothing = || ();
    let overview = Source::new(nothing, |()| get_overview());
    let jobs = Source::new(nothing, |()| running_jobs());
    let events = Source::new(nothing, |()| last_events());
    let health = Source::new(nothing, |()| get_health());
    let rest = move |stands: AnyView| {
        view! {
            <div class="cols">
                <div class="stack">
                    <section class="card" aria-labelledby="running">
                        <div class="card-head"><h2 id="running">"Running now"</h2><A href="/jobs" attr:class="small">"All jobs"</A></div>
                        {jobs.draw(running)}
                    </section>
                    {stands}
                </div>
                <div class="stack">
                    <section class="card" aria-labelledby="events">
                        <div class="card-head"><h2 id="events">"Last events"</h2></div>
                        {events.draw(feed)}
                    </section>
                    <section class="card" aria-labelledby="parts">
                        <div class="card-head"><h2 id="parts">"Parts of this server"</h2></div>
                        {health.draw(parts)}
                    </section>
                </div>
            </div>
        }
        .into_any()
    };
    let whole = move |o: Held<Overview>| {
        Live::get().on_change(SUMS_EVERY, move || o.refresh());
        view! { <div class="stack">{sums(o)} {rest(stands(o))}</div> }.into_any()
    };
    let without =
        move |error| view! { <div class="stack">{error_card(&error)} {rest(().into_any())}</div> }.into_any();
    view! {
        <div class="page">
            {head("Overview", "Where the data stands, what it costs, and what is moving.")}
            {overview.draw_or(whole, without)}
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

fn sums(o: Held<Overview>) -> AnyView {
    let live = Live::get();
    let items = o.part(|o| o.attention.clone());
    // Accesses that arrived since the sum was made are added until it is made again.
    let counted = RwSignal::new(0);
    let sum = o.part(|o| o.access_event_count);
    Effect::new(move |_| {
        sum.get();
        counted.set(untrack(move || live.accesses()));
    });
    let accesses = move || count(sum.get() + live.accesses() - counted.get());
    let text = move |of: fn(&Overview) -> String| o.part(of);
    view! {
        {move || attention(&items.get())}
        <div class="figures">
            {figure("/datasets", "Datasets", text(|o| count(o.dataset_count)), text(|o| o.size_bytes.to_string()))}
            {figure("/datasets?sort=cost", "Cost a month", text(|o| o.monthly_cost_nanousd.to_string()), text(|_| "at the rate of the last 30 days".into()))}
            {figure("/datasets?advice=move&sort=saving", "Savings found", text(|o| o.found_saving_nanousd.to_string()), text(|o| format!("a month, by {}", plural(o.move_recommendation_count, "open recommendation"))))}
            {figure("/reports/savings", "Savings realised", text(|o| o.realised_saving_nanousd.to_string()), text(|_| "a month, forecast of the completed moves".into()))}
            <a class="figure" href="/datasets?sort=last_access">
                <span class="figure-label">"Accesses counted"</span>
                <span class="figure-value" data-testid="access-count">{accesses}</span>
                <span class="figure-note">"reads and writes"</span>
            </a>
        </div>
    }
    .into_any()
}

fn figure(href: &'static str, label: &'static str, value: Memo<String>, note: Memo<String>) -> AnyView {
    view! {
        <a class="figure" href=href>
            <span class="figure-label">{label}</span>
            <span class="figure-value">{value}</span>
            <span class="figure-note">{note}</span>
        </a>
    }
    .into_any()
}

fn stands(o: Held<Overview>) -> AnyView {
    let placements = o.part(|o| o.placements.clone());
    view! {
        <section class="card" aria-labelledby="stands">
            <div class="card-head"><h2 id="stands">"Where the data stands"</h2><A href="/locations" attr:class="small">"Locations"</A></div>
            {move || {
                let placements = placements.get();
                if placements.is_empty() {
                    empty(
                        "No dataset yet",
                        "Register a location, then a dataset on it; its bytes and cost will stand here by location and class.",
                        Some("dim datasets create --name demo-dataset --path-uri file:///shared_storage/demo-dataset".into()),
                    )
                } else {
                    shares(&placements)
                }
            }}
        </section>
    }
    .into_any()
}

fn attention(items: &[Attention]) -> AnyView {
    if items.is_empty() {
        return view! {
            <p class="calm" data-testid="calm">{icon(Icon::Check)} "Nothing needs you: no move failed or waits for approval, and no part is down."</p>
        }
        .into_any();
    }
    let total = plural(i64::try_from(items.len()).unwrap_or(i64::MAX), "item");
    let lines = items
        .iter()
        .map(|item| {
            let (tone, picture) = match item.kind.as_str() {
                "awaiting_approval" => ("warn", Icon::Person),
                "stuck_job" => ("warn", Icon::Clock),
                "location_away" | "location_full" => ("warn", Icon::Location),
                "price_book_old" => ("warn", Icon::Price),
                _ => ("err", Icon::Alert),
            };
            let (href, text, kind) = (item.href.clone(), item.text.clone(), title(&item.kind));
            view! {
                <li>
                    <a href=href>
                        <span class="kind">{badge(tone, picture, kind)}</span>
                        <span>{text}</span>
                        <span class="go">{icon(Icon::Arrow)}</span>
                    </a>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="card" aria-labelledby="attention" data-testid="attention">
            <div class="card-head"><h2 id="attention">"Needs attention"</h2><span class="small muted">{total}</span></div>
            <ul class="attention">{lines}</ul>
        </section>
    }
    .into_any()
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

fn feed(fetched: Held<Vec<DomainEvent>>) -> AnyView {
    let live = Live::get();
    let events = Memo::new(move |_| {
        let mut events = live.recent();
        let seen: Vec<i64> = events.iter().map(DomainEvent::seq).collect();
        events.extend(fetched.get().into_iter().filter(|e| !seen.contains(&e.seq())));
        events.truncate(RECENT);
        events
    });
    view! {
        {move || {
            if events.with(Vec::is_empty) {
                return empty(
                    "Nothing has happened yet",
                    "Stages of moves, accesses and changed recommendations appear here. Follow them from a terminal as well:",
                    Some("curl -N http://127.0.0.1:8080/events".into()),
                );
            }
            view! {
                <ol class="feed">
                    <For each=move || events.get() key=DomainEvent::seq let:event>{event_line(event)}</For>
                </ol>
            }
            .into_any()
        }}
    }
    .into_any()
}

fn parts(health: Held<HealthReport>) -> AnyView {
    let report = health.now();
    let rows = report
        .parts
        .into_iter()
        .map(|(name, part)| {
            let (tone, picture) = match part.status {
                HealthStatus::Ok => ("ok", Icon::Check),
                HealthStatus::Disabled => ("", Icon::Ban),
                HealthStatus::Degraded => ("warn", Icon::Alert),
                HealthStatus::Down => ("err", Icon::Alert),
            };
            let word = match part.status {
                HealthStatus::Ok => "Well",
                HealthStatus::Disabled => "Off",
                HealthStatus::Degraded => "Degraded",
                HealthStatus::Down => "Down",
            };
            view! { <li><span class="part-name">{title(&name)}</span>{badge(tone, picture, word)}<span class="sub">{part.detail}</span></li> }
        })
        .collect_view();
    view! { <ul class="parts" data-testid="health">{rows}</ul> }.into_any()
}
