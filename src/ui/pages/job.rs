//! One job: how far it is and what can be done with it, live; everything recorded of it stands below (`served/job.rs`).

use super::served;
use crate::api::moves::{JobCourse, get_job_course};
use crate::domain::migration::{Job, JobStatus};
use crate::ui::format::{duration, plural, rate, title};
use crate::ui::live::Live;
use crate::ui::parts::job::{actions, fraction, live_badge, meter, objects_line};
use crate::ui::parts::load::{Held, Source};
use crate::ui::parts::stages::stages;
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
    let course = Source::new(move || id.get(), get_job_course);
    view! {
        <div class="page">
            // The head asks once more after the page has gone.
            <Title text=move || id.try_get().map_or_else(|| "Job".to_owned(), |id| format!("Job {id}"))/>
            {course.draw(body)}
            {served::job_record()}
        </div>
    }
    .into_any()
}

fn body(course: Held<JobCourse>) -> AnyView {
    let first = course.now().job;
    let refresh = Callback::new(move |()| course.refresh());
    Live::get().on_stage(PAGE_EVERY, move || course.refresh());
    let fetched = course.part(|c| c.job.clone());
    let job = Live::get().job(fetched.into());
    follow_samples(job, refresh);
    let events = course.part(|c| c.events.clone());
    let left = course.part(|c| c.left);
    let reason = Memo::new(move |_| job.with(|j| j.reason.clone()));
    let stage = Memo::new(move |_| job.with(|j| j.status));
    view! {
        <header class="page-head" data-testid="job-page" data-status=move || stage.get().as_str()>
            <div>
                <p class="crumbs"><A href="/jobs">"Jobs"</A>" / "{first.id.to_string()}</p>
                <h1>"Move " <A href=format!("/datasets/{}", first.dataset_id) attr:class="name">{first.dataset_name}</A></h1>
                <p class="row lead">{live_badge(job)} <span data-testid="job-reason">{move || reason.get()}</span></p>
            </div>
            {actions(job)}
        </header>
        <section class="card" aria-label="Progress">
            <div class="card-body">
                {stages(job, events)}
                {meter(job)}
                <p class="small muted">{move || job.with(counted)} <span data-testid="time-left">{move || left.get().map(left_line)}</span></p>
                {milestones(job)}
            </div>
        </section>
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
