//! A job: how far it is, what can be done with it, and its row in lists.
//!
//! Invariant: what is drawn first is what the server knew; live messages change it in place and never reorder a list.

use super::badge::{look, status_badge};
use super::time::ago;
use crate::domain::migration::{Job, JobStatus, Progress};
use crate::ui::format::{count, duration, percent, rate, words};
use crate::ui::live::Live;
use leptos::prelude::*;
use leptos_router::components::A;

/// Bar, bytes, rate and time left.
#[must_use]
pub fn meter(job: Signal<Job>) -> AnyView {
    let label = job.with_untracked(|job| format!("Progress of job {}", job.id));
    let done = Memo::new(move |_| job.with(fraction));
    let text = Memo::new(move |_| job.with(|j| (amount(j), pace(j))));
    let class = Memo::new(move |_| {
        job.with(|j| match look(j.status).0 {
            "ok" => "ok",
            "err" => "err",
            "run" => "",
            _ => "rest",
        })
    });
    view! {
        <div class="meter" data-testid="job-progress">
            <progress class=class max="100" value=move || done.get().to_string() aria-label=label></progress>
            <div class="figures-line">
                <span>{move || text.get().0}</span>
                <span>{move || text.get().1}</span>
            </div>
        </div>
    }
    .into_any()
}

/// Percent of the present stage; an ended job is where it ended.
#[must_use]
pub fn fraction(job: &Job) -> u64 {
    match job.status {
        JobStatus::Completed | JobStatus::Undone | JobStatus::Switching => 100,
        JobStatus::Queued | JobStatus::AwaitingApproval => 0,
        _ => share(&job.progress),
    }
}

fn share(p: &Progress) -> u64 {
    if p.bytes_total.0 > 0 {
        return percent(p.bytes_done.0, p.bytes_total.0);
    }
    let objects = |n: i64| u64::try_from(n).unwrap_or(0);
    percent(objects(p.objects_done), objects(p.objects_total))
}

fn amount(job: &Job) -> String {
    let p = &job.progress;
    match job.status {
        JobStatus::Queued | JobStatus::AwaitingApproval if p.bytes_total.0 == 0 => "not begun".into(),
        JobStatus::Completed | JobStatus::Undone => {
            format!("{} in {}", p.bytes_total, objects(p.objects_total))
        }
        JobStatus::Copying => format!("{} of {} copied", p.bytes_done, p.bytes_total),
        JobStatus::Verifying => format!("{} of {} verified", p.bytes_done, p.bytes_total),
        _ => format!("{} of {}", p.bytes_done, p.bytes_total),
    }
}

fn objects(n: i64) -> String {
    crate::ui::format::plural(n, "object")
}

fn pace(job: &Job) -> String {
    let p = &job.progress;
    match job.status {
        JobStatus::Copying | JobStatus::Verifying => match p.eta_secs {
            Some(eta) => format!("{} · about {} left", rate(p.bytes_per_sec), duration(eta)),
            None => format!("{} %", fraction(job)),
        },
        JobStatus::Paused | JobStatus::Failed | JobStatus::Cancelled => format!("{} %", fraction(job)),
        _ => String::new(),
    }
}

/// The present badge of a job that changes.
#[must_use]
pub fn live_badge(job: Signal<Job>) -> AnyView {
    let status = Memo::new(move |_| job.with(|j| j.status));
    view! { <span data-testid="job-status" data-status=move || status.get().as_str()>{move || status_badge(status.get())}</span> }
        .into_any()
}

/// A line of a short list of jobs.
#[must_use]
pub fn job_line(fetched: Signal<Job>) -> AnyView {
    let first = fetched.get_untracked();
    let to = format!(
        "to {} · {}",
        short(&first.target_uri.to_string()),
        first.target_class
    );
    let job = Live::get().job(fetched);
    view! {
        <li class="job-line" data-testid="job-line" data-job-id=first.id.to_string()>
            <div>
                <A href=format!("/jobs/{}", first.id) attr:class="name">{first.dataset_name}</A>
                <span class="sub">{to}</span>
            </div>
            <div>{live_badge(job)}</div>
            {meter(job)}
        </li>
    }
    .into_any()
}

/// Short list of jobs that keeps its lines while they change.
#[must_use]
pub fn job_lines(jobs: Memo<Vec<Job>>) -> AnyView {
    view! {
        <ul class="jobs-live">
            <For each=move || jobs.get() key=|job| job.id let:job>
                {job_line(one_of(jobs, job))}
            </For>
        </ul>
    }
    .into_any()
}

/// One job of a list, followed.
#[must_use]
pub fn one_of(jobs: Memo<Vec<Job>>, first: Job) -> Signal<Job> {
    let id = first.id;
    Memo::new(move |_| {
        jobs.with(|jobs| jobs.iter().find(|j| j.id == id).cloned())
            .unwrap_or_else(|| first.clone())
    })
    .into()
}

/// A row of the job table.
#[must_use]
pub fn job_row(fetched: Signal<Job>) -> AnyView {
    let first = fetched.get_untracked();
    let id = first.id;
    let dataset = format!("/datasets/{}", first.dataset_id);
    let from = format!("{} {}", short(&first.source_uri.to_string()), first.source_class);
    let to = format!("{} {}", short(&first.target_uri.to_string()), first.target_class);
    let job = Live::get().job(fetched);
    let reason = Memo::new(move |_| job.with(|j| j.reason.clone()));
    let changed = Memo::new(move |_| job.with(|j| j.updated_at));
    view! {
        <tr data-testid="job-row" data-job-id=id.to_string()>
            <td class="title">
                <A href=format!("/jobs/{id}") attr:class="name nowrap">{format!("Job {id}")}</A>
                <span class="sub"><A href=dataset>{first.dataset_name}</A></span>
            </td>
            <td data-label="Stage" class="stage-cell">
                {live_badge(job)}
                {move || reason.get().map(|reason| view! { <span class="sub clamp" title=reason.clone()>{reason.clone()}</span> })}
            </td>
            <td data-label="Progress">{meter(job)}</td>
            <td data-label="Move"><span class="sub nowrap">{format!("from {from}")}</span><span class="sub nowrap">{format!("to {to}")}</span></td>
            <td data-label="Changed">{move || ago(changed.get())}</td>
            <td data-label="Actions">{actions(job)}</td>
        </tr>
    }
    .into_any()
}

/// The buttons that the job's state allows.
#[must_use]
pub fn actions(job: Signal<Job>) -> AnyView {
    let allowed = Memo::new(move |_| job.with(|j| j.actions.clone()));
    let wanted = Memo::new(move |_| job.with(|j| j.wanted.clone()));
    let id = job.with_untracked(|j| j.id.to_string());
    let buttons = move || {
        allowed
            .get()
            .into_iter()
            .map(|word| button(id.clone(), word))
            .collect_view()
    };
    view! {
        <div class="row actions">
            {buttons}
            {move || wanted.get().map(|wanted| view! { <span class="small soft">{format!("{} is on its way", words(&wanted))}</span> })}
        </div>
    }
    .into_any()
}

fn button(id: String, word: String) -> AnyView {
    let class = match word.as_str() {
        "approve" | "retry" | "resume" => "primary",
        "cancel" => "danger",
        _ => "",
    };
    let (label, says, test) = (
        label(&word),
        format!("{} job {id}", label(&word)),
        format!("job-{word}"),
    );
    view! {
        <form method="post" action="/api/fn/job-command" class="inline-form">
            <input type="hidden" name="job_id" value=id/>
            <input type="hidden" name="command" value=word/>
            <button type="submit" class=class aria-label=says data-testid=test>{label}</button>
        </form>
    }
    .into_any()
}

fn label(command: &str) -> String {
    let mut chars = command.chars();
    chars.next().map_or(String::new(), |c| {
        c.to_uppercase().collect::<String>() + chars.as_str()
    })
}

/// How many objects are done.
#[must_use]
pub fn objects_line(p: &Progress) -> String {
    format!("{} of {}", count(p.objects_done), objects(p.objects_total))
}

/// The last two segments of an address: what tells one from another in a narrow cell.
#[must_use]
pub fn short(uri: &str) -> String {
    let path = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let mut last: Vec<&str> = path.rsplit('/').filter(|s| !s.is_empty()).take(2).collect();
    last.reverse();
    if last.is_empty() {
        return uri.to_owned();
    }
    let whole = path.trim_matches('/').split('/').count() <= 2;
    let lead = if whole { "" } else { "…/" };
    format!("{lead}{}", last.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shortened_at_their_start() {
        assert_eq!(short("file:///a/b/c/d"), "…/c/d");
        assert_eq!(short("s3://bucket/x"), "bucket/x");
        assert_eq!(short("file:///"), "file:///");
    }
}
