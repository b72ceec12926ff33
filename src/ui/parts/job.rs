//! A job: how far it is, what can be done with it, and its row in lists.
//!
//! Invariant: an element with `data-job-id` and `data-at` (Unix seconds of what it shows) says in `data-status` which stage it shows; what is
//! heard of that stage is written over it in the browser, a change of stage is drawn by the server.

use super::badge::{look, status_badge};
use super::time::ago;
use super::told::{Told, fraction};
use super::typed_name::asks;
use crate::domain::migration::{Job, JobStatus};
use crate::ui::format::words;
use leptos::prelude::*;

/// Bar, bytes, rate and time left.
#[must_use]
pub fn meter(job: &Job) -> AnyView {
    let label = format!("Progress of job {}", job.id);
    let class = match look(job.status).0 {
        "ok" => "ok",
        "err" => "err",
        "run" => "",
        _ => "rest",
    };
    view! {
        <div class="meter" data-testid="job-progress">
            <progress class=class max="100" value=fraction(job.status, &job.progress).to_string() aria-label=label></progress>
            <div class="figures-line">{told(job, Told::Amount)} {told(job, Told::Pace)}</div>
        </div>
    }
    .into_any()
}

/// What its progress says, where the browser writes it again.
#[must_use]
pub fn told(job: &Job, what: Told) -> AnyView {
    view! { <span data-told=what.name()>{what.of(job.status, &job.progress)}</span> }.into_any()
}

/// Its stage.
#[must_use]
pub fn stage_badge(status: JobStatus) -> AnyView {
    view! { <span data-testid="job-status" data-status=status.as_str()>{status_badge(status)}</span> }
        .into_any()
}

/// Short list of jobs that keeps its lines while they change.
#[must_use]
pub fn job_lines<'a>(jobs: impl Iterator<Item = &'a Job>) -> AnyView {
    view! { <ul class="jobs-live">{jobs.map(job_line).collect_view()}</ul> }.into_any()
}

fn job_line(job: &Job) -> AnyView {
    let to = format!("to {} · {}", short(&job.target_uri.to_string()), job.target_class);
    let (href, name) = (format!("/jobs/{}", job.id), job.dataset_name.clone());
    view! {
        <li class="job-line" data-testid="job-line" data-job-id=job.id.to_string() data-status=job.status.as_str() data-at=at(job)>
            <div>
                <a href=href class="name">{name}</a>
                <span class="sub">{to}</span>
            </div>
            <div>{stage_badge(job.status)}</div>
            {meter(job)}
        </li>
    }
    .into_any()
}

/// Unix seconds of what is shown of it.
#[must_use]
pub fn at(job: &Job) -> String {
    job.updated_at.unix_secs().to_string()
}

/// A row of the job table.
#[must_use]
pub fn job_row(job: &Job) -> AnyView {
    let id = job.id;
    let dataset = format!("/datasets/{}", job.dataset_id);
    let from = format!("{} {}", short(&job.source_uri.to_string()), job.source_class);
    let to = format!("{} {}", short(&job.target_uri.to_string()), job.target_class);
    let name = job.dataset_name.clone();
    let reason = job
        .reason
        .clone()
        .map(|reason| view! { <span class="sub clamp" title=reason.clone()>{reason.clone()}</span> });
    view! {
        <tr data-testid="job-row" data-job-id=id.to_string() data-status=job.status.as_str() data-at=at(job)>
            <td class="title">
                <a href=format!("/jobs/{id}") class="name nowrap">{format!("Job {id}")}</a>
                <span class="sub"><a href=dataset>{name}</a></span>
            </td>
            <td data-label="Stage" class="stage-cell">{stage_badge(job.status)} {reason}</td>
            <td data-label="Progress">{meter(job)}</td>
            <td data-label="Move"><span class="sub nowrap">{format!("from {from}")}</span><span class="sub nowrap">{format!("to {to}")}</span></td>
            <td data-label="Changed">{ago(job.updated_at)}</td>
            <td data-label="Actions">{actions(job, true)}</td>
        </tr>
    }
    .into_any()
}

/// The buttons that the job's state allows. An approval that takes the dataset's name is given on the job's page: `elsewhere` leads to it.
#[must_use]
pub fn actions(job: &Job, elsewhere: bool) -> AnyView {
    let id = job.id.to_string();
    let typed = asks(job);
    let buttons = job.actions.iter().filter(|word| !typed || *word != "approve");
    let buttons = buttons.map(|word| button(&id, word)).collect_view();
    let lead = (typed && elsewhere).then(|| {
        let (href, says) = (format!("/jobs/{id}"), format!("Approve job {id} on its page"));
        view! { <a href=href class="button primary" aria-label=says data-testid="approve-there">"Approve…"</a> }
    });
    let wanted = job
        .wanted
        .as_deref()
        .map(|wanted| view! { <span class="small soft">{format!("{} is on its way", words(wanted))}</span> });
    view! { <div class="row actions">{lead} {buttons} {wanted}</div> }.into_any()
}

fn button(id: &str, word: &str) -> AnyView {
    let class = match word {
        "approve" | "retry" | "resume" => "primary",
        "cancel" => "danger",
        _ => "",
    };
    let (label, says, test) = (
        label(word),
        format!("{} job {id}", label(word)),
        format!("job-{word}"),
    );
    view! {
        <form method="post" action="/api/fn/job-command" class="inline-form">
            <input type="hidden" name="job_id" value=id.to_owned()/>
            <input type="hidden" name="command" value=word.to_owned()/>
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
