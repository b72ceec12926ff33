//! Entry point of the browser's half when each page's code is a file of its own.
//!
//! Invariant: hydration begins once the page's file is there, so that what says "live" answers. A file that does not come leaves the
//! page as the server drew it, which is complete without a script.

use crate::ui::{app::App, routes};
use wasm_bindgen::prelude::wasm_bindgen;

/// Called by the page's own script once the WASM is loaded.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    wasm_bindgen_futures::spawn_local(async {
        let window = web_sys::window();
        let path = window
            .and_then(|w| w.location().pathname().ok())
            .unwrap_or_default();
        if let Some(page) = routes::at(&path)
            && !page.is_ready().await
        {
            return;
        }
        leptos::mount::hydrate_lazy(App);
    });
}
