//! The frame around every page: brand, navigation, search, connection, theme. What changes in it is written by
//! `frame_in_browser.rs`, under the names that stand here.

use super::ask::ask;
use super::icon::{Icon, icon};
use super::keys::PLACES;
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
    let path = use_location().pathname.get_untracked();
    view! {
        <nav class="nav" aria-label="Pages">
            <ul>
                {PAGES
                    .into_iter()
                    .map(|(href, text, picture)| {
                        let here = path == href || (href != "/" && path.starts_with(&format!("{href}/")));
                        let current = here.then_some("page");
                        view! { <li><a href=href aria-current=current>{icon(picture)} <span>{text}</span></a></li> }
                    })
                    .collect_view()}
            </ul>
        </nav>
    }
    .into_any()
}

/// Whether what is shown is the present state, and the switch that holds it: said by the browser.
fn connection() -> AnyView {
    view! {
        <div class="connection js-only">
            <span class="live" data-testid="live-status">
                <span class="live-dot" aria-hidden="true"></span>
                <span role="status">"Connecting"</span>
                <span class="live-age"></span>
            </span>
            <button type="button" class="plain small" data-testid="live-toggle" aria-label="Pause live updates">"Pause"</button>
        </div>
        <p class="small muted no-js">"Reload for news: live updates need JavaScript."</p>
    }
    .into_any()
}

/// System, light or dark. The choice is the browser's; without JavaScript the system's holds.
fn theme_button() -> AnyView {
    view! {
        <button type="button" class="plain small js-only theme" data-testid="theme" aria-label="Theme: system">
            {icon(Icon::Theme)} <span>"Theme: system"</span>
        </button>
    }
    .into_any()
}

/// What the keys are, which `?` opens.
#[must_use]
pub fn help() -> AnyView {
    let places = PLACES
        .into_iter()
        .map(|(letter, _, name)| view! { <dt><kbd>"g"</kbd>" "<kbd>{letter}</kbd></dt><dd>{name}</dd> })
        .collect_view();
    view! {
        <dialog id="keys" class="keys" aria-labelledby="keys-title">
            <h2 id="keys-title">"Keys"</h2>
            <dl class="facts">
                <dt><kbd>"/"</kbd></dt><dd>"Find a dataset"</dd>
                <dt><kbd>"Ctrl"</kbd>" "<kbd>"k"</kbd></dt><dd>"Command palette: a page, a dataset, a job"</dd>
                <dt><kbd>"j"</kbd>" "<kbd>"k"</kbd></dt><dd>"Next and previous in a list; Enter opens"</dd>
                {places}
                <dt><kbd>"?"</kbd></dt><dd>"This list; Esc closes"</dd>
            </dl>
            <form method="dialog"><button type="submit">"Close"</button></form>
        </dialog>
    }
    .into_any()
}
