//! The frame around every page: brand, navigation, connection, theme.

use super::icon::{Icon, icon};
use crate::ui::browser;
use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_location;

const PAGES: [(&str, &str, Icon); 6] = [
    ("/", "Overview", Icon::Overview),
    ("/datasets", "Datasets", Icon::Dataset),
    ("/recommendations", "Recommendations", Icon::Advice),
    ("/jobs", "Jobs", Icon::Job),
    ("/locations", "Locations", Icon::Location),
    ("/prices", "Prices", Icon::Price),
];

/// Brand, navigation and what is always visible.
#[must_use]
pub fn side() -> AnyView {
    let path = use_location().pathname;
    view! {
        <header class="side">
            <A href="/" attr:class="brand">
                <svg viewBox="0 0 32 32" aria-hidden="true">
                    <rect class="f0" width="32" height="32" rx="8"></rect>
                    <path fill="none" stroke="#ffb35c" stroke-width="3.4" stroke-linecap="round" d="M7 10.500h11"></path>
                    <path fill="none" stroke="#fff" stroke-width="3.4" stroke-linecap="round" d="M12 16h13M7 21.500h9"></path>
                    <path fill="#ffb35c" d="M21 7.200l4.400 3.300-4.400 3.300z"></path>
                </svg>
                <span>"Data in Motion"</span>
            </A>
            <nav class="nav" aria-label="Pages">
                <ul>
                    {PAGES
                        .into_iter()
                        .map(|(href, text, picture)| {
                            let current = move || {
                                let path = path.get();
                                let here = path == href || (href != "/" && path.starts_with(&format!("{href}/")));
                                here.then_some("page")
                            };
                            view! { <li><a href=href aria-current=current>{icon(picture)} <span>{text}</span></a></li> }
                        })
                        .collect_view()}
                </ul>
            </nav>
            <div class="side-foot">{theme_button()}</div>
        </header>
    }
    .into_any()
}

/// System, light or dark. The choice is the browser's; without JavaScript the system's holds and the button does nothing.
fn theme_button() -> AnyView {
    let theme = RwSignal::new("system".to_owned());
    Effect::new(move |_| theme.set(browser::theme()));
    let turn = move |_| {
        let next = match theme.get_untracked().as_str() {
            "system" => "light",
            "light" => "dark",
            _ => "system",
        };
        browser::set_theme(next);
        theme.set(next.to_owned());
    };
    view! {
        <button type="button" class="plain" on:click=turn>
            {icon(Icon::Theme)} <span>"Theme: " {move || theme.get()}</span>
        </button>
    }
    .into_any()
}
