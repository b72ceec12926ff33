//! One job: how far it is and what can be done with it, then everything recorded of it: its course over time, objects, log, events and
//! terms.

use crate::api::moves::{JobPage, get_job, get_job_log};
use crate::domain::migration::timeline::time_left;
use crate::domain::migration::{Job, JobDetail, JobEvent, ManifestObject};
use crate::ui::browser;
use crate::ui::format::{duration, title};
use crate::ui::pages::served::field;
use crate::ui::parts::badge::{badge, status_badge};
use crate::ui::parts::command::command;
use crate::ui::parts::icon::Icon;
use crate::ui::parts::job::{self, actions, meter, stage_badge, told};
use crate::ui::parts::load::empty;
use crate::ui::parts::log::log_tail;
use crate::ui::parts::once::Once;
use crate::ui::parts::options::asked;
use crate::ui::parts::outcome::outcome_card;
use crate::ui::parts::plan::{checks, plan, saving};
use crate::ui::parts::stages::stages;
use crate::ui::parts::time::{full, moment};
use crate::ui::parts::timeline::{gantt, replay, throughput};
use crate::ui::parts::told::Told;
use crate::ui::parts::typed_name::approval;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;
use leptos_router::hooks::use_params_map;

/// The page.
#[must_use]
pub fn page() -> AnyView {
    let id = untrack(|| use_params_map().with(|p| p.get("id"))).unwrap_or_default();
    let title = format!("Job {id}");
    let at = field("at");
    let id = Memo::new(move |_| id.clone());
    let page = Once::new(move || id.get(), get_job);
    let drawn = move |p: crate::ui::parts::load::Held<JobPage>| {
        let at = untrack(at).and_then(|text| text.parse::<i64>().ok());
        let page = p.now();
        view! { {head(&page.detail)} {record(page, at)} }.into_any()
    };
    view! { <div class="page" data-served="page" data-every="500"><Title text=title/>{page.draw(drawn)}</div> }.into_any()
}

/// How far it is and what can be done with it.
fn head(detail: &JobDetail) -> AnyView {
    let JobDetail {
        job,
        events,
        samples,
        plan,
        ..
    } = detail;
    let (dataset, name) = (format!("/datasets/{}", job.dataset_id), job.dataset_name.clone());
    let left = time_left(samples, job.status, job.attempt, &job.progress);
    view! {
        <header class="page-head" data-testid="job-page" data-status=job.status.as_str()>
            <div>
                <p class="crumbs"><A href="/jobs">"Jobs"</A>" / "{job.id.to_string()}</p>
                <h1>"Move " <A href=dataset attr:class="name">{name}</A></h1>
                <p class="row lead">{stage_badge(job.status)} <span data-testid="job-reason">{job.reason.clone()}</span></p>
            </div>
            {actions(job, false)}
        </header>
        {approval(job, plan.as_ref())}
        <section class="card" aria-label="Progress" data-job-id=job.id.to_string() data-status=job.status.as_str() data-at=job::at(job)>
            <div class="card-body">
                {stages(job, events)}
                {meter(job)}
                <p class="small muted">{told(job, Told::Counted)} " " <span data-testid="time-left">{left.map(left_line)}</span></p>
                <p class="visually-hidden" role="status">{told(job, Told::Milestone)}</p>
            </div>
        </section>
    }
    .into_any()
}

fn left_line((fast, slow): (i64, i64)) -> String {
    if fast == slow {
        return format!("About {} left.", duration(fast));
    }
    format!(
        "{} to {} left, at the fastest and slowest of the latest rates.",
        duration(fast),
        duration(slow)
    )
}

fn record(page: JobPage, at: Option<i64>) -> AnyView {
    let JobPage { now, detail } = page;
    let id = detail.job.id;
    let log = Once::new(move || id.to_string(), get_job_log);
    let ended = detail.job.finished_at.is_some();
    let planned = detail.plan.as_ref().map(|p| {
        view! {
            <section class="card" aria-labelledby="plan">
                <div class="card-head"><h2 id="plan">"The plan it was made from"</h2></div>
                <div class="card-body">{plan(p)}{checks(p)}</div>
            </section>
        }
    });
    let outcome = detail.outcome.as_ref().map(|o| {
        view! {
            <section class="card" aria-labelledby="right">
                <div class="card-head"><h2 id="right">"Was it right?"</h2></div>
                {outcome_card(o)}
            </section>
        }
    });
    let follow = format!("dataset:{}", detail.job.dataset_id);
    view! {
        <div class="cols">
        <div class="stack" data-follow=follow>
            <section class="card" aria-labelledby="course">
                <div class="card-head"><h2 id="course">"Over time"</h2><span class="small muted">"recorded, every run by itself"</span></div>
                <div class="card-body">
                    {gantt(&detail, now)}
                    {throughput(&detail, now)}
                    {ended.then(|| replay(&detail, at))}
                </div>
            </section>
            <section class="card" aria-labelledby="objects">
                <div class="card-head"><h2 id="objects">"Objects"</h2><span class="small muted">"failed first, at most 200 shown"</span></div>
                {objects_table(detail.objects.clone())}
            </section>
            <section class="card" aria-labelledby="log">
                <div class="card-head"><h2 id="log">"Log"</h2><span class="small muted">"the last lines, live"</span></div>
                {log.draw(|lines| log_tail(lines.now()))}
            </section>
            {planned}
        </div>
        <div class="stack">
            <section class="card" aria-labelledby="facts">
                <div class="card-head"><h2 id="facts">"About this job"</h2></div>
                <div class="card-body">{facts(&detail)}</div>
            </section>
            <section class="card" aria-labelledby="events">
                <div class="card-head"><h2 id="events">"Events"</h2></div>
                <ol class="feed" data-testid="job-events">{detail.events.iter().rev().cloned().map(event).collect_view()}</ol>
            </section>
            {outcome}
            {elsewhere(&detail.job)}
        </div>
        </div>
    }
    .into_any()
}

fn event(e: JobEvent) -> AnyView {
    let run =
        (e.attempt > 1).then(|| view! { <span class="small muted">{format!(" run {}", e.attempt)}</span> });
    let reason = e.reason.map(|r| view! { <span class="sub">{r}</span> });
    view! {
        <li>
            {moment(e.at)}
            <div>{status_badge(e.status)} {run} {reason}</div>
        </li>
    }
    .into_any()
}

/// The same from a terminal: one line to watch, one for what can be done now, by the command line and over HTTP.
fn elsewhere(job: &Job) -> AnyView {
    let (id, origin) = (job.id, browser::origin());
    let next = job.actions.first().map(|word| {
        view! {
            {command(format!("dim jobs {word} --job-id {id}"))}
            {command(format!("curl -X POST {origin}/api/v1/jobs/{id}/{word}"))}
        }
    });
    view! {
        <section class="card" aria-labelledby="cli">
            <div class="card-head"><h2 id="cli">"From a terminal"</h2></div>
            <div class="card-body stack-s">
                {command(format!("dim watch job --job-id {id}"))}
                {next}
                {command(format!("curl {origin}/api/v1/jobs/{id}"))}
            </div>
        </section>
    }
    .into_any()
}

fn facts(d: &JobDetail) -> AnyView {
    let (job, verification) = (&d.job, d.verification.clone());
    let id = job.id;
    let receipt = d.has_receipt.then(|| {
        let (href, save) = (
            format!("/api/v1/jobs/{id}/receipt"),
            format!("dim jobs receipt {id} --save receipt-{id}.json"),
        );
        view! { <dt>"Receipt"</dt><dd><a href=href rel="external" data-testid="receipt">"Signed, every object with its hash"</a><span class="sub mono">{save}</span></dd> }
    });
    view! {
        <dl class="facts">
            <dt>"From"</dt><dd><span class="mono">{job.source_uri.to_string()}</span><span class="sub">{job.source_class.to_string()}</span></dd>
            <dt>"To"</dt><dd><span class="mono">{job.target_uri.to_string()}</span><span class="sub">{job.target_class.to_string()}</span></dd>
            <dt>"Made"</dt><dd>{full(job.created_at)}</dd>
            {job.started_at.map(|t| view! { <dt>"Begun"</dt><dd>{full(t)}</dd> })}
            {job.finished_at.map(|t| view! { <dt>"Ended"</dt><dd>{full(t)}</dd> })}
            <dt>"Run"</dt><dd>{job.attempt.to_string()}</dd>
            {job.forecast_saving_nanousd.map(|s| view! { <dt>"Saving a month"</dt><dd>{saving(Some(s))}</dd> })}
            {verification.map(|v| view! { <dt>"Verified by"</dt><dd>{v}</dd> })}
            {asked(d)}
            {receipt}
            {job.undo_until.map(|t| view! { <dt>"Undo until"</dt><dd>{full(t)}</dd> })}
            {job.error_code.clone().map(|c| view! { <dt>"Error code"</dt><dd><code>{c}</code></dd> })}
        </dl>
    }
    .into_any()
}

fn objects_table(objects: Vec<ManifestObject>) -> AnyView {
    if objects.is_empty() {
        return empty(
            "No object listed yet",
            "The manifest is written when a mover takes the job.",
            None,
        );
    }
    view! {
        <div class="table-wrap">
            <table class="cards">
                <thead><tr><th scope="col">"Object"</th><th scope="col" class="num">"Size"</th><th scope="col">"State"</th><th scope="col">"BLAKE3"</th></tr></thead>
                <tbody>
                    {objects.into_iter().map(|o| {
                        let (tone, picture) = match o.state.as_str() {
                            "verified" => ("ok", Icon::Shield),
                            "copied" => ("run", Icon::Check),
                            "failed" => ("err", Icon::Alert),
                            _ => ("", Icon::Clock),
                        };
                        let hash = o.content_hash.map(|h| h.chars().take(12).collect::<String>());
                        view! {
                            <tr>
                                <td class="title"><span class="mono">{o.key}</span>{o.error.map(|e| view! { <span class="sub bad">{e}</span> })}</td>
                                <td class="num" data-label="Size">{o.size_bytes.to_string()}</td>
                                <td data-label="State">{badge(tone, picture, title(&o.state))}</td>
                                <td data-label="BLAKE3"><span class="mono muted nowrap">{hash.unwrap_or_else(|| "–".into())}</span></td>
                            </tr>
                        }
                    }).collect_view()}
                </tbody>
            </table>
        </div>
    }
    .into_any()
}
