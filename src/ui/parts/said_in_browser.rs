//! What the server alone says, where it is shown: it stands as it came.

use crate::ui::browser;
use crate::ui::live::Live;
use leptos::prelude::*;
use leptos_router::hooks::use_location;

/// The note about the server, which also names the place in the log from which the live connection begins.
#[must_use]
pub fn note() -> AnyView {
    let live = Live::get();
    Effect::new(move |_| live.start(browser::drawn_at("server-note")));
    view! { <div id="server-note"></div> }.into_any()
}

/// What a form without a script did; gone with the page that it was said on.
#[must_use]
pub fn by_address() -> AnyView {
    let path = use_location().pathname;
    Effect::new(move |before: Option<String>| {
        let here = path.get();
        if before.is_some_and(|b| b != here) {
            browser::clear("server-answer");
        }
        here
    });
    view! { <div id="server-answer"></div> }.into_any()
}
