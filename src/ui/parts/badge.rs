//! Badges: colour, icon and word together, so that none of them carries the meaning alone.

use super::icon::{Icon, icon};
use crate::domain::migration::JobStatus;
use crate::ui::format::title;
use leptos::prelude::*;

/// A badge of a tone (`run`, `ok`, `warn`, `err` or none).
#[must_use]
pub fn badge(tone: &'static str, picture: Icon, text: impl Into<String>) -> AnyView {
    let (class, text): (String, String) = (format!("badge {tone}"), text.into());
    view! { <span class=class>{icon(picture)} {text}</span> }.into_any()
}

/// A job's stage.
#[must_use]
pub fn status_badge(status: JobStatus) -> AnyView {
    let (tone, picture) = look(status);
    badge(tone, picture, title(status.as_str()))
}

/// Tone and picture of a stage.
#[must_use]
pub fn look(status: JobStatus) -> (&'static str, Icon) {
    match status {
        JobStatus::AwaitingApproval => ("warn", Icon::Person),
        JobStatus::Queued => ("", Icon::Clock),
        JobStatus::Copying => ("run", Icon::Spin),
        JobStatus::Verifying => ("run", Icon::Shield),
        JobStatus::Switching => ("run", Icon::Switch),
        JobStatus::Completed => ("ok", Icon::Check),
        JobStatus::Failed => ("err", Icon::Alert),
        JobStatus::Cancelled => ("", Icon::Ban),
        JobStatus::Paused => ("warn", Icon::Pause),
        JobStatus::Undone => ("", Icon::Undo),
    }
}
