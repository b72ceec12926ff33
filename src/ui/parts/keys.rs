//! Keys for those who prefer them: `/` finds, `g` and a letter goes to a page, `j` and `k` walk through a list, `?` says all this. Ctrl+K opens the palette of
//! `palette.rs`.
//!
//! Invariant: no key is taken while a person types into a field, and none together with Ctrl, Alt or Meta.

use super::frame::help;
use crate::ui::browser;
use leptos::ev;
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

/// The letter after `g` and the page it opens.
pub(super) const PLACES: [(&str, &str, &str); 8] = [
    ("o", "/", "Overview"),
    ("d", "/datasets", "Datasets"),
    ("r", "/recommendations", "Recommendations"),
    ("j", "/jobs", "Jobs"),
    ("l", "/locations", "Locations"),
    ("p", "/prices", "Prices"),
    ("y", "/policies", "Policies"),
    ("e", "/reports", "Reports"),
];

/// Listens, and holds the help that `?` opens.
#[must_use]
pub fn keys() -> AnyView {
    let navigate = use_navigate();
    let leading = StoredValue::new(false);
    Effect::new(move |_| {
        let navigate = navigate.clone();
        let heard = window_event_listener(ev::keydown, move |event| {
            if event.ctrl_key() || event.alt_key() || event.meta_key() || browser::is_typing() {
                return;
            }
            let key = event.key();
            if leading.get_value() {
                leading.set_value(false);
                if let Some((_, href, _)) = PLACES.iter().find(|(letter, ..)| *letter == key) {
                    event.prevent_default();
                    navigate(href, Default::default());
                }
                return;
            }
            match key.as_str() {
                "g" => leading.set_value(true),
                "/" => {
                    event.prevent_default();
                    browser::focus("find");
                }
                "j" => browser::walk("name", 1),
                "k" => browser::walk("name", -1),
                "?" => browser::open_dialog("keys"),
                _ => {}
            }
        });
        on_cleanup(move || heard.remove());
    });
    help()
}
