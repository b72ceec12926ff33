//! The foot of a list: how many there are, and the way to the next page.

use crate::ui::format::{count, plural};
use leptos::prelude::*;
use leptos_router::components::A;

/// `first` is the list's URL without a place in it; `next` the one of the following rows.
#[must_use]
pub fn pager(shown: usize, total: i64, noun: &str, first: Option<String>, next: Option<String>) -> AnyView {
    let shown = count(i64::try_from(shown).unwrap_or(i64::MAX));
    let of = plural(total, noun);
    view! {
        <nav class="pager" aria-label="Pages of the list">
            <span>{format!("{shown} of {of}")}</span>
            <span class="row">
                {first.map(|href| view! { <A href=href attr:class="button">"First page"</A> })}
                {next.map(|href| view! { <A href=href attr:class="button">"Next page"</A> })}
            </span>
        </nav>
    }
    .into_any()
}
