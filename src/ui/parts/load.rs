//! The one wrapper that draws "loading" and "error" around what a page asked for, and the one look of an empty list.

use super::command::command;
use super::icon::{Icon, icon};
use crate::api::ApiError;
use leptos::prelude::*;

/// Draws what a resource holds once it is there; its error otherwise.
pub fn loaded<T, F>(resource: Resource<Result<T, ApiError>>, draw: F) -> AnyView
where
    T: Clone + Send + Sync + 'static,
    F: Fn(T) -> AnyView + Clone + Send + Sync + 'static,
{
    view! {
        <Transition fallback=|| view! { <div class="card skeleton" role="status">"Loading…"</div> }>
            {move || {
                let draw = draw.clone();
                Suspend::new(async move {
                    match resource.await {
                        Ok(value) => draw(value),
                        Err(error) => error_card(&error),
                    }
                })
            }}
        </Transition>
    }
    .into_any()
}

/// What happened, to what, and what to try next.
#[must_use]
pub fn error_card(error: &ApiError) -> AnyView {
    let (title, next) = match error.status {
        404 => ("Not found", "It may have been removed, or the link is from another server. Open the list and look for it by name."),
        400 | 409 | 412 | 422 => ("Not possible as asked", "Nothing was changed. Correct what the sentence names and try again."),
        403 => ("Not allowed", "Nothing was changed. Whoever runs this server can allow it."),
        501 => ("Not supported yet", "Nothing was changed."),
        503 => ("Not reachable just now", "Nothing was changed. Try again in a moment; `dim health` says which part is away."),
        _ => ("Something failed inside the server", "The server's log has the cause. `dim health` says which part is unwell."),
    };
    view! {
        <section class="card" role="alert">
            <div class="empty">
                {icon(Icon::Alert)}
                <h2>{title}</h2>
                <p>{error.message.clone()}</p>
                <p class="soft">{next}</p>
                <p class="small muted">"Code " <code>{error.code.clone()}</code></p>
            </div>
        </section>
    }
    .into_any()
}

/// An empty list that teaches: what would be here, and the command that puts it there.
#[must_use]
pub fn empty(title: &str, text: &str, example: Option<String>) -> AnyView {
    view! {
        <div class="empty">
            {icon(Icon::Empty)}
            <h3>{title.to_owned()}</h3>
            <p class="soft">{text.to_owned()}</p>
            {example.map(command)}
        </div>
    }
    .into_any()
}
