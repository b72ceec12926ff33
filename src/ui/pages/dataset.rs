//! One dataset: its history, its recommendation, its copies and moves, and what can be done with it.

use super::field;
use crate::api::catalog::{DatasetPage, RecordAccess, ScanDataset, get_dataset, list_locations};
use crate::api::moves::list_jobs;
use crate::api::query::JobQuery;
use crate::domain::dataset::{Dataset, DatasetSummary};
use crate::domain::replica::{Replica, ReplicaRole};
use crate::domain::unit::Timestamp;
use crate::ui::format::{count, monthly, plural, times_of_size, utc, words};
use crate::ui::parts::badge::badge;
use crate::ui::parts::command::command;
use crate::ui::parts::history::history;
use crate::ui::parts::icon::{Icon, icon};
use crate::ui::parts::job::job_line;
use crate::ui::parts::load::{empty, loaded};
use crate::ui::parts::notice::follow;
use crate::ui::parts::place::place;
use crate::ui::parts::target::target_form;
use crate::ui::parts::time::{ago, ago_or};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;
use leptos_router::hooks::use_params_map;

/// The page.
pub fn page() -> AnyView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|p| p.get("id")).unwrap_or_default());
    let days = field("days");
    let days = Memo::new(move |_| days());
    let detail = Resource::new(move || id.get(), get_dataset);
    view! {
        <div class="page">{loaded(detail, move |d| body(d, id.get_untracked(), days, move || detail.refetch()))}</div>
    }
    .into_any()
}

fn body(page: DatasetPage, key: String, days: Memo<Option<String>>, refresh: impl Fn() + Copy + Send + Sync + 'static) -> AnyView {
    let DatasetPage { now, detail } = page;
    let summary = detail.summary.clone();
    let d = summary.dataset.clone();
    let id = d.id.to_string();
    let jobs_of = id.clone();
    let jobs = Resource::new(
        || (),
        move |()| list_jobs(JobQuery { dataset: Some(jobs_of.clone()), ..Default::default() }),
    );
    let locations = Resource::new(|| (), |()| list_locations());
    let scan = ServerAction::<ScanDataset>::new();
    follow(scan, refresh);
    let days_of = detail.history.clone();
    let plan_of = id.clone();
    view! {
        <Title text=d.name.to_string()/>
        <header class="page-head">
            <div>
                <p class="crumbs"><A href="/datasets">"Datasets"</A>" / "{id.clone()}</p>
                <h1>{d.name.to_string()}</h1>
                <p class="lead mono">{d.path_uri.to_string()}</p>
            </div>
            <ActionForm action=scan attr:class="inline-form">
                <input type="hidden" name="dataset_id" value=id.clone()/>
                <button type="submit" disabled=move || scan.pending().get()>{icon(Icon::Refresh)} {move || if scan.pending().get() { "Listing…" } else { "Scan its objects" }}</button>
            </ActionForm>
        </header>
        {figures(&summary)}
        <section class="card" aria-labelledby="history">
            <div class="card-head">
                <h2 id="history">"Access history"</h2>
                <nav class="chips" aria-label="Range of the chart">{move || ranges(&key, days.get().as_deref())}</nav>
            </div>
            {move || chart(&days_of, now, days.get().as_deref(), d.id.0)}
        </section>
        <div class="cols">
            <div class="stack">
                <section class="card" aria-labelledby="copies">
                    <div class="card-head"><h2 id="copies">"Copies"</h2><span class="small muted">"the serving one answers readers"</span></div>
                    {replicas(&detail.replicas)}
                </section>
                <section class="card" aria-labelledby="moves">
                    <div class="card-head"><h2 id="moves">"Moves"</h2></div>
                    {loaded(jobs, |page| if page.items.is_empty() {
                        empty("It was never moved", "Plan a move beside this, and it will stand here.", None)
                    } else {
                        view! { <div class="jobs-live">{page.items.into_iter().take(12).map(job_line).collect_view()}</div> }.into_any()
                    })}
                </section>
            </div>
            <div class="stack">
                <section class="card" aria-labelledby="move">
                    <div class="card-head"><h2 id="move">"Plan a move"</h2></div>
                    <div class="card-body">
                        {loaded(locations, move |l| target_form(plan_of.clone(), &l, "", ""))}
                        {command(format!("dim migrate plan --dataset-id {id} --target-location NAME --dry-run"))}
                    </div>
                </section>
                {record(id.clone(), refresh)}
                <section class="card" aria-labelledby="facts">
                    <div class="card-head"><h2 id="facts">"Facts"</h2></div>
                    <div class="card-body">{facts(&summary.dataset)}</div>
                </section>
            </div>
        </div>
    }
    .into_any()
}

fn figures(s: &DatasetSummary) -> AnyView {
    let d = &s.dataset;
    let objects = if d.object_count > 0 { plural(d.object_count, "object") } else { "not scanned yet".to_owned() };
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

const RANGES: [(&str, &str); 4] = [("30", "30 days"), ("90", "90 days"), ("365", "1 year"), ("", "All")];

fn ranges(key: &str, chosen: Option<&str>) -> AnyView {
    RANGES
        .into_iter()
        .map(|(days, text)| {
            let href = if days.is_empty() { format!("/datasets/{key}") } else { format!("/datasets/{key}?days={days}") };
            let current = (chosen.unwrap_or_default() == days).then_some("true");
            view! { <A href=href scroll=false attr:aria-current=current>{text}</A> }
        })
        .collect_view()
        .into_any()
}

fn chart(days: &[crate::domain::access::AccessBucket], now: Timestamp, range: Option<&str>, id: i64) -> AnyView {
    let Some(oldest) = days.first() else {
        return empty(
            "No access was seen yet",
            "Without a history nothing is forecast. Post an access event below, or import a log:",
            Some(format!("dim access --dataset-id {id} --op read --size-bytes 8192 --client-lat-ms 11.4")),
        );
    };
    let newest = days.last().map_or(now.day(), |b| b.start.day());
    let last = now.day().max(newest);
    let first = match range.and_then(|r| r.parse::<i64>().ok()).filter(|n| (1..=36_500).contains(n)) {
        Some(n) => last - n + 1,
        // A week of room at least, so that one day of history is not one wide bar.
        None => oldest.start.day().min(last - 6),
    };
    view! { <div class="card-body">{history(days, first, last)}</div> }.into_any()
}

fn replicas(replicas: &[Replica]) -> AnyView {
    if replicas.is_empty() {
        return empty("No copy is known", "Scan the dataset to see what is at its address.", None);
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
                                <td class="title">{badge(tone, picture, words(r.role.as_str()))}<span class="sub mono">{prefix}</span></td>
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

fn record(id: String, refresh: impl Fn() + Copy + Send + Sync + 'static) -> AnyView {
    let action = ServerAction::<RecordAccess>::new();
    follow(action, refresh);
    let line = format!("dim access --dataset-id {id} --op read --size-bytes 8192 --client-lat-ms 11.4");
    view! {
        <section class="card" aria-labelledby="record">
            <div class="card-head"><h2 id="record">"Record an access"</h2></div>
            <div class="card-body">
                <ActionForm action=action>
                    <input type="hidden" name="dataset_id" value=id/>
                    <div class="form-grid">
                        <div class="field"><label for="acc-op">"What"</label><select id="acc-op" name="op"><option value="read">"read"</option><option value="write">"write"</option></select></div>
                        <div class="field"><label for="acc-size">"Bytes"</label><input id="acc-size" name="size_bytes" type="number" min="0" step="1" value="8192" required/></div>
                        <div class="field"><label for="acc-lat">"First byte, ms (optional)"</label><input id="acc-lat" name="client_lat_ms" type="number" min="0" step="0.1"/></div>
                        <div><button type="submit" disabled=move || action.pending().get()>"Record"</button></div>
                    </div>
                </ActionForm>
                {command(line)}
            </div>
        </section>
    }
    .into_any()
}

fn facts(d: &Dataset) -> AnyView {
    view! {
        <dl class="facts">
            <dt>"Placement"</dt><dd>{place(d.location_name.as_str(), d.storage_class.as_str())}</dd>
            <dt>"Created"</dt><dd>{utc(d.created_at)}</dd>
            <dt>"Changed"</dt><dd>{utc(d.updated_at)}</dd>
            <dt>"Scanned"</dt><dd>{d.scanned_at.map_or_else(|| "never".to_owned(), utc)}</dd>
            <dt>"Latency limit"</dt><dd>{d.latency_limit_ms.map_or_else(|| "none".to_owned(), |ms| format!("{} ms to the first byte", count(ms)))}</dd>
            {d.pinned_reason.clone().map(|r| view! { <dt>"Pinned"</dt><dd>{r}</dd> })}
            <dt>"Generation"</dt><dd>{d.generation.to_string()}</dd>
        </dl>
    }
    .into_any()
}
