//! The frame where it is shown: it stands as the server drew it, and only what changes in it is written: which page is open, how the
//! connection is, and the theme.

use super::time::Now;
use crate::ui::browser;
use crate::ui::format::duration;
use crate::ui::live::{Link, Live};
use leptos::prelude::*;
use leptos_router::hooks::use_location;

/// Brand, navigation and what is always visible.
#[must_use]
pub fn side() -> AnyView {
    let live = Live::get();
    let path = use_location().pathname;
    Effect::new(move |_| browser::mark_current("nav.nav a", &path.get()));
    let link = Memo::new(move |_| live.link());
    Effect::new(move |_| {
        let (class, word, act) = match link.get() {
            Link::Live => ("live on", "Live", "Pause"),
            Link::Connecting => ("live", "Connecting", "Pause"),
            Link::Reconnecting => ("live off", "Reconnecting", "Pause"),
            Link::Paused => ("live off", "Paused", "Resume"),
        };
        browser::write("[data-testid=live-status] [role=status]", word);
        browser::set("[data-testid=live-status]", "class", class);
        browser::write(TOGGLE, act);
        browser::set(TOGGLE, "aria-label", &format!("{act} live updates"));
    });
    Effect::new(move |_| {
        let age = match (link.get(), Now::get(), live.heard_at()) {
            (Link::Live | Link::Connecting, ..) | (_, None, _) | (.., None) => String::new(),
            (_, Some(now), Some(heard)) => format!("last update {} ago", duration(now - heard)),
        };
        browser::write(".live-age", &age);
    });
    Effect::new(move |_| show_theme(&browser::theme()));
    let click = move |event: leptos::ev::MouseEvent| {
        if browser::is_on(&event, TOGGLE) {
            live.toggle();
        } else if browser::is_on(&event, THEME) {
            let next = match browser::theme().as_str() {
                "system" => "light",
                "light" => "dark",
                _ => "system",
            };
            browser::set_theme(next);
            show_theme(next);
        }
    };
    view! { <header class="side" on:click=click></header> }.into_any()
}

const TOGGLE: &str = "[data-testid=live-toggle]";
const THEME: &str = "[data-testid=theme]";

fn show_theme(theme: &str) {
    let label = format!("Theme: {theme}");
    browser::write("[data-testid=theme] span", &label);
    browser::set(THEME, "aria-label", &label);
}

/// What the keys are, which `?` opens.
#[must_use]
pub fn help() -> AnyView {
    view! { <dialog id="keys" class="keys" aria-labelledby="keys-title"></dialog> }.into_any()
}
