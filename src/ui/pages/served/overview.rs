//! The parts of the first page: sums, jobs that move, where the data stands, the last events, the parts of the server.

use crate::api::moves::list_jobs;
use crate::api::query::JobQuery;
use crate::api::status::{get_health, get_overview, last_events, list_placements};
use crate::domain::dataset::Page;
use crate::domain::event::DomainEvent;
use crate::domain::migration::{Job, JobStatus};
use crate::domain::overview::{Attention, HealthReport, HealthStatus, Overview, PlacementShare};
use crate::ui::browser;
use crate::ui::format::{count, plural, title};
use crate::ui::parts::badge::badge;
use crate::ui::parts::feed::event_line;
use crate::ui::parts::icon::{Icon, icon};
use crate::ui::parts::job::job_lines;
use crate::ui::parts::load::empty;
use crate::ui::parts::once::Once;
use crate::ui::parts::share::shares;
use crate::ui::routes::AskedPart;
use leptos::prelude::*;
use leptos_router::components::A;

/// Jobs shown here; the jobs page has all.
const RUNNING_SHOWN: usize = 8;

/// What needs a person, and the sums; or why they cannot be had.
pub fn sums() -> AnyView {
    if is_left_out("sums") {
        return ().into_any();
    }
    let overview = Once::new(|| (), |()| get_overview());
    view! { <div class="stack" data-served="sums" data-follow="everything">{overview.draw(|o| figures(&o.now()))}</div> }.into_any()
}

/// The jobs that move.
pub fn running() -> AnyView {
    if is_left_out("running") {
        return ().into_any();
    }
    let active = || JobQuery {
        status: Some("active".into()),
        ..Default::default()
    };
    let jobs = Once::new(active, list_jobs);
    view! {
        <div data-served="running" data-follow="stages" data-every="700">
            <section class="card" aria-labelledby="running">
                <div class="card-head"><h2 id="running">"Running now"</h2><A href="/jobs" attr:class="small">"All jobs"</A></div>
                {jobs.draw(|page| moving(&page.now()))}
            </section>
        </div>
    }
    .into_any()
}

fn moving(page: &Page<Job>) -> AnyView {
    let shown: Vec<&Job> = page
        .items
        .iter()
        .filter(|j| j.status != JobStatus::AwaitingApproval)
        .take(RUNNING_SHOWN)
        .collect();
    let more = page.total - i64::try_from(page.items.len().min(RUNNING_SHOWN)).unwrap_or(0);
    if shown.is_empty() {
        return empty(
            "Nothing is moving",
            "Open a dataset and plan a move, or from a terminal:",
            Some("dim migrate plan --dataset-id 1 --target-location NAME".into()),
        );
    }
    let more = (more > 0).then(|| {
        view! { <p class="card-foot small"><A href="/jobs?status=active">{format!("{} more", count(more))}</A></p> }
    });
    view! { {job_lines(shown.into_iter())} {more} }.into_any()
}

/// Where the data stands. What cannot be had is said once, by the sums.
pub fn places() -> AnyView {
    if is_left_out("stands") {
        return ().into_any();
    }
    let placements = Once::new(|| (), |()| list_placements());
    view! {
        <div data-served="stands" data-follow="advice">
            {placements.draw_or(|p| stands(&p.now()), |_| ().into_any())}
        </div>
    }
    .into_any()
}

/// The last events and the parts of the server.
pub fn last() -> AnyView {
    if is_left_out("last") {
        return ().into_any();
    }
    let events = Once::new(|| (), |()| last_events());
    let health = Once::new(|| (), |()| get_health());
    view! {
        <div class="stack" data-served="last" data-follow="everything">
            <section class="card" aria-labelledby="events">
                <div class="card-head"><h2 id="events">"Last events"</h2></div>
                {events.draw(|e| feed(e.now()))}
            </section>
            <section class="card" aria-labelledby="parts">
                <div class="card-head"><h2 id="parts">"Parts of this server"</h2></div>
                {health.draw(|h| parts(h.now()))}
            </section>
        </div>
    }
    .into_any()
}

/// Whether another part alone was asked for.
fn is_left_out(part: &str) -> bool {
    let asked = use_context::<AskedPart>().and_then(|asked| asked.0);
    asked.is_some_and(|asked| asked != part)
}

fn figures(o: &Overview) -> AnyView {
    let found = format!(
        "a month, by {}",
        plural(o.move_recommendation_count, "open recommendation")
    );
    let missed = format!(
        "a month, by {} put off or turned down",
        plural(o.missed_count, "proposal")
    );
    view! {
        {attention(&o.attention)}
        <div class="figures">
            {figure("/datasets", "Datasets", count(o.dataset_count), o.size_bytes.to_string())}
            {figure("/datasets?sort=cost", "Cost a month", o.monthly_cost_nanousd.to_string(), "at the rate of the last 30 days".into())}
            {figure("/datasets?advice=move&sort=saving", "Savings found", o.found_saving_nanousd.to_string(), found)}
            {figure("/reports/savings", "Savings realised", o.realised_saving_nanousd.to_string(), "a month, forecast of the completed moves".into())}
            {figure("/recommendations?review=rejected", "Savings missed", o.missed_saving_nanousd.to_string(), missed)}
            <a class="figure" href="/datasets?sort=last_access">
                <span class="figure-label">"Accesses counted"</span>
                <span class="figure-value" data-testid="access-count">{count(o.access_event_count)}</span>
                <span class="figure-note">"reads and writes"</span>
            </a>
        </div>
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

fn stands(placements: &[PlacementShare]) -> AnyView {
    view! {
        <section class="card" aria-labelledby="stands">
            <div class="card-head"><h2 id="stands">"Where the data stands"</h2><A href="/locations" attr:class="small">"Locations"</A></div>
            {if placements.is_empty() {
                    empty(
                        "No dataset yet",
                        "Register a location, then a dataset on it; its bytes and cost will stand here by location and class.",
                        Some("dim datasets create --name demo-dataset --path-uri file:///shared_storage/demo-dataset".into()),
                    )
                } else {
                    shares(placements)
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

fn feed(events: Vec<DomainEvent>) -> AnyView {
    if events.is_empty() {
        return empty(
            "Nothing has happened yet",
            "Stages of moves, accesses and changed recommendations appear here. Follow them from a terminal as well:",
            Some(format!("curl -N {}/events", browser::origin())),
        );
    }
    view! { <ol class="feed">{events.into_iter().map(event_line).collect_view()}</ol> }.into_any()
}

fn parts(report: HealthReport) -> AnyView {
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
