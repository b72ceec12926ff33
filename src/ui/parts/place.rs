//! Where something stands, and from where to where it goes.

use super::icon::{Icon, icon};
use leptos::prelude::*;

/// A location and its class.
#[must_use]
pub fn place(location: &str, class: &str) -> AnyView {
    view! {
        <span class="place">
            <span>{location.to_owned()}</span>
            <span class="class">{class.to_owned()}</span>
        </span>
    }
    .into_any()
}

/// From one placement to another.
#[must_use]
pub fn move_line(from: (&str, &str), to: (&str, &str)) -> AnyView {
    view! {
        <span class="moveline">
            {place(from.0, from.1)} {icon(Icon::Arrow)} <span class="visually-hidden">"to"</span> {place(to.0, to.1)}
        </span>
    }
    .into_any()
}
