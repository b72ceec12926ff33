//! A form whose fields become the URL: filters, and questions that change nothing.
//!
//! Invariant: without JavaScript it is an ordinary GET form; with it, empty fields are left out of the URL and the page stays.

use crate::ui::browser;
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

/// The form around its fields; one with a class of its own is a search.
#[must_use]
pub fn ask(action: impl Into<String>, class: &'static str, label: &'static str, fields: AnyView) -> AnyView {
    let role = if class.is_empty() { "form" } else { "search" };
    let navigate = use_navigate();
    let action: String = action.into();
    let to = action.clone();
    let submit = move |event: leptos::ev::SubmitEvent| {
        if let Some(query) = browser::form_query(&event) {
            event.prevent_default();
            let mark = if query.is_empty() { "" } else { "?" };
            navigate(&format!("{to}{mark}{query}"), Default::default());
        }
    };
    view! { <form method="get" action=action class=class role=role aria-label=label on:submit=submit>{fields}</form> }.into_any()
}
