//! A form whose fields become the URL: filters, and questions that change nothing.
//!
//! Invariant: without JavaScript it is an ordinary GET form; with it, `forms.rs` leaves empty fields out of the URL and the page stays.

use leptos::prelude::*;

/// The form around its fields; one with a class of its own is a search.
#[must_use]
pub fn ask(action: impl Into<String>, class: &'static str, label: &'static str, fields: AnyView) -> AnyView {
    let role = if class.is_empty() { "form" } else { "search" };
    let action: String = action.into();
    view! { <form method="get" action=action class=class role=role aria-label=label>{fields}</form> }
        .into_any()
}
