//! Pages that come from the server as they are, and how they take the place of what is shown.
//!
//! Invariant: an element is kept where the new page has one of the same name and key in its place, so that the focus, what was typed
//! and what was opened stay; two elements with different keys are never taken for one another.

use super::{document, local_moment, local_text};
use crate::domain::unit::Timestamp;
use crate::ui::format::{plural, relative};
use crate::ui::routes::PART;
use js_sys::Promise;
use std::cell::RefCell;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{DomParser, Element, Headers, Node, RequestInit, Response, SupportedType};

/// What tells one line of a list from another.
const KEYS: [&str; 5] = [
    "id",
    "data-dataset-id",
    "data-job-id",
    "data-policy",
    "data-location",
];

const LOADING: &str = r#"<div class="skeleton" role="status">Loading…</div>"#;
const AWAY: &str = r#"<section class="card" role="alert" data-testid="error"><div class="empty"><h2>Not reachable just now</h2><p class="soft">The server did not answer. Nothing was changed. Load the page again in a moment.</p></div></section>"#;

/// A page as the server drew it.
pub struct Fetched {
    /// The element that it consists of.
    pub root: Element,
    /// Its title.
    pub title: String,
}

/// A page that is under way: the parts of one page ask for it at once, and it is fetched once.
struct UnderWay {
    address: String,
    /// The part of the page alone, where it has several.
    part: Option<&'static str>,
    text: Promise,
}

/// A list that keeps its lines in their places, and the same list as the server has it now.
struct Waiting {
    shown: Element,
    fresh: Node,
}

thread_local! {
    static UNDER_WAY: RefCell<Option<UnderWay>> = const { RefCell::new(None) };
    static WAITING: RefCell<Option<Waiting>> = const { RefCell::new(None) };
}

/// Asks for a page and the element of that name on it; `None` when it does not come or has none. `alone`: the page has other parts, which
/// need not be drawn.
pub async fn page(address: &str, name: &'static str, alone: bool) -> Option<Fetched> {
    let text = JsFuture::from(text(address, alone.then_some(name)))
        .await
        .ok()?
        .as_string()?;
    let page = DomParser::new()
        .ok()?
        .parse_from_string(&text, SupportedType::TextHtml)
        .ok()?;
    Some(Fetched {
        root: page.query_selector(&format!("[data-served=\"{name}\"]")).ok()??,
        title: page.title(),
    })
}

fn text(address: &str, part: Option<&'static str>) -> Promise {
    let is_same = |one: &UnderWay| one.address == address && one.part == part;
    let same = UNDER_WAY.with_borrow(|one| {
        one.as_ref()
            .filter(|one| is_same(one))
            .map(|one| one.text.clone())
    });
    if let Some(text) = same {
        return text;
    }
    let owned = address.to_owned();
    let text = wasm_bindgen_futures::future_to_promise(async move {
        let answer = of(&owned, part).await;
        UNDER_WAY.with_borrow_mut(|one| {
            if one
                .as_ref()
                .is_some_and(|one| one.address == owned && one.part == part)
            {
                *one = None;
            }
        });
        Ok(answer.map_or(JsValue::NULL, JsValue::from))
    });
    UNDER_WAY.set(Some(UnderWay {
        address: address.to_owned(),
        part,
        text: text.clone(),
    }));
    text
}

async fn of(address: &str, part: Option<&str>) -> Option<String> {
    let headers = Headers::new().ok()?;
    headers.set("accept", "text/html").ok()?;
    if let Some(part) = part {
        headers.set(PART, part).ok()?;
    }
    let how = RequestInit::new();
    how.set_headers(&headers);
    Some(ask(address, &how).await?.1)
}

/// An answer and its text; `None` when the server is away.
pub(super) async fn ask(address: &str, how: &RequestInit) -> Option<(Response, String)> {
    let answer = JsFuture::from(web_sys::window()?.fetch_with_str_and_init(address, how))
        .await
        .ok()?;
    let answer: Response = answer.dyn_into().ok()?;
    let text = JsFuture::from(answer.text().ok()?).await.ok()?;
    Some((answer, text.as_string()?))
}

/// Says that the page is under way.
pub fn loading(root: &Element) {
    root.set_inner_html(LOADING);
}

/// Says that it did not come.
pub fn away(root: &Element) {
    root.set_inner_html(AWAY);
}

/// The value of an attribute of the page or of the first part of it that has one.
#[must_use]
pub fn word(root: &Element, name: &str) -> String {
    let own = root.get_attribute(name);
    let part = || {
        root.query_selector(&format!("[{name}]"))
            .ok()??
            .get_attribute(name)
    };
    own.or_else(part).unwrap_or_default()
}

/// Whether a page computes by itself.
#[must_use]
pub fn has_scene(root: &Element) -> bool {
    root.query_selector("[data-scene]")
        .is_ok_and(|found| found.is_some())
}

/// Makes an element what a fetched one is.
pub fn take_over(shown: &Element, fresh: &Element) {
    in_own_time(fresh, super::now_unix_secs());
    attributes(shown, fresh);
    children(shown, fresh);
    super::meters::again(shown);
}

fn children(shown: &Node, fresh: &Node) {
    let mut at = shown.first_child();
    let mut next = fresh.first_child();
    while let Some(new) = next {
        next = new.next_sibling();
        match same(at.as_ref(), &new) {
            Some(old) => {
                if at.as_ref() == Some(&old) {
                    at = old.next_sibling();
                } else {
                    put(shown, &old, at.as_ref());
                }
                change(&old, &new);
            }
            None => put(shown, &new, at.as_ref()),
        }
    }
    while let Some(old) = at {
        at = old.next_sibling();
        // It is a child: it was read from there.
        let _removed = shown.remove_child(&old);
    }
}

fn put(into: &Node, node: &Node, before: Option<&Node>) {
    // Neither is an ancestor of the other: one is a child or comes from another document.
    let _put = into.insert_before(node, before);
}

/// The shown node, from `at` on, that the new one continues.
fn same(at: Option<&Node>, new: &Node) -> Option<Node> {
    let at = at?;
    let wanted = key(new);
    if wanted.is_none() {
        return (at.node_name() == new.node_name() && key(at).is_none()).then(|| at.clone());
    }
    let mut one = Some(at.clone());
    while let Some(old) = one {
        if old.node_name() == new.node_name() && key(&old) == wanted {
            return Some(old);
        }
        one = old.next_sibling();
    }
    None
}

fn key(node: &Node) -> Option<String> {
    let element = node.dyn_ref::<Element>()?;
    KEYS.iter().find_map(|name| element.get_attribute(name))
}

fn change(old: &Node, new: &Node) {
    if let (Some(shown), Some(fresh)) = (old.dyn_ref::<Element>(), new.dyn_ref::<Element>()) {
        if is_same_list(shown, fresh, "data-newer") {
            // What it says is said by the list below it.
        } else if is_same_list(shown, fresh, "data-held") {
            hold(shown, fresh);
        } else if !shown.is_equal_node(Some(fresh)) {
            attributes(shown, fresh);
            children(shown, fresh);
        }
    } else if old.node_value() != new.node_value() {
        old.set_node_value(new.node_value().as_deref());
    }
}

fn is_same_list(shown: &Element, fresh: &Element, name: &str) -> bool {
    let list = shown.get_attribute(name);
    list.is_some() && list == fresh.get_attribute(name)
}

/// Changes lines that are shown in their places; those that are new wait above the list until they are asked for.
fn hold(shown: &Element, fresh: &Element) {
    let whole = fresh.clone_node_with_deep(true).ok();
    let known = |parent: &Element, line: &Element| {
        let wanted = key(line)?;
        lines(parent).find(|other| key(other) == Some(wanted.clone()))
    };
    let mut new = 0_usize;
    for line in lines(shown) {
        match known(fresh, &line) {
            Some(fresh) => change(&line, &fresh),
            None => super::meters::left(&line),
        }
    }
    for line in lines(fresh) {
        new += usize::from(known(shown, &line).is_none());
    }
    let says = match new {
        0 => String::new(),
        n => {
            let text = format!("{} new: show", plural(i64::try_from(n).unwrap_or(0), "job"));
            format!(
                r#"<p class="newer"><button type="button" data-show="" data-testid="show-new">{text}</button></p>"#
            )
        }
    };
    WAITING.set(whole.filter(|_| new > 0).map(|fresh| Waiting {
        shown: shown.clone(),
        fresh,
    }));
    say_newer(shown, &says);
}

fn lines(list: &Element) -> impl Iterator<Item = Element> + use<> {
    let all = list.children();
    let all: Vec<Element> = (0..all.length()).filter_map(|i| all.item(i)).collect();
    all.into_iter()
}

fn say_newer(list: &Element, says: &str) {
    let card = list.closest("section").ok().flatten();
    let place = card.and_then(|card| card.query_selector("[data-newer]").ok().flatten());
    if let Some(place) = place.filter(|place| place.inner_html() != says) {
        place.set_inner_html(says);
    }
}

/// Puts what waited in its place.
fn show_waiting() {
    if let Some(Waiting { shown, fresh }) = WAITING.take() {
        children(&shown, &fresh);
        say_newer(&shown, "");
        super::meters::again(&shown);
    }
}

fn attributes(shown: &Element, fresh: &Element) {
    for name in names(fresh) {
        let value = fresh.get_attribute(&name).unwrap_or_default();
        if !is_of_the_visitor(&name) && shown.get_attribute(&name).as_deref() != Some(value.as_str()) {
            // A name that another element has is a name.
            let _set = shown.set_attribute(&name, &value);
        }
    }
    for name in names(shown) {
        if !is_of_the_visitor(&name) && !fresh.has_attribute(&name) {
            let _removed = shown.remove_attribute(&name);
        }
    }
}

/// What was opened stays open.
fn is_of_the_visitor(name: &str) -> bool {
    name == "open"
}

fn names(element: &Element) -> Vec<String> {
    element
        .get_attribute_names()
        .iter()
        .filter_map(|name: JsValue| name.as_string())
        .collect()
}

/// Writes the instants of a page as the visitor's clock and time zone have them.
pub fn in_own_time(root: &Element, now: i64) {
    let Ok(all) = root.query_selector_all("time[data-as]") else {
        return;
    };
    for i in 0..all.length() {
        let Some(element) = all.get(i).and_then(|n| n.dyn_into::<Element>().ok()) else {
            continue;
        };
        let read = |name| element.get_attribute(name).unwrap_or_default();
        let millis = js_sys::Date::parse(&read("datetime"));
        if millis.is_nan() {
            continue;
        }
        let at = Timestamp((millis * 1_000.0) as i64);
        let text = match read("data-as").as_str() {
            "ago" => {
                let _set = element.set_attribute("title", &local_text(at.0));
                relative(now, at)
            }
            "moment" => local_moment(at.0),
            _ => local_text(at.0),
        };
        if element.text_content().as_deref() != Some(&text) {
            element.set_text_content(Some(&text));
        }
    }
}

/// A click on what copies a line, prints the page or shows what waits.
pub(super) fn clicked(button: &Element) {
    if button.has_attribute("data-show") {
        show_waiting();
        return;
    }
    if button.has_attribute("data-print") {
        super::print();
        return;
    }
    let line = button
        .parent_element()
        .and_then(|p| p.query_selector("code").ok().flatten())
        .and_then(|code| code.text_content())
        .unwrap_or_default();
    let button = button.clone();
    wasm_bindgen_futures::spawn_local(async move {
        let copied = super::copy(line.trim().to_owned()).await;
        let says = button.query_selector("span").ok().flatten();
        if let Some(says) = says.filter(|_| document().is_some()) {
            says.set_text_content(Some(if copied { "Copied" } else { "Select and copy" }));
        }
    });
}
