//! The end of a job's log: its stages and what the mover said, the last lines in view.
//!
//! Invariant: it is asked for again when the job is heard of, at most once in `EVERY`, and holds what the server keeps: 100 lines.

use super::load::Held;
use super::time::moment;
use crate::domain::migration::{Job, LogLine};
use crate::ui::live::Live;
use leptos::prelude::*;
use std::time::Duration;

/// How often the log is asked for at most.
const EVERY: Duration = Duration::from_millis(1_500);

/// The lines, oldest first.
#[must_use]
pub fn log_tail(lines: Held<Vec<LogLine>>, job: Signal<Job>) -> AnyView {
    Live::get().on_stage(EVERY, move || lines.refresh());
    let heard = Memo::new(move |_| job.with(|j| (j.status, j.progress.objects_done / 50)));
    Effect::new(move |before: Option<()>| {
        heard.track();
        // Asked for first when something has changed since it was drawn.
        if before.is_some() {
            lines.refresh();
        }
    });
    view! {
        <ol class="log" data-testid="job-log" tabindex="0" aria-label="Log of the job">
            {move || lines.get().into_iter().map(line).collect_view()}
        </ol>
    }
    .into_any()
}

fn line(l: LogLine) -> AnyView {
    let class = match l.level.as_str() {
        "error" => "level bad",
        "warn" => "level warn",
        _ => "level",
    };
    view! { <li>{moment(l.at)} <span class=class>{l.level}</span> <span>{l.text}</span></li> }.into_any()
}
