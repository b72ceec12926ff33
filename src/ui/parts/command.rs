//! A command line that can be copied: the page teaches the CLI.

use crate::ui::browser;
use leptos::prelude::*;
use leptos::task::spawn_local;

/// A command with its copy button. Without JavaScript the text can be selected.
#[must_use]
pub fn command(text: impl Into<String>) -> AnyView {
    let text: String = text.into();
    let label = RwSignal::new("Copy");
    // Each word keeps together, so that a flag is not broken at its dashes.
    let words = text
        .split(' ')
        .map(|word| view! { <span class="word">{word.to_owned()}</span> " " })
        .collect_view();
    let copy = move |_| {
        let text = text.clone();
        spawn_local(async move {
            let copied = browser::copy(text).await;
            label.try_set(if copied { "Copied" } else { "Select and copy" });
        });
    };
    view! {
        <div class="command">
            <code>{words}</code>
            <button type="button" class="plain js-only" on:click=copy><span aria-live="polite">{move || label.get()}</span></button>
        </div>
    }
    .into_any()
}
