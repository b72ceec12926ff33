//! The strip of stages that a job goes through, with the time it reached each.

use super::icon::{Icon, icon};
use super::time::moment;
use crate::domain::migration::{Job, JobEvent, JobStatus};
use crate::ui::format::{title, words};
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
pub fn stages(job: &Job, events: &[JobEvent]) -> AnyView {
    view! {
        <ol class="stages" aria-label="Stages of this job" data-testid="stages">{strip(job.status, job.attempt, events)}</ol>
    }
    .into_any()
}

fn strip(status: JobStatus, attempt: i64, events: &[JobEvent]) -> AnyView {
    // How far it came: an aside (paused, failed, cancelled) stands where the work stopped.
    let reached = position(status)
        .or_else(|| {
            events
                .iter()
                .filter(|e| e.attempt == attempt)
                .filter_map(|e| position(e.status))
                .next_back()
        })
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
                let held = status == JobStatus::Paused;
                (if held { "held" } else { "stop" }, super::badge::look(status).1)
            } else {
                ("now", picture(stage))
            };
            let name = match (
                i == reached && aside,
                i == WAY.len() - 1 && status == JobStatus::Undone,
            ) {
                (_, true) => "Completed, then undone".to_owned(),
                (true, _) => format!("{} in {}", title(status.as_str()), words(stage.as_str())),
                _ if i == 0 && status == JobStatus::AwaitingApproval => title(status.as_str()),
                _ => title(stage.as_str()),
            };
            let at = events
                .iter()
                .rev()
                .find(|e| e.status == stage && e.attempt == attempt)
                .map(|e| e.at);
            let current = matches!(class, "now" | "stop" | "held").then_some("step");
            view! {
                <li class=class aria-current=current data-stage=stage.as_str()>
                    <span class="knob">{icon(picture)}</span>
                    <span>{name}</span>
                    <span class="when">{at.filter(|_| i <= reached).map(moment)}</span>
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
