//! The strip of stages that a job goes through, with the time it reached each.

use super::icon::{Icon, icon};
use crate::domain::migration::{Job, JobEvent, JobStatus};
use crate::ui::format::{clock, words};
use leptos::prelude::*;

const WAY: [JobStatus; 5] = [
    JobStatus::Queued,
    JobStatus::Copying,
    JobStatus::Verifying,
    JobStatus::Switching,
    JobStatus::Completed,
];

/// The strip.
#[must_use]
pub fn stages(job: Signal<Job>, events: Vec<JobEvent>) -> AnyView {
    view! {
        <ol class="stages" aria-label="Stages of this job">
            {move || strip(&job.get(), &events)}
        </ol>
    }
    .into_any()
}

fn strip(job: &Job, events: &[JobEvent]) -> AnyView {
    let status = job.status;
    // How far it came: an aside (paused, failed, cancelled) stands where the work stopped.
    let reached = position(status)
        .or_else(|| events.iter().filter(|e| e.attempt == job.attempt).filter_map(|e| position(e.status)).next_back())
        .unwrap_or(0);
    let aside = position(status).is_none();
    WAY.into_iter()
        .enumerate()
        .map(|(i, stage)| {
            let ended = status == JobStatus::Completed || status == JobStatus::Undone;
            let (class, picture) = if i < reached || ended {
                ("done", Icon::Check)
            } else if i > reached {
                ("", picture(stage))
            } else if aside {
                ("stop", super::badge::look(status).1)
            } else {
                ("now", picture(stage))
            };
            let name = match (i == reached && aside, i == WAY.len() - 1 && status == JobStatus::Undone) {
                (_, true) => "completed, then undone".to_owned(),
                (true, _) => format!("{} in {}", words(status.as_str()), words(stage.as_str())),
                _ => words(stage.as_str()),
            };
            let at = events.iter().rev().find(|e| e.status == stage && e.attempt == job.attempt).map(|e| e.at);
            let current = (class == "now" || class == "stop").then_some("step");
            view! {
                <li class=class aria-current=current>
                    <span class="knob">{icon(picture)}</span>
                    <span>{name}</span>
                    <span class="when">{at.filter(|_| i <= reached).map(clock)}</span>
                </li>
            }
        })
        .collect_view()
        .into_any()
}

/// Place on the way; `None` for the asides.
fn position(status: JobStatus) -> Option<usize> {
    match status {
        JobStatus::AwaitingApproval => Some(0),
        JobStatus::Undone => Some(WAY.len() - 1),
        other => WAY.iter().position(|s| *s == other),
    }
}

fn picture(stage: JobStatus) -> Icon {
    match stage {
        JobStatus::Copying => Icon::Job,
        other => super::badge::look(other).1,
    }
}
