//! What a page asked for as it is drawn, and what stands in its place when it cannot be had.
//!
//! Invariant: a page that cannot be drawn says what happened, what was not changed and what to do next.

use super::command::command;
use super::icon::{Icon, icon};
use crate::api::ApiError;
use leptos::prelude::*;

/// What a page shows.
pub struct Held<T: Send + Sync + 'static>(StoredValue<T>);

impl<T: Send + Sync + 'static> Clone for Held<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Held<T> {}

impl<T: Send + Sync + 'static> Held<T> {
    /// What was fetched.
    #[must_use]
    pub fn fixed(value: T) -> Self {
        Self(StoredValue::new(value))
    }
}

impl<T: Clone + Send + Sync + 'static> Held<T> {
    /// A part of it.
    pub fn part<P: PartialEq + Send + Sync + 'static>(
        self,
        of: impl Fn(&T) -> P + Send + Sync + 'static,
    ) -> Memo<P> {
        Memo::new(move |_| self.0.with_value(&of))
    }

    /// It.
    #[must_use]
    pub fn now(self) -> T {
        self.0.get_value()
    }

    /// The same, as signals name it.
    #[must_use]
    pub fn get(self) -> T {
        self.now()
    }
}

/// What happened, to what, what was not changed and what to try next.
#[must_use]
pub fn error_card(error: &ApiError) -> AnyView {
    let (title, next) = match error.status {
        404 => (
            "Not found",
            "It may have been removed, or the link is of another server. Open the list and look for it by name.",
        ),
        400 | 409 | 412 | 422 => (
            "Not possible as asked",
            "Nothing was changed. Correct what the sentence names and try again.",
        ),
        403 => (
            "Not allowed",
            "Nothing was changed. Whoever runs this server can allow it.",
        ),
        501 => return not_yet(&error.message),
        503 => (
            "Not reachable just now",
            "Nothing was changed. Try again in a moment; dim health says which part is away.",
        ),
        _ => (
            "Something failed inside the server",
            "Nothing was changed. The server's log has the cause, and dim health says which part is unwell.",
        ),
    };
    let (message, code) = (error.message.clone(), error.code.clone());
    let id = error.id.clone().map(|id| command(format!("{code} {id}")));
    view! {
        <section class="card" role="alert" data-testid="error">
            <div class="empty">
                {icon(Icon::Alert)}
                <h2>{title}</h2>
                <p>{message}</p>
                <p class="soft">{next}</p>
                <p class="small muted">"Code " <code>{code}</code></p>
                {id}
            </div>
        </section>
    }
    .into_any()
}

/// Something that this build cannot do yet: said calmly, in the place where it would stand.
fn not_yet(message: &str) -> AnyView {
    let message = message.to_owned();
    view! {
        <p class="not-yet" data-testid="not-supported">{icon(Icon::Info)} <span>{message}</span></p>
    }
    .into_any()
}

/// An empty list that teaches: what would be here, and the command that puts it there.
#[must_use]
pub fn empty(title: &str, text: &str, example: Option<String>) -> AnyView {
    let (title, text) = (title.to_owned(), text.to_owned());
    view! {
        <div class="empty">
            {icon(Icon::Empty)}
            <p class="empty-title">{title}</p>
            <p class="soft">{text}</p>
            {example.map(command)}
        </div>
    }
    .into_any()
}
