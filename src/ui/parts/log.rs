//! The end of a job's log: its stages and what the mover said, as far back as the server keeps it: 100 lines.

use super::time::moment;
use crate::domain::migration::LogLine;
use leptos::prelude::*;

/// The lines, oldest first.
#[must_use]
pub fn log_tail(lines: Vec<LogLine>) -> AnyView {
    view! {
        <ol class="log" data-testid="job-log" tabindex="0" aria-label="Log of the job">
            {lines.into_iter().map(line).collect_view()}
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
