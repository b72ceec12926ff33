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

/// The server knows no time zone of a visitor.
#[must_use]
pub fn local_text(_micros: i64) -> String {
    String::new()
}

/// The same to the second.
#[must_use]
pub fn local_moment(_micros: i64) -> String {
    String::new()
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

/// The server does not know under which name it was reached.
#[must_use]
pub fn origin() -> String {
    String::new()
}

/// No form is sent.
#[must_use]
pub fn form_query(_event: &leptos::ev::SubmitEvent) -> Option<String> {
    None
}

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
