//! One job: its stages, progress, objects and events, and what can be done with it.

use crate::api::moves::get_job;
use crate::domain::migration::{Job, JobDetail, ManifestObject};
use crate::ui::format::{clock, plural, rate, utc, words};
use crate::ui::parts::badge::{badge, status_badge};
use crate::ui::parts::icon::Icon;
use crate::ui::parts::job::{actions, cli, live, meter, objects_line};
use crate::ui::parts::load::{empty, loaded};
use crate::ui::parts::plan::{checks, plan};
use crate::ui::parts::stages::stages;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;
use leptos_router::hooks::use_params_map;

/// The page.
pub fn page() -> AnyView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|p| p.get("id")).unwrap_or_default());
    let detail = Resource::new(move || id.get(), get_job);
    view! {
        <div class="page">
            <Title text=move || format!("Job {}", id.get())/>
            {loaded(detail, move |d| body(d, move || detail.refetch()))}
        </div>
    }
    .into_any()
}

fn body(detail: JobDetail, refresh: impl Fn() + Copy + Send + Sync + 'static) -> AnyView {
    let JobDetail {
        job,
        events,
        objects,
        verification,
        plan: planned,
    } = detail;
    let fixed = job.clone();
    let job = live(job);
    view! {
        <header class="page-head">
            <div>
                <p class="crumbs"><A href="/jobs">"Jobs"</A>" / "{fixed.id.to_string()}</p>
                <h1>"Move " <A href=format!("/datasets/{}", fixed.dataset_id) attr:class="name">{fixed.dataset_name.clone()}</A></h1>
                <p class="row lead">{move || status_badge(job.get().status)} {move || job.get().reason}</p>
            </div>
            {actions(job, refresh)}
        </header>
        <section class="card" aria-label="Progress">
            <div class="card-body">
                {stages(job, events.clone())}
                {meter(job)}
                <p class="small muted">{move || counted(&job.get())}</p>
            </div>
        </section>
        <div class="cols">
            <div class="stack">
                <section class="card" aria-labelledby="objects">
                    <div class="card-head"><h2 id="objects">"Objects"</h2><span class="small muted">"failed first, at most 200 shown"</span></div>
                    {objects_table(objects)}
                </section>
                {planned.map(|p| view! {
                    <section class="card" aria-labelledby="plan">
                        <div class="card-head"><h2 id="plan">"The plan it was made from"</h2></div>
                        <div class="card-body">{plan(&p)}{checks(&p)}</div>
                    </section>
                })}
            </div>
            <div class="stack">
                <section class="card" aria-labelledby="facts">
                    <div class="card-head"><h2 id="facts">"About this job"</h2></div>
                    <div class="card-body">{facts(&fixed, verification)}</div>
                </section>
                <section class="card" aria-labelledby="events">
                    <div class="card-head"><h2 id="events">"Events"</h2></div>
                    <div class="card-body">
                        <ol class="events">
                            {events.into_iter().rev().map(|e| view! {
                                <li>
                                    <time datetime=e.at.to_string()>{clock(e.at)}</time>
                                    <div>{status_badge(e.status)} {(e.attempt > 1).then(|| view! { <span class="small muted">{format!(" run {}", e.attempt)}</span> })}
                                        {e.reason.map(|r| view! { <span class="sub">{r}</span> })}</div>
                                </li>
                            }).collect_view()}
                        </ol>
                    </div>
                </section>
                <section class="card" aria-labelledby="cli">
                    <div class="card-head"><h2 id="cli">"From a terminal"</h2></div>
                    <div class="card-body">{move || cli(&job.get())}</div>
                </section>
            </div>
        </div>
    }
    .into_any()
}

/// What the present stage counts: the same bar means copied bytes in one stage and compared bytes in the next.
fn counted(job: &Job) -> String {
    use crate::domain::migration::JobStatus;
    let objects = objects_line(&job.progress);
    let speed = rate(job.progress.bytes_per_sec);
    match job.status {
        JobStatus::Copying => format!("{objects} copied and durable at the target, {speed}."),
        JobStatus::Verifying => format!("{objects} read back and compared, {speed}."),
        JobStatus::Switching => "Every object is verified; the catalog is being switched.".into(),
        JobStatus::Completed => format!("{} copied, verified and switched.", plural(job.progress.objects_total, "object")),
        JobStatus::AwaitingApproval => "Waits until a person approves it; nothing was copied.".into(),
        JobStatus::Queued => "Waits for a mover.".into(),
        JobStatus::Failed | JobStatus::Cancelled => "The source was not changed and still serves.".into(),
        JobStatus::Paused => format!("{objects} are kept for when it is resumed."),
        JobStatus::Undone => "Readers are back at the source.".into(),
    }
}

fn facts(job: &Job, verification: Option<String>) -> AnyView {
    view! {
        <dl class="facts">
            <dt>"From"</dt><dd><span class="mono">{job.source_uri.to_string()}</span><span class="sub">{job.source_class.to_string()}</span></dd>
            <dt>"To"</dt><dd><span class="mono">{job.target_uri.to_string()}</span><span class="sub">{job.target_class.to_string()}</span></dd>
            <dt>"Made"</dt><dd>{utc(job.created_at)}</dd>
            {job.started_at.map(|t| view! { <dt>"Begun"</dt><dd>{utc(t)}</dd> })}
            {job.finished_at.map(|t| view! { <dt>"Ended"</dt><dd>{utc(t)}</dd> })}
            <dt>"Run"</dt><dd>{job.attempt.to_string()}</dd>
            {job.forecast_saving_nanousd.map(|s| view! { <dt>"Forecast saving"</dt><dd>{format!("{s} / month")}</dd> })}
            {verification.map(|v| view! { <dt>"Verified by"</dt><dd>{v}</dd> })}
            {job.undo_until.map(|t| view! { <dt>"Undo until"</dt><dd>{utc(t)}</dd> })}
            {job.error_code.clone().map(|c| view! { <dt>"Error code"</dt><dd><code>{c}</code></dd> })}
        </dl>
    }
    .into_any()
}

fn objects_table(objects: Vec<ManifestObject>) -> AnyView {
    if objects.is_empty() {
        return empty("No object listed yet", "The manifest is written when a mover takes the job.", None);
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
                                <td data-label="State">{badge(tone, picture, words(&o.state))}</td>
                                <td data-label="BLAKE3"><span class="mono muted">{hash.unwrap_or_else(|| "–".into())}</span></td>
                            </tr>
                        }
                    }).collect_view()}
                </tbody>
            </table>
        </div>
    }
    .into_any()
}
