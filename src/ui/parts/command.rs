//! A command line that can be copied: the page teaches the CLI.

use crate::ui::browser;
use leptos::prelude::*;
use leptos::task::spawn_local;

/// A command with its copy button. Without JavaScript the text can be selected.
#[must_use]
pub fn command(text: impl Into<String>) -> AnyView {
    let text: String = text.into();
    let label = RwSignal::new("Copy");
    let copied = text.clone();
    view! {
        <div class="command">
            <code>{text}</code>
            <button
                type="button"
                class="plain js-only"
                on:click=move |_| {
                    let text = copied.clone();
                    spawn_local(async move {
                        label.set(if browser::copy(text).await { "Copied" } else { "Select and copy" });
                    });
                }
            >
                <span aria-live="polite">{move || label.get()}</span>
            </button>
        </div>
    }
    .into_any()
}
