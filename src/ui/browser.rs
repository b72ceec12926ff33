//! What only a browser can do: its clock, its theme, its clipboard, its frames.
//!
//! Invariant: called from effects and event handlers only, never while a view is drawn. `browser_absent.rs` has the same names.

use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen_futures::JsFuture;

/// Where the chosen theme is kept.
const THEME_KEY: &str = "dim-theme";

/// Seconds since 1970 by the browser's clock.
#[must_use]
pub fn now_unix_secs() -> i64 {
    (js_sys::Date::now() / 1000.0).floor() as i64
}

/// Milliseconds, for spans only.
#[must_use]
pub fn monotonic_ms() -> f64 {
    js_sys::Date::now()
}

/// Between 0 and 1.
#[must_use]
pub fn random() -> f64 {
    js_sys::Math::random()
}

/// An instant in the visitor's own time zone: `24 Nov 2026, 03:57`.
#[must_use]
pub fn local_text(micros: i64) -> String {
    let date = js_sys::Date::new(&(micros as f64 / 1000.0).into());
    format!(
        "{} {} {}, {:02}:{:02}",
        date.get_date(),
        month(&date),
        date.get_full_year(),
        date.get_hours(),
        date.get_minutes()
    )
}

/// The same to the second and without the year: `24 Nov 03:57:01`.
#[must_use]
pub fn local_moment(micros: i64) -> String {
    let date = js_sys::Date::new(&(micros as f64 / 1000.0).into());
    format!(
        "{} {} {:02}:{:02}:{:02}",
        date.get_date(),
        month(&date),
        date.get_hours(),
        date.get_minutes(),
        date.get_seconds()
    )
}

fn month(date: &js_sys::Date) -> &'static str {
    [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ][date.get_month().min(11) as usize]
}

/// The theme that the visitor chose: `light`, `dark`, or `system`.
#[must_use]
pub fn theme() -> String {
    storage()
        .and_then(|s| s.get_item(THEME_KEY).ok().flatten())
        .filter(|t| t == "light" || t == "dark")
        .unwrap_or_else(|| "system".to_owned())
}

/// Keeps and applies a theme.
pub fn set_theme(theme: &str) {
    if let Some(store) = storage() {
        // A visitor who forbids storage keeps the theme for this page only.
        let _ = if theme == "system" {
            store.remove_item(THEME_KEY)
        } else {
            store.set_item(THEME_KEY, theme)
        };
    }
    if let Some(root) = document().and_then(|d| d.document_element()) {
        let _ = if theme == "system" {
            root.remove_attribute("data-theme")
        } else {
            root.set_attribute("data-theme", theme)
        };
    }
}

/// Puts text on the clipboard; false where the browser does not allow it.
pub async fn copy(text: String) -> bool {
    let Some(window) = web_sys::window() else {
        return false;
    };
    JsFuture::from(window.navigator().clipboard().write_text(&text))
        .await
        .is_ok()
}

/// Asks the browser to print the page.
pub fn print() {
    if let Some(window) = web_sys::window() {
        // A browser that does not print leaves the page as it is.
        let _asked = window.print();
    }
}

/// Scheme, host and port of the page: `http://127.0.0.1:8080`.
#[must_use]
pub fn origin() -> String {
    web_sys::window()
        .and_then(|w| w.location().origin().ok())
        .unwrap_or_default()
}

/// The address of the live connection.
#[must_use]
pub fn live_url() -> Option<String> {
    let location = web_sys::window()?.location();
    let scheme = if location.protocol().ok()? == "https:" {
        "wss"
    } else {
        "ws"
    };
    Some(format!("{scheme}://{}/ws", location.host().ok()?))
}

/// Whether nobody can see the tab.
#[must_use]
pub fn is_hidden() -> bool {
    document().is_some_and(|d| d.visibility_state() == web_sys::VisibilityState::Hidden)
}

/// Calls `then` whenever the tab comes into view again, as long as it lives.
pub fn on_seen(then: impl Fn() + 'static) {
    let Some(document) = document() else { return };
    let heard = Closure::<dyn FnMut()>::new(move || {
        if !is_hidden() {
            then();
        }
    });
    // Without the listener a hidden tab is only slower to notice.
    let _added =
        document.add_event_listener_with_callback("visibilitychange", heard.as_ref().unchecked_ref());
    heard.forget();
}

/// Calls `then` before the next frame is drawn; in a hidden tab, when it is seen again.
pub fn on_next_frame(then: impl FnOnce() + 'static) {
    leptos::prelude::request_animation_frame(then);
}

/// Puts the caret into the field of that id, if it is on the page.
pub fn focus(id: &str) {
    let field = document().and_then(|d| d.get_element_by_id(id));
    if let Some(field) = field.and_then(|f| f.dyn_into::<web_sys::HtmlElement>().ok()) {
        // An element that cannot take the focus leaves it where it is.
        let _focused = field.focus();
    }
}

/// The fields of a form that is being sent, as a query without those that are empty.
#[must_use]
pub fn form_query(event: &leptos::ev::SubmitEvent) -> Option<String> {
    let form = event.target()?.dyn_into::<web_sys::HtmlFormElement>().ok()?;
    let data = web_sys::FormData::new_with_form(&form).ok()?;
    let pairs = web_sys::UrlSearchParams::new_with_str_sequence_sequence(&data).ok()?;
    let all = String::from(pairs.to_string());
    Some(
        all.split('&')
            .filter(|pair| !pair.is_empty() && !pair.ends_with('='))
            .collect::<Vec<_>>()
            .join("&"),
    )
}

/// Whether the caret is in a field, so that keys are text.
#[must_use]
pub fn is_typing() -> bool {
    let tag = document().and_then(|d| d.active_element()).map(|e| e.tag_name());
    matches!(tag.as_deref(), Some("INPUT" | "TEXTAREA" | "SELECT"))
}

/// Moves the focus to the next (`step` 1) or previous (-1) element of a class on the page.
pub fn walk(class: &str, step: i32) {
    let Some(document) = document() else { return };
    let all = document.get_elements_by_class_name(class);
    let count = i32::try_from(all.length()).unwrap_or(i32::MAX);
    let here = document.active_element();
    let at = (0..count).find(|i| here.is_some() && all.item(*i as u32) == here);
    let to = match at {
        Some(at) => (at + step).clamp(0, count - 1),
        None => 0,
    };
    let element = u32::try_from(to).ok().and_then(|i| all.item(i));
    if let Some(element) = element.and_then(|e| e.dyn_into::<web_sys::HtmlElement>().ok()) {
        // An element that cannot take the focus leaves it where it is.
        let _focused = element.focus();
    }
}

/// Opens the dialog of that id over the page.
pub fn open_dialog(id: &str) {
    let dialog = document().and_then(|d| d.get_element_by_id(id));
    if let Some(dialog) = dialog.and_then(|d| d.dyn_into::<web_sys::HtmlDialogElement>().ok()) {
        // One that is open already stays open.
        let _opened = dialog.show_modal();
    }
}

/// Closes it again.
pub fn close_dialog(id: &str) {
    let dialog = document().and_then(|d| d.get_element_by_id(id));
    if let Some(dialog) = dialog.and_then(|d| d.dyn_into::<web_sys::HtmlDialogElement>().ok()) {
        dialog.close();
    }
}

fn document() -> Option<web_sys::Document> {
    web_sys::window().and_then(|w| w.document())
}

fn storage() -> Option<web_sys::Storage> {
    web_sys::window().and_then(|w| w.local_storage().ok().flatten())
}
