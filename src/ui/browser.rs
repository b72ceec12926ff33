//! What only a browser can do: its clock, its theme, its clipboard, its frames.
//!
//! Invariant: called from effects and event handlers only, never while a view is drawn. `browser_absent.rs` has the same names.

pub mod counting;

pub mod fetched;

pub mod meters;

pub mod sent;

pub mod what_if;

pub mod zoom;

pub use sent::Sent;

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

/// A form that asks: the address that it opens, its fields without those that are empty. `None` for any other form.
#[must_use]
pub fn form_address(event: &leptos::ev::SubmitEvent) -> Option<String> {
    address_of(&form_of(event).filter(|form| form.method() == "get")?)
}

/// The address that a field with `data-send` asks for when it is moved.
#[must_use]
pub fn moved(event: &leptos::ev::Event) -> Option<String> {
    let field: web_sys::Element = event.target()?.dyn_into().ok()?;
    let form = field
        .has_attribute("data-send")
        .then(|| field.closest("form"))
        .and_then(Result::ok)??;
    address_of(&form.dyn_into().ok()?)
}

/// The address of the scenario that a field of the what-if page asks for.
#[must_use]
pub fn played(event: &leptos::ev::Event) -> Option<String> {
    let field: web_sys::Element = event.target()?.dyn_into().ok()?;
    let form = field.closest("form[data-play]").ok()??;
    address_of(&form.dyn_into().ok()?)
}

fn address_of(form: &web_sys::HtmlFormElement) -> Option<String> {
    let data = web_sys::FormData::new_with_form(form).ok()?;
    let pairs = web_sys::UrlSearchParams::new_with_str_sequence_sequence(&data).ok()?;
    let all = String::from(pairs.to_string());
    let given: Vec<&str> = all
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.ends_with('='))
        .collect();
    let action = form.get_attribute("action").unwrap_or_default();
    let mark = if given.is_empty() { "" } else { "?" };
    Some(format!("{action}{mark}{}", given.join("&")))
}

/// Whether a form that asks leaves the page where it is scrolled to.
#[must_use]
pub fn stays(event: &leptos::ev::SubmitEvent) -> bool {
    form_of(event).is_some_and(|form| form.has_attribute("data-noscroll"))
}

/// Sends a form that changes something, without leaving the page. `then` is called with the answer.
pub fn send(event: &leptos::ev::SubmitEvent, then: impl FnOnce(Result<Sent, String>) + 'static) {
    let form = form_of(event).filter(|form| form.method() == "post");
    if form.is_some_and(|form| sent::send(form, then)) {
        event.prevent_default();
    }
}

/// Whether somebody has dealt with it already.
#[must_use]
pub fn is_taken(event: &leptos::ev::SubmitEvent) -> bool {
    event.default_prevented()
}

fn form_of(event: &leptos::ev::SubmitEvent) -> Option<web_sys::HtmlFormElement> {
    event.target()?.dyn_into().ok()
}

/// What a click asks for when it is on a button that copies, prints or shows what waits.
pub fn click(event: &leptos::ev::MouseEvent) {
    let target = event.target().and_then(|t| t.dyn_into::<web_sys::Element>().ok());
    let button = target.and_then(|t| t.closest("[data-copy], [data-print], [data-show]").ok().flatten());
    if let Some(button) = button {
        fetched::clicked(&button);
    }
}

/// Whether a click takes a notice away; what the server wrote goes at once.
#[must_use]
pub fn dismisses(event: &leptos::ev::MouseEvent) -> bool {
    let on = is_on(event, "[data-dismiss]");
    if on {
        clear("server-answer");
    }
    on
}

/// Takes away what the server wrote into the element of that id.
pub fn clear(id: &str) {
    if let Some(element) = document().and_then(|d| d.get_element_by_id(id)) {
        element.set_text_content(None);
    }
}

/// The place in the event log at which the page was drawn, as the element of that id has it.
#[must_use]
pub fn drawn_at(id: &str) -> Option<(String, i64)> {
    let note = document()?.get_element_by_id(id)?;
    Some((
        note.get_attribute("data-log")?,
        note.get_attribute("data-seq")?.parse().ok()?,
    ))
}

/// Datasets whose name has a word in it, by id and name.
pub async fn find_datasets(word: &str) -> Vec<(i64, String)> {
    let word = String::from(js_sys::encode_uri_component(word));
    let how = web_sys::RequestInit::new();
    let found = fetched::ask(&format!("/api/fn/find?word={word}"), &how).await;
    let Some(list) = found.and_then(|(_, text)| js_sys::JSON::parse(&text).ok()) else {
        return Vec::new();
    };
    js_sys::Array::from(&list)
        .iter()
        .filter_map(|pair| {
            let pair = js_sys::Array::from(&pair);
            Some((pair.get(0).as_f64()? as i64, pair.get(1).as_string()?))
        })
        .collect()
}

/// Says which of these links is the page at a path, or the list that it belongs to.
pub fn mark_current(links: &str, path: &str) {
    let Some(all) = document().and_then(|d| d.query_selector_all(links).ok()) else {
        return;
    };
    for i in 0..all.length() {
        let Some(link) = all.get(i).and_then(|n| n.dyn_into::<web_sys::Element>().ok()) else {
            continue;
        };
        let to = link.get_attribute("href").unwrap_or_default();
        let below = path
            .strip_prefix(to.as_str())
            .is_some_and(|rest| rest.starts_with('/'));
        // An attribute of a name that is in use.
        let _marked = if path == to || (to != "/" && below) {
            link.set_attribute("aria-current", "page")
        } else {
            link.remove_attribute("aria-current")
        };
    }
}

/// Writes the text of the element that a selector finds, when it is another.
pub fn write(selector: &str, text: &str) {
    if let Some(element) = find(selector)
        && element.text_content().as_deref() != Some(text)
    {
        element.set_text_content(Some(text));
    }
}

/// Gives the element that a selector finds an attribute.
pub fn set(selector: &str, name: &str, value: &str) {
    if let Some(element) = find(selector) {
        // An attribute of a name that is in use.
        let _set = element.set_attribute(name, value);
    }
}

/// Whether a click is on what a selector finds.
#[must_use]
pub fn is_on(event: &leptos::ev::MouseEvent, selector: &str) -> bool {
    let target = event.target().and_then(|t| t.dyn_into::<web_sys::Element>().ok());
    target.is_some_and(|t| t.closest(selector).is_ok_and(|found| found.is_some()))
}

fn find(selector: &str) -> Option<web_sys::Element> {
    document()?.query_selector(selector).ok()?
}

/// The title that the page came with, for whoever asks first.
#[derive(Clone)]
pub struct FirstTitle(std::sync::Arc<std::sync::Mutex<String>>);

impl FirstTitle {
    /// Reads it, before anything is hydrated.
    #[must_use]
    pub fn read() -> Self {
        let title = document().map(|d| d.title()).unwrap_or_default();
        Self(std::sync::Arc::new(std::sync::Mutex::new(title)))
    }

    /// It, and nothing the next time.
    #[must_use]
    pub fn take(&self) -> String {
        self.0
            .lock()
            .map(|mut title| std::mem::take(&mut *title))
            .unwrap_or_default()
    }
}

/// Gives the page a title.
pub fn set_title(title: &str) {
    if let Some(document) = document() {
        document.set_title(title);
    }
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
