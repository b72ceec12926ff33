//! How far a listing is, told while a page or a form waits for it: a million objects take a minute.
//!
//! Invariant: only a courtesy. What cannot be asked is not told, the request itself says what is wrong, and the line is gone when the answer
//! is there. No reader is interrupted: the line is no status.

use super::document;
use super::fetched::ask;
use crate::domain::unit::Bytes;
use crate::ui::format::plural;
use gloo_timers::future::TimeoutFuture;
use js_sys::{Array, Reflect};
use std::cell::Cell;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use web_sys::{Element, RequestInit, UrlSearchParams};

/// How often the server is asked.
const EVERY_MS: u32 = 1_000;

/// Tells it until it is dropped.
pub struct Counting {
    over: Rc<Cell<bool>>,
    line: Element,
}

impl Counting {
    /// In a line at the end of `place`.
    pub(super) fn begin(dataset: &str, place: &Element) -> Option<Self> {
        let line = document()?.create_element("p").ok()?;
        line.set_class_name("small muted counting");
        place.append_child(&line).ok()?;
        let over = Rc::new(Cell::new(false));
        let dataset = String::from(js_sys::encode_uri_component(dataset));
        wasm_bindgen_futures::spawn_local(tell(
            format!("/api/v1/datasets/{dataset}/listing"),
            line.clone(),
            over.clone(),
        ));
        Some(Self { over, line })
    }

    /// While the page at this address is under way, where it is one that lists a dataset's objects.
    #[must_use]
    pub fn of_page(address: &str, place: &Element) -> Option<Self> {
        let query = address.strip_prefix("/plan?")?;
        let dataset = UrlSearchParams::new_with_str(query).ok()?.get("dataset")?;
        Self::begin(&dataset, place)
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.over.set(true);
        self.line.remove();
    }
}

async fn tell(address: String, line: Element, over: Rc<Cell<bool>>) {
    loop {
        TimeoutFuture::new(EVERY_MS).await;
        if over.get() {
            return;
        }
        let text = look(&address).await;
        if let Some(text) = text.filter(|_| !over.get()) {
            line.set_text_content(Some(&text));
        }
    }
}

async fn look(address: &str) -> Option<String> {
    let (answer, text) = ask(address, &RequestInit::new()).await?;
    if !answer.ok() {
        return None;
    }
    let field = |of: &JsValue, name: &str| Reflect::get(of, &name.into()).ok();
    let all = field(&js_sys::JSON::parse(&text).ok()?, "listings")?;
    let first = Array::from(&all).get(0);
    let number = |name: &str| field(&first, name)?.as_f64();
    let objects = plural(number("objects")? as i64, "object");
    Some(format!(
        "Listing: {objects}, {} so far",
        Bytes(number("size_bytes")? as u64)
    ))
}
