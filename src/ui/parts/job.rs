//! A job: how far it is, what can be done with it, and its row in lists.
//!
//! Invariant: what is drawn first is what the server knew; live messages change it in place and never reorder a list.

use super::badge::{look, status_badge};
use super::command::command;
use super::notice::follow;
use super::time::ago;
use crate::api::moves::CommandJob;
use crate::domain::migration::{Job, JobStatus, Progress};
use crate::ui::format::{count, duration, percent, rate, words};
use leptos::prelude::*;
use leptos_router::components::A;

/// The job with whatever the live connection has said about it since.
#[must_use]
pub fn live(job: Job) -> Signal<Job> {
    Signal::derive(move || job.clone())
}

/// Bar, bytes, rate and time left.
#[must_use]
pub fn meter(job: Signal<Job>) -> AnyView {
    let done = move || fraction(&job.get());
    let label = move || {
        let job = job.get();
        format!("Progress of job {}", job.id)
    };
    let class = move || match look(job.get().status).0 {
        "ok" => "ok",
        "err" => "err",
        "run" => "",
        _ => "rest",
    };
    view! {
        <div class="meter">
            <progress class=class max="100" value=move || done().to_string() aria-label=label></progress>
            <div class="figures-line">
                <span>{move || amount(&job.get())}</span>
                <span>{move || pace(&job.get())}</span>
            </div>
        </div>
    }
    .into_any()
}

/// Percent of the present stage; an ended job is where it ended.
fn fraction(job: &Job) -> u64 {
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
        JobStatus::Completed | JobStatus::Undone => format!("{} in {}", p.bytes_total, objects(p.objects_total)),
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
            Some(eta) => format!("{} · {} left", rate(p.bytes_per_sec), duration(eta)),
            None => format!("{} %", fraction(job)),
        },
        JobStatus::Paused | JobStatus::Failed | JobStatus::Cancelled => format!("{} %", fraction(job)),
        _ => String::new(),
    }
}

/// A line of the first page's running jobs.
#[must_use]
pub fn job_line(job: Job) -> AnyView {
    let href = format!("/jobs/{}", job.id);
    let (name, to) = (job.dataset_name.clone(), format!("to {}", short(&job.target_uri.to_string())));
    let class = job.target_class.to_string();
    let job = live(job);
    view! {
        <div class="job-line">
            <div>
                <A href=href attr:class="name">{name}</A>
                <span class="sub">{format!("{to} · {class}")}</span>
            </div>
            <div>{move || status_badge(job.get().status)}</div>
            {meter(job)}
        </div>
    }
    .into_any()
}

/// A row of the job table.
#[must_use]
pub fn job_row(job: Job, refresh: impl Fn() + Copy + Send + Sync + 'static) -> AnyView {
    let id = job.id;
    let dataset = (format!("/datasets/{}", job.dataset_id), job.dataset_name.clone());
    let from = format!("{} {}", short(&job.source_uri.to_string()), job.source_class);
    let to = format!("{} {}", short(&job.target_uri.to_string()), job.target_class);
    let updated = job.updated_at;
    let job = live(job);
    view! {
        <tr>
            <td class="title">
                <A href=format!("/jobs/{id}") attr:class="name">{format!("Job {id}")}</A>
                <span class="sub"><A href=dataset.0>{dataset.1}</A></span>
            </td>
            <td data-label="Stage">
                {move || status_badge(job.get().status)}
                {move || job.get().reason.map(|reason| view! { <span class="sub">{reason}</span> })}
            </td>
            <td data-label="Progress">{meter(job)}</td>
            <td data-label="Move"><span class="sub">{format!("from {from}")}</span><span class="sub">{format!("to {to}")}</span></td>
            <td data-label="Changed">{ago(updated)}</td>
            <td data-label="Actions">{actions(job, refresh)}</td>
        </tr>
    }
    .into_any()
}

/// The buttons that the job's state allows.
#[must_use]
pub fn actions(job: Signal<Job>, refresh: impl Fn() + Copy + Send + Sync + 'static) -> AnyView {
    let action = ServerAction::<CommandJob>::new();
    follow(action, refresh);
    let allowed = Memo::new(move |_| job.with(|j| j.actions.clone()));
    let id = job.with_untracked(|j| j.id.to_string());
    view! {
        <div class="row">
            {move || {
                let id = id.clone();
                allowed
                    .get()
                    .into_iter()
                    .map(move |word| {
                        let class = match word.as_str() {
                            "approve" | "retry" | "resume" => "primary",
                            "cancel" => "danger",
                            _ => "",
                        };
                        let label = label(&word);
                        view! {
                            <ActionForm action=action attr:class="inline-form">
                                <input type="hidden" name="job_id" value=id.clone()/>
                                <input type="hidden" name="command" value=word/>
                                <button type="submit" class=class disabled=move || action.pending().get()>{label}</button>
                            </ActionForm>
                        }
                    })
                    .collect_view()
            }}
            {move || job.get().wanted.map(|wanted| view! { <span class="small soft">{format!("{} is on its way", words(&wanted))}</span> })}
        </div>
    }
    .into_any()
}

fn label(command: &str) -> String {
    match command {
        "undo" => "Undo: back to the source".into(),
        other => {
            let mut chars = other.chars();
            chars.next().map_or(String::new(), |c| c.to_uppercase().collect::<String>() + chars.as_str())
        }
    }
}

/// What was copied and how many objects, as a sentence for the job's page.
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

/// The commands that do the same from a terminal.
#[must_use]
pub fn cli(job: &Job) -> AnyView {
    let id = job.id;
    view! {
        <div class="stack-s">
            {command(format!("dim watch job --job-id {id}"))}
            {job.actions.first().map(|word| command(format!("dim jobs {word} --job-id {id}")))}
        </div>
    }
    .into_any()
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
