//! The names of `browser.rs` where there is no browser. Views compile against them; the server never calls them, since effects and
//! event handlers do not run there.

/// No clock is read while a page is drawn.
#[must_use]
pub fn now_unix_secs() -> i64 {
    0
}

/// No clock at all.
#[must_use]
pub fn monotonic_ms() -> f64 {
    0.0
}

/// The server does not know the visitor's choice.
#[must_use]
pub fn theme() -> String {
    "system".to_owned()
}

/// Nothing to apply it to.
pub fn set_theme(_theme: &str) {}

/// No clipboard.
pub async fn copy(_text: String) -> bool {
    false
}

/// No paper.
pub fn print() {}

/// Scheme, host and port under which the server was reached.
#[must_use]
pub fn origin() -> String {
    leptos::prelude::use_context::<crate::ui::routes::Origin>()
        .unwrap_or_default()
        .0
}

/// Meters of jobs.
pub mod meters {
    use crate::domain::event::JobStatusEvent;
    use crate::domain::id::JobId;
    use std::collections::HashMap;

    /// Nothing is heard.
    pub fn hear(_heard: HashMap<JobId, JobStatusEvent>) {}
}

/// Charts.
pub mod zoom {
    use leptos::ev::PointerEvent;

    /// Nobody drags.
    pub fn begin(_event: &PointerEvent) {}

    /// Nobody drags.
    pub fn go_on(_event: &PointerEvent) {}

    /// Nothing is chosen.
    #[must_use]
    pub fn end(_event: &PointerEvent) -> Option<String> {
        None
    }

    /// Nothing to forget.
    pub fn give_up() {}
}

/// No form is sent.
#[must_use]
pub fn stays(_event: &leptos::ev::SubmitEvent) -> bool {
    false
}

/// Scenarios.
pub mod what_if {
    /// Nothing is played.
    #[must_use]
    pub fn play(_address: &str) -> Option<String> {
        None
    }
}

/// Nobody plays.
#[must_use]
pub fn played(_event: &leptos::ev::Event) -> Option<String> {
    None
}

/// What a server would answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// What was done, in a sentence.
    pub said: Option<String>,
    /// The page that it opens.
    pub to: Option<String>,
}

/// No form is sent.
#[must_use]
pub fn form_address(_event: &leptos::ev::SubmitEvent) -> Option<String> {
    None
}

/// A page that is drawn here has no title before.
#[derive(Clone)]
pub struct FirstTitle;

impl FirstTitle {
    /// Nothing to read.
    #[must_use]
    pub fn read() -> Self {
        Self
    }
}

/// No frames are drawn.
pub fn on_next_frame(_then: impl FnOnce() + 'static) {}

/// Nothing is moved.
#[must_use]
pub fn moved(_event: &leptos::ev::Event) -> Option<String> {
    None
}

/// No form is sent.
pub fn send(_event: &leptos::ev::SubmitEvent, _then: impl FnOnce(Result<Sent, String>) + 'static) {}

/// No form is sent.
#[must_use]
pub fn is_taken(_event: &leptos::ev::SubmitEvent) -> bool {
    true
}

/// Nobody clicks.
#[must_use]
pub fn dismisses(_event: &leptos::ev::MouseEvent) -> bool {
    false
}

/// Nothing is looked up.
pub async fn find_datasets(_word: &str) -> Vec<(i64, String)> {
    Vec::new()
}

/// Nobody clicks.
pub fn click(_event: &leptos::ev::MouseEvent) {}

/// Nobody types.
#[must_use]
pub fn is_typing() -> bool {
    false
}

/// Nothing to walk through.
pub fn walk(_class: &str, _step: i32) {}

/// Nothing to open.
pub fn open_dialog(_id: &str) {}

/// Nothing to close.
pub fn close_dialog(_id: &str) {}

/// No field to focus.
pub fn focus(_id: &str) {}
