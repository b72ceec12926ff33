//! One job: its stages, progress, objects and events, and what can be done with it.

use super::field;
use crate::api::moves::{JobPage, get_job, get_job_log};
use crate::domain::migration::timeline::time_left;
use crate::domain::migration::{Job, JobDetail, JobEvent, JobStatus, LogLine, ManifestObject};
use crate::ui::browser;
use crate::ui::format::{duration, plural, rate, title};
use crate::ui::live::Live;
use crate::ui::parts::badge::{badge, status_badge};
use crate::ui::parts::command::command;
use crate::ui::parts::icon::Icon;
use crate::ui::parts::job::{actions, fraction, live_badge, meter, objects_line};
use crate::ui::parts::load::{Held, Source, empty};
use crate::ui::parts::log::log_tail;
use crate::ui::parts::options::asked;
use crate::ui::parts::outcome::outcome_card;
use crate::ui::parts::plan::{checks, plan, saving};
use crate::ui::parts::stages::stages;
use crate::ui::parts::time::{full, moment};
use crate::ui::parts::timeline::{gantt, replay, throughput};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;
use leptos_router::hooks::use_params_map;
use std::time::Duration;

/// The page asks again this often at most while its job changes stage.
const PAGE_EVERY: Duration = Duration::from_millis(500);
/// And this often while bytes move.
const SAMPLES_EVERY: Duration = Duration::from_secs(3);

/// The page.
pub fn page() -> AnyView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|p| p.get("id")).unwrap_or_default());
    let at = field("at");
    let at = Memo::new(move |_| at().and_then(|text| text.parse::<i64>().ok()));
    let page = Source::new(move || id.get(), get_job);
    let log = Source::new(move || id.get(), get_job_log);
    view! {
        <div class="page">
            // The head asks once more after the page has gone.
            <Title text=move || id.try_get().map_or_else(|| "Job".to_owned(), |id| format!("Job {id}"))/>
            {page.draw(move |p| body(p, at, log))}
        </div>
    }
    .into_any()
}

fn body(page: Held<JobPage>, at: Memo<Option<i64>>, log: Source<Vec<LogLine>>) -> AnyView {
    let first = page.now().detail.job;
    let refresh = Callback::new(move |()| page.refresh());
    Live::get().on_stage(PAGE_EVERY, move || page.refresh());
    let fetched = page.part(|p| p.detail.job.clone());
    let job = Live::get().job(fetched.into());
    follow_samples(job, refresh);
    let events = page.part(|p| p.detail.events.clone());
    let objects = page.part(|p| p.detail.objects.clone());
    let about = page.part(|p| JobDetail {
        samples: Vec::new(),
        objects: Vec::new(),
        events: Vec::new(),
        plan: None,
        ..p.detail.clone()
    });
    let course = page.part(|p| JobPage {
        detail: JobDetail {
            objects: Vec::new(),
            plan: None,
            ..p.detail.clone()
        },
        now: p.now,
    });
    let outcome = page.part(|p| p.detail.outcome.clone());
    let left = Memo::new(move |_| {
        course.with(|p| job.with(|j| time_left(&p.detail.samples, j.status, j.attempt, &j.progress)))
    });
    let reason = Memo::new(move |_| job.with(|j| j.reason.clone()));
    let stage = Memo::new(move |_| job.with(|j| j.status));
    let replayed = Memo::new(move |_| course.with(|p| p.detail.job.finished_at.is_some()));
    let planned = page.now().detail.plan.map(|p| {
        view! {
            <section class="card" aria-labelledby="plan">
                <div class="card-head"><h2 id="plan">"The plan it was made from"</h2></div>
                <div class="card-body">{plan(&p)}{checks(&p)}</div>
            </section>
        }
    });
    view! {
        <header class="page-head" data-testid="job-page" data-status=move || stage.get().as_str()>
            <div>
                <p class="crumbs"><A href="/jobs">"Jobs"</A>" / "{first.id.to_string()}</p>
                <h1>"Move " <A href=format!("/datasets/{}", first.dataset_id) attr:class="name">{first.dataset_name}</A></h1>
                <p class="row lead">{live_badge(job)} <span data-testid="job-reason">{move || reason.get()}</span></p>
            </div>
            {actions(job, refresh)}
        </header>
        <section class="card" aria-label="Progress">
            <div class="card-body">
                {stages(job, events)}
                {meter(job)}
                <p class="small muted">{move || job.with(counted)} <span data-testid="time-left">{move || left.get().map(left_line)}</span></p>
                {milestones(job)}
            </div>
        </section>
        <div class="cols">
            <div class="stack">
                <section class="card" aria-labelledby="course">
                    <div class="card-head"><h2 id="course">"Over time"</h2><span class="small muted">"recorded, every run by itself"</span></div>
                    <div class="card-body">
                        {move || course.with(|p| view! { {gantt(&p.detail, p.now)} {throughput(&p.detail, p.now)} })}
                        {move || replayed.get().then(|| replay(course.get_untracked().detail, at.get_untracked()))}
                    </div>
                </section>
                <section class="card" aria-labelledby="objects">
                    <div class="card-head"><h2 id="objects">"Objects"</h2><span class="small muted">"failed first, at most 200 shown"</span></div>
                    {move || objects_table(objects.get())}
                </section>
                <section class="card" aria-labelledby="log">
                    <div class="card-head"><h2 id="log">"Log"</h2><span class="small muted">"the last lines, live"</span></div>
                    {log.draw(move |lines| log_tail(lines, job))}
                </section>
                {planned}
            </div>
            <div class="stack">
                <section class="card" aria-labelledby="facts">
                    <div class="card-head"><h2 id="facts">"About this job"</h2></div>
                    <div class="card-body">{move || about.with(facts)}</div>
                </section>
                <section class="card" aria-labelledby="events">
                    <div class="card-head"><h2 id="events">"Events"</h2></div>
                    <ol class="feed" data-testid="job-events">{move || events.with(|events| events.iter().rev().cloned().map(event).collect_view())}</ol>
                </section>
                <section class="card" aria-labelledby="right" hidden=move || outcome.with(Option::is_none)>
                    <div class="card-head"><h2 id="right">"Was it right?"</h2></div>
                    {move || outcome.with(|o| o.as_ref().map(outcome_card))}
                </section>
                {elsewhere(job)}
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

/// What a screen reader hears of the progress: stages and quarters, not every tick.
fn milestones(job: Signal<Job>) -> AnyView {
    let said = Memo::new(move |_| {
        job.with(|j| {
            let quarter = fraction(j) / 25 * 25;
            let stage = title(j.status.as_str());
            match j.status {
                JobStatus::Copying | JobStatus::Verifying if quarter > 0 => {
                    format!("{stage}: {quarter} percent")
                }
                _ => stage,
            }
        })
    });
    view! { <p class="visually-hidden" role="status">{said}</p> }.into_any()
}

/// The same from a terminal: one line to watch, one for what can be done now, by the command line and over HTTP.
fn elsewhere(job: Signal<Job>) -> AnyView {
    let id = job.with_untracked(|j| j.id);
    let next = Memo::new(move |_| job.with(|j| j.actions.first().cloned()));
    let origin = RwSignal::new("http://127.0.0.1:8080".to_owned());
    Effect::new(move |_| origin.set(browser::origin()));
    view! {
        <section class="card" aria-labelledby="cli">
            <div class="card-head"><h2 id="cli">"From a terminal"</h2></div>
            <div class="card-body stack-s">
                {command(format!("dim watch job --job-id {id}"))}
                {move || next.get().map(|word| {
                    let origin = origin.get();
                    view! {
                        {command(format!("dim jobs {word} --job-id {id}"))}
                        {command(format!("curl -X POST {origin}/api/v1/jobs/{id}/{word}"))}
                    }
                })}
                {move || command(format!("curl {}/api/v1/jobs/{id}", origin.get()))}
            </div>
        </section>
    }
    .into_any()
}

/// Samples are taken all the time and no stage tells of them: the page asks for them while bytes move.
fn follow_samples(job: Signal<Job>, refresh: Callback<()>) {
    let moving =
        Memo::new(move |_| job.with(|j| matches!(j.status, JobStatus::Copying | JobStatus::Verifying)));
    let asking = StoredValue::new(None::<IntervalHandle>);
    let stop = move || {
        if let Some(handle) = asking.try_update_value(Option::take).flatten() {
            handle.clear();
        }
    };
    Effect::new(move |_| {
        stop();
        if moving.get() {
            asking.set_value(set_interval_with_handle(move || refresh.run(()), SAMPLES_EVERY).ok());
        }
    });
    on_cleanup(stop);
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

/// What the present stage counts: the same bar means copied bytes in one stage and compared bytes in the next.
fn counted(job: &Job) -> String {
    let objects = objects_line(&job.progress);
    let speed = rate(job.progress.bytes_per_sec);
    match job.status {
        JobStatus::Copying => format!("{objects} copied and durable at the target, {speed}."),
        JobStatus::Verifying => format!("{objects} read back and compared, {speed}."),
        JobStatus::Switching => "Every object is verified; the catalog is being switched.".into(),
        JobStatus::Completed => format!(
            "{} copied, verified and switched.",
            plural(job.progress.objects_total, "object")
        ),
        JobStatus::AwaitingApproval => "Waits until a person approves it; nothing was copied.".into(),
        JobStatus::Queued => "Waits for a mover.".into(),
        JobStatus::Failed | JobStatus::Cancelled => "The source was not changed and still serves.".into(),
        JobStatus::Paused => format!("{objects} are kept for when it is resumed."),
        JobStatus::Undone => "Readers are back at the source.".into(),
    }
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
