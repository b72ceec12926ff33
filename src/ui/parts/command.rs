//! A command line that can be copied: the page teaches the CLI.

use leptos::prelude::*;

/// A command with its copy button, which the frame listens to. Without JavaScript the text can be selected.
#[must_use]
pub fn command(text: impl Into<String>) -> AnyView {
    let text: String = text.into();
    // Each word keeps together, so that a flag is not broken at its dashes.
    let words = text
        .split(' ')
        .map(|word| view! { <span class="word">{word.to_owned()}</span> " " })
        .collect_view();
    view! {
        <div class="command">
            <code>{words}</code>
            <button type="button" class="plain js-only" data-copy=""><span aria-live="polite">"Copy"</span></button>
        </div>
    }
    .into_any()
}
