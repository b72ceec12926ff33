//! What a page asks for: fetched with the page, drawn once, and fetched again in place when something has changed.
//!
//! Invariant: an answer that comes after a later one was asked for is dropped; a page that cannot be drawn says what happened, what
//! was not changed and what to do next.

use super::command::command;
use super::icon::{Icon, icon};
use crate::api::ApiError;
use leptos::prelude::*;
use leptos::server::codee::{Decoder, Encoder};
use leptos::task::spawn_local;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::future::Future;
use std::pin::Pin;

/// What a page shows, and the way to ask for it again.
pub struct Held<T: Send + Sync + 'static> {
    value: RwSignal<T>,
    again: Callback<()>,
}

impl<T: Send + Sync + 'static> Clone for Held<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Held<T> {}

impl<T: Send + Sync + 'static> Held<T> {
    /// What is drawn once and never asked for again.
    #[must_use]
    pub fn fixed(value: T) -> Self {
        Self {
            value: RwSignal::new(value),
            again: Callback::new(|()| ()),
        }
    }
}

impl<T: Clone + Send + Sync + 'static> Held<T> {
    /// A part of it, which tells of a change only when that part has changed.
    pub fn part<P: PartialEq + Send + Sync + 'static>(
        self,
        of: impl Fn(&T) -> P + Send + Sync + 'static,
    ) -> Memo<P> {
        Memo::new(move |_| self.value.with(&of))
    }

    /// It as it was first drawn, or as it is now, without following it.
    #[must_use]
    pub fn now(self) -> T {
        self.value.get_untracked()
    }

    /// It, followed.
    #[must_use]
    pub fn get(self) -> T {
        self.value.get()
    }

    /// Changes what is shown, as when a part of it is known better.
    pub fn update(self, change: impl FnOnce(&mut T)) {
        self.value.update(change);
    }

    /// Asks for it again.
    pub fn refresh(self) {
        self.again.run(());
    }
}

/// Where a page's data comes from. Made while the page is built, never inside a drawing: server and browser number them in the order
/// in which they are made.
pub struct Source<T: Send + Sync + 'static> {
    resource: Resource<Result<T, ApiError>, OneReader>,
    ask: StoredValue<Ask<T>>,
    merge: fn(&mut T, T),
}

type Ask<T> = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<T, ApiError>> + Send>> + Send + Sync>;

impl<T: Send + Sync + 'static> Clone for Source<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Source<T> {}

impl<T> Source<T>
where
    T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Fetches by key, again whenever the key changes.
    pub fn new<K, Fut>(
        key: impl Fn() -> K + Copy + Send + Sync + 'static,
        fetch: impl Fn(K) -> Fut + Copy + Send + Sync + 'static,
    ) -> Self
    where
        K: PartialEq + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<T, ApiError>> + Send + 'static,
    {
        Self {
            resource: Resource::new_with_options(key, fetch, false),
            ask: StoredValue::new(Box::new(move || Box::pin(fetch(untrack(key))))),
            merge: |shown, fresh| *shown = fresh,
        }
    }

    /// Decides what a later answer for the same key changes; by default everything.
    #[must_use]
    pub fn merging(self, merge: fn(&mut T, T)) -> Self {
        Self { merge, ..self }
    }

    /// Draws what came, or why nothing did.
    pub fn draw(self, draw: impl Fn(Held<T>) -> AnyView + Copy + Send + Sync + 'static) -> AnyView {
        self.draw_or(draw, |error| error_card(&error))
    }

    /// Draws what came, or something else instead.
    pub fn draw_or(
        self,
        draw: impl Fn(Held<T>) -> AnyView + Copy + Send + Sync + 'static,
        failed: impl Fn(ApiError) -> AnyView + Copy + Send + Sync + 'static,
    ) -> AnyView {
        view! {
            <Transition fallback=|| view! { <div class="skeleton" role="status">"Loading…"</div> }>
                {move || Suspend::new(drawn(async move {
                    match self.resource.await {
                        Ok(value) => draw(self.hold(value)),
                        Err(error) => failed(error),
                    }
                }))}
            </Transition>
        }
        .into_any()
    }

    fn hold(self, value: T) -> Held<T> {
        let Self { ask, merge, .. } = self;
        let value = RwSignal::new(value);
        let asked = StoredValue::new(0_u64);
        let again = Callback::new(move |()| {
            let turn = asked.try_update_value(|n| {
                *n += 1;
                *n
            });
            let (Some(turn), Some(answer)) = (turn, ask.try_with_value(|ask| ask())) else {
                return;
            };
            spawn_local(async move {
                // What cannot be fetched now stays as it is: the connection's state is shown beside it.
                if let Ok(fresh) = answer.await
                    && asked.try_get_value() == Some(turn)
                {
                    value.try_update(|shown| merge(shown, fresh));
                }
            });
        });
        Held { value, again }
    }
}

/// One type for whatever is waited for, so that the browser carries the code around it once.
fn drawn(
    view: impl Future<Output = AnyView> + Send + 'static,
) -> Pin<Box<dyn Future<Output = AnyView> + Send>> {
    Box::pin(view)
}

/// JSON as the answers of server functions are read. What a page brings along is read by the same functions, so that the browser
/// carries them once for each type.
pub struct OneReader;

impl<T: Serialize> Encoder<T> for OneReader {
    type Error = serde_json::Error;
    type Encoded = String;

    fn encode(value: &T) -> Result<String, serde_json::Error> {
        serde_json::to_string(value)
    }
}

impl<T: DeserializeOwned> Decoder<T> for OneReader {
    type Error = serde_json::Error;
    type Encoded = str;

    fn decode(text: &str) -> Result<T, serde_json::Error> {
        serde_json::from_slice(text.as_bytes())
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
            <h3>{title}</h3>
            <p class="soft">{text}</p>
            {example.map(command)}
        </div>
    }
    .into_any()
}
