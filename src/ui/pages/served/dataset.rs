//! One dataset: its history, its recommendation, its copies and moves, and what can be done with it.

use crate::api::advice::{get_advice, get_backtest};
use crate::api::catalog::{DatasetPage, get_dataset, list_places};
use crate::api::moves::list_jobs;
use crate::api::query::JobQuery;
use crate::domain::access::AccessBucket;
use crate::domain::dataset::{Dataset, DatasetSummary, Page};
use crate::domain::id::DatasetId;
use crate::domain::location::Location;
use crate::domain::migration::Job;
use crate::domain::placement::backtest::BacktestReport;
use crate::domain::recommendation::outcome::Advice;
use crate::domain::replica::{Replica, ReplicaRole};
use crate::domain::unit::Timestamp;
use crate::ui::format::{count, monthly, plural, times_of_size, title};
use crate::ui::pages::served::field;
use crate::ui::parts::advice::card;
use crate::ui::parts::badge::{badge, status_badge};
use crate::ui::parts::command::command;
use crate::ui::parts::curves::backtest;
use crate::ui::parts::history::history;
use crate::ui::parts::icon::{Icon, icon};
use crate::ui::parts::job::job_lines;
use crate::ui::parts::labels::labels;
use crate::ui::parts::load::{Held, empty};
use crate::ui::parts::once::Once;
use crate::ui::parts::outcome::outcomes;
use crate::ui::parts::place::place;
use crate::ui::parts::record::record;
use crate::ui::parts::rules::rules;
use crate::ui::parts::target::target_form;
use crate::ui::parts::time::{ago, ago_or, full};
use crate::ui::parts::zoom::{Asked, form};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;
use leptos_router::hooks::use_params_map;

/// What the page draws from.
#[derive(Clone, Copy)]
struct Sources {
    detail: Once<DatasetPage>,
    advice: Once<Advice>,
    backtest: Once<Option<BacktestReport>>,
    jobs: Once<Page<Job>>,
    locations: Once<Vec<Location>>,
}

/// The page.
pub fn page() -> AnyView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|p| p.get("id")).unwrap_or_default());
    let (days, from, to) = (field("days"), field("from"), field("to"));
    let asked = Memo::new(move |_| Asked {
        days: days(),
        from: from(),
        to: to(),
    });
    let replayed = field("backtest");
    let replayed = Memo::new(move |_| replayed());
    let sources = Sources {
        detail: Once::new(move || id.get(), get_dataset),
        advice: Once::new(move || id.get(), get_advice),
        // A replay takes a core for a while, so it is made when it is asked for.
        backtest: Once::new(
            move || (id.get(), replayed.get()),
            |(id, replayed)| async move {
                match replayed {
                    Some(_) => get_backtest(id).await.map(Some),
                    None => Ok(None),
                }
            },
        ),
        jobs: Once::new(
            move || id.get(),
            |id| {
                list_jobs(JobQuery {
                    dataset: Some(id),
                    ..Default::default()
                })
            },
        ),
        locations: Once::new(|| (), |()| list_places()),
    };
    view! { <div class="page" data-served="page">{sources.detail.draw(move |d| body(d, id.get_untracked(), asked, sources))}</div> }.into_any()
}

fn body(page: Held<DatasetPage>, key: String, asked: Memo<Asked>, sources: Sources) -> AnyView {
    let first = page.now().detail.summary.dataset;
    let (id, name, uri) = (first.id, first.name.to_string(), first.path_uri.to_string());
    let summary = page.part(|p| p.detail.summary.clone());
    let owned = page.part(|p| p.detail.summary.dataset.clone());
    let active = page.part(|p| p.detail.summary.active_job.clone());
    let history = page.part(|p| (p.detail.history.clone(), p.now));
    let replicas = page.part(|p| p.detail.replicas.clone());
    let marks = page.part(|p| p.detail.summary.labels.clone());
    let heading = name.clone();
    let here = StoredValue::new(first.location_name.to_string());
    view! {
        <Title text=heading/>
        <header class="page-head" data-follow=format!("dataset:{id}")>
            <div>
                <p class="crumbs"><A href="/datasets">"Datasets"</A>" / "{id.to_string()}</p>
                <h1>{name}</h1>
                {move || active.get().map(|job| view! { <p><A href=format!("/jobs/{}", job.job_id) attr:class="badge-link">{status_badge(job.status)}</A></p> })}
                <p class="lead mono">{uri}</p>
            </div>
            {scan(id)}
        </header>
        {move || figures(&summary.get())}
        <div class="cols">
            <div class="stack">
                <section class="card" aria-labelledby="advice">
                    <div class="card-head"><h2 id="advice">"Recommendation"</h2><A href=format!("/datasets/{id}/what-if") attr:class="small">"What if…"</A></div>
                    {sources.advice.draw(recommendation)}
                </section>
                <section class="card" aria-labelledby="history">
                    <div class="card-head">
                        <h2 id="history">"Access history"</h2>
                        <nav class="chips" aria-label="Range of the chart">{move || ranges(&key, &asked.get())}</nav>
                    </div>
                    {move || history.with(|(buckets, now)| chart(buckets, *now, &asked.get(), id))}
                </section>
                <section class="card" aria-labelledby="backtest">
                    <div class="card-head"><h2 id="backtest">"Backtest"</h2><span class="small muted">"what each policy would have cost, without looking ahead"</span></div>
                    {sources.backtest.draw(move |r| replay(r.now(), id))}
                </section>
                <section class="card" aria-labelledby="copies">
                    <div class="card-head"><h2 id="copies">"Copies"</h2><span class="small muted">"the serving one answers readers"</span></div>
                    {move || replicas.with(|r| copies(r))}
                </section>
                <section class="card" aria-labelledby="moves">
                    <div class="card-head"><h2 id="moves">"Moves"</h2></div>
                    {sources.jobs.draw(moves)}
                </section>
            </div>
            <div class="stack">
                <section class="card" aria-labelledby="move">
                    <div class="card-head"><h2 id="move">"Plan a move"</h2></div>
                    <div class="card-body">
                        {sources.locations.draw(move |l| target_form(id.to_string(), &l.now(), &here.get_value(), "", ""))}
                        {command(format!("dim migrate plan --dataset-id {id} --target-location NAME --dry-run"))}
                    </div>
                </section>
                {record(id)}
                <section class="card" aria-labelledby="labels-head">
                    <div class="card-head"><h2 id="labels-head">"Labels"</h2></div>
                    <div class="card-body stack-s">{labels(id, marks)}</div>
                </section>
                <section class="card" aria-labelledby="rules">
                    <div class="card-head"><h2 id="rules">"Owner's rules"</h2></div>
                    <div class="card-body">{move || owned.with(rules)}</div>
                </section>
                <section class="card" aria-labelledby="facts">
                    <div class="card-head"><h2 id="facts">"Facts"</h2></div>
                    <div class="card-body">{move || summary.with(|s| facts(&s.dataset))}</div>
                </section>
            </div>
        </div>
    }
    .into_any()
}

fn scan(id: DatasetId) -> AnyView {
    view! {
        <form method="post" action="/api/fn/scan-dataset" class="inline-form" data-counts=id.to_string()>
            <input type="hidden" name="dataset_id" value=id.to_string()/>
            <button type="submit" data-testid="scan">{icon(Icon::Refresh)} "Scan its objects"</button>
        </form>
    }
    .into_any()
}

fn recommendation(r: Held<Advice>) -> AnyView {
    view! {
        {move || {
            let now = r.get();
            view! { {card(&now.recommendation)} {outcomes(&now.outcomes)} }
        }}
    }
    .into_any()
}

fn replay(report: Option<BacktestReport>, id: DatasetId) -> AnyView {
    match report {
        Some(report) => backtest(&report),
        None => view! {
            <div class="card-body row">
                <a class="button" href=format!("/datasets/{id}?backtest=1#backtest") data-testid="replay" data-noscroll>"Replay its history"</a>
            </div>
        }
        .into_any(),
    }
}

fn moves(jobs: Held<Page<Job>>) -> AnyView {
    let jobs = jobs.now().items;
    if jobs.is_empty() {
        return empty(
            "It was never moved",
            "Plan a move on this page, and it will stand here.",
            None,
        );
    }
    job_lines(jobs.iter().take(MOVES_SHOWN))
}

fn figures(s: &DatasetSummary) -> AnyView {
    let d = &s.dataset;
    let objects = if d.object_count > 0 {
        plural(d.object_count, "object")
    } else {
        "not scanned yet".to_owned()
    };
    let item = |label: &'static str, value: AnyView, note: AnyView| {
        view! { <div class="figure"><span class="figure-label">{label}</span><span class="figure-value">{value}</span><span class="figure-note">{note}</span></div> }
    };
    view! {
        <div class="figures">
            {item("Size", d.size_bytes.to_string().into_any(), objects.into_any())}
            {item("Serves from", d.location_name.to_string().into_any(), d.storage_class.to_string().into_any())}
            {item("Read a month", times_of_size(s.reads_per_month_permille).into_any(), "of its size, last 30 days".into_any())}
            {item("Cost a month", monthly(s.monthly_cost_nanousd).into_any(), "at that rate".into_any())}
            {item("Last access", ago_or(s.last_access_at, "never"), "read or write".into_any())}
        </div>
    }
    .into_any()
}

/// Moves listed here; the jobs page has all.
const MOVES_SHOWN: usize = 12;

const RANGES: [(&str, &str); 4] = [
    ("30", "30 days"),
    ("90", "90 days"),
    ("365", "1 year"),
    ("", "Whole history"),
];

fn ranges(key: &str, asked: &Asked) -> AnyView {
    let chosen = asked.days.as_deref().unwrap_or_default();
    RANGES
        .into_iter()
        .map(|(days, text)| {
            let href = if days.is_empty() {
                format!("/datasets/{key}")
            } else {
                format!("/datasets/{key}?days={days}")
            };
            let current = (!asked.is_zoomed() && chosen == days).then_some("true");
            view! { <a href=href data-noscroll aria-current=current>{text}</a> }
        })
        .collect_view()
        .into_any()
}

fn chart(days: &[AccessBucket], now: Timestamp, asked: &Asked, id: DatasetId) -> AnyView {
    let Some(oldest) = days.first() else {
        return empty(
            "No access was seen yet",
            "Without a history nothing is forecast. Post an access event below, or import a log:",
            Some(format!(
                "dim access --dataset-id {id} --op read --size-bytes 8192 --client-lat-ms 11.4"
            )),
        );
    };
    let newest = days.last().map_or(now.day(), |b| b.start.day());
    let span = asked.span(oldest.start.day(), now.day().max(newest));
    let page = format!("/datasets/{id}");
    view! { <div class="card-body">{history(days, span, &page)} {form(&page, asked, span)}</div> }.into_any()
}

fn copies(replicas: &[Replica]) -> AnyView {
    if replicas.is_empty() {
        return empty(
            "No copy is known",
            "Scan the dataset to see what is at its address.",
            None,
        );
    }
    view! {
        <div class="table-wrap">
            <table class="cards">
                <thead><tr><th scope="col">"Copy"</th><th scope="col">"Class"</th><th scope="col" class="num">"Size"</th><th scope="col">"Verified"</th><th scope="col">"Kept until"</th></tr></thead>
                <tbody>
                    {replicas.iter().map(|r| {
                        let (tone, picture) = match r.role {
                            ReplicaRole::Serving => ("ok", Icon::Check),
                            ReplicaRole::Retained => ("warn", Icon::Clock),
                            ReplicaRole::Deleting => ("warn", Icon::Spin),
                            ReplicaRole::Retired => ("", Icon::Ban),
                        };
                        let prefix = if r.prefix.is_empty() { "the whole location".to_owned() } else { r.prefix.clone() };
                        view! {
                            <tr>
                                <td class="title">{badge(tone, picture, title(r.role.as_str()))}<span class="sub mono">{prefix}</span></td>
                                <td data-label="Class">{r.storage_class.to_string()}</td>
                                <td class="num" data-label="Size">{r.size_bytes.to_string()}<span class="sub">{format!("{} objects", count(r.object_count))}</span></td>
                                <td data-label="Verified">{ago_or(r.verified_at, "not by a move")}</td>
                                <td data-label="Kept until">{r.retire_after.map_or_else(|| view! { <span class="muted">"–"</span> }.into_any(), ago)}</td>
                            </tr>
                        }
                    }).collect_view()}
                </tbody>
            </table>
        </div>
    }
    .into_any()
}

fn facts(d: &Dataset) -> AnyView {
    view! {
        <dl class="facts">
            <dt>"Placement"</dt><dd>{place(d.location_name.as_str(), d.storage_class.as_str())}</dd>
            <dt>"Created"</dt><dd>{full(d.created_at)}</dd>
            <dt>"Changed"</dt><dd>{full(d.updated_at)}</dd>
            <dt>"Scanned"</dt><dd>{ago_or(d.scanned_at, "never")}</dd>
            <dt>"Latency limit"</dt><dd>{d.latency_limit_ms.map_or_else(|| "none".to_owned(), |ms| format!("{} ms to the first byte", count(ms)))}</dd>
            {d.pinned_reason.clone().map(|r| view! { <dt>"Pinned"</dt><dd>{r}</dd> })}
            {d.stand_in.then(|| view! { <dt>"Files"</dt><dd>"stand-ins: smaller than the stated size"</dd> })}
            <dt>"Generation"</dt><dd>{d.generation.to_string()}</dd>
        </dl>
    }
    .into_any()
}
