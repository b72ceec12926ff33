//! The frame around every page: brand, navigation, search, connection, theme.

use super::ask::ask;
use super::icon::{Icon, icon};
use super::time::Now;
use crate::ui::browser;
use crate::ui::format::duration;
use crate::ui::live::{Link, Live};
use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_location;

/// Address, name and picture of each page in the navigation.
const PAGES: [(&str, &str, Icon); 8] = [
    ("/", "Overview", Icon::Overview),
    ("/datasets", "Datasets", Icon::Dataset),
    ("/recommendations", "Recommendations", Icon::Advice),
    ("/jobs", "Jobs", Icon::Job),
    ("/locations", "Locations", Icon::Location),
    ("/prices", "Prices", Icon::Price),
    ("/policies", "Policies", Icon::Shield),
    ("/reports", "Reports", Icon::Report),
];

/// Brand, navigation and what is always visible.
#[must_use]
pub fn side() -> AnyView {
    let find = view! {
        <label class="visually-hidden" for="find">"Find a dataset by name"</label>
        {icon(Icon::Search)}
        <input id="find" type="search" name="search" placeholder="Find a dataset" autocomplete="off"/>
        <kbd class="js-only" aria-hidden="true">"/"</kbd>
    }
    .into_any();
    view! {
        <header class="side"><div class="side-in">
            <A href="/" attr:class="brand">
                <svg viewBox="0 0 32 32" aria-hidden="true">
                    <rect class="mark-ground" width="32" height="32" rx="8"></rect>
                    <path class="mark-lead" d="M7 10.5h11"></path>
                    <path class="mark-rest" d="M12 16h13M7 21.5h9"></path>
                    <path class="mark-tip" d="M21 7.2l4.4 3.3-4.4 3.3z"></path>
                </svg>
                <span>"Data in Motion"</span>
            </A>
            {ask("/datasets", "find", "Find a dataset", find)}
            {navigation()}
            <div class="side-foot">{connection()} {theme_button()}</div>
        </div></header>
    }
    .into_any()
}

fn navigation() -> AnyView {
    let path = use_location().pathname;
    view! {
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
    }
    .into_any()
}

/// Whether what is shown is the present state, and the switch that holds it.
fn connection() -> AnyView {
    let live = Live::get();
    let link = Memo::new(move |_| live.link());
    let class = move || match link.get() {
        Link::Live => "live on",
        Link::Connecting => "live",
        Link::Reconnecting | Link::Paused => "live off",
    };
    let word = move || match link.get() {
        Link::Live => "Live",
        Link::Connecting => "Connecting",
        Link::Reconnecting => "Reconnecting",
        Link::Paused => "Paused",
    };
    let age = move || {
        if matches!(link.get(), Link::Live | Link::Connecting) {
            return None;
        }
        let (now, heard) = (Now::get()?, live.heard_at()?);
        Some(format!("last update {} ago", duration(now - heard)))
    };
    let act = move || {
        if link.get() == Link::Paused {
            "Resume"
        } else {
            "Pause"
        }
    };
    view! {
        <div class="connection js-only">
            <span class=class data-testid="live-status">
                <span class="live-dot" aria-hidden="true"></span>
                <span role="status">{word}</span>
                <span class="live-age">{age}</span>
            </span>
            <button
                type="button"
                class="plain small"
                data-testid="live-toggle"
                aria-label=move || format!("{} live updates", act())
                on:click=move |_| live.toggle()
            >
                {act}
            </button>
        </div>
        <p class="small muted no-js">"Reload for news: live updates need JavaScript."</p>
    }
    .into_any()
}

/// System, light or dark. The choice is the browser's; without JavaScript the system's holds.
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
    let label = move || format!("Theme: {}", theme.get());
    view! {
        <button type="button" class="plain small js-only theme" data-testid="theme" aria-label=label on:click=turn>
            {icon(Icon::Theme)} <span>{label}</span>
        </button>
    }
    .into_any()
}
