//! What if, where it is shown: the page carries what the answer rests on, and this computes it again for each place of a slider.
//!
//! Invariant: nothing is asked of the server; what is written are the places that the server wrote first. This is the one page whose
//! code is a file of its own.

use super::document;
use crate::api::query::WhatIfQuery;
use crate::domain::recommendation::Recommendation;
use crate::domain::recommendation::what_if::{Scenario, Scene, play as answer_of};
use crate::ui::parts::scenario::{Answer, SLIDERS, answer};
use leptos::web_sys::HtmlInputElement;
use std::cell::RefCell;
use wasm_bindgen::JsCast;
use web_sys::{Element, UrlSearchParams};

/// A scene as it was read, and the answer to no scenario.
struct Read {
    text: String,
    scene: Scene,
    base: Recommendation,
}

thread_local! {
    static READ: RefCell<Option<Read>> = const { RefCell::new(None) };
}

/// Shows the scenario of an address, and gives the shortest address of the same.
#[must_use]
pub fn play(address: &str) -> Option<String> {
    let root = document()?.query_selector("[data-scene]").ok()??;
    let scenario = scenario(address)?;
    let text = root.get_attribute("data-scene")?;
    READ.with_borrow_mut(|read| {
        if read.as_ref().is_none_or(|r| r.text != text) {
            let scene: Scene = serde_json::from_slice(text.as_bytes()).ok()?;
            let base = answer_of(&scene, &Scenario::default());
            *read = Some(Read { text, scene, base });
        }
        let Read { scene, base, .. } = read.as_ref()?;
        let then = answer_of(scene, &scenario);
        write(&root, &answer(base, &then, &scenario));
        fields(&root, &scenario);
        Some(WhatIfQuery::href(&scene.dataset.id.to_string(), &scenario))
    })
}

fn scenario(address: &str) -> Option<Scenario> {
    let query = address.split_once('?').map_or("", |(_, query)| query);
    let given = UrlSearchParams::new_with_str(query).ok()?;
    let names: Vec<String> = given
        .get_all("without")
        .iter()
        .filter_map(|name| name.as_string())
        .collect();
    let query = WhatIfQuery {
        growth: given.get("growth"),
        retrieval: given.get("retrieval"),
        latency: given.get("latency"),
        horizon: given.get("horizon"),
        without: Some(names.join(",")),
    };
    Some(query.scenario())
}

fn write(root: &Element, answer: &Answer) {
    let place = |name: &str| {
        root.query_selector(&format!("[data-plays={name}]"))
            .ok()
            .flatten()
    };
    for (name, text) in [
        ("headline", answer.headline.as_str()),
        ("word", answer.word),
        ("over", answer.over.as_str()),
    ] {
        if let Some(place) = place(name).filter(|p| p.text_content().as_deref() != Some(text)) {
            place.set_text_content(Some(text));
        }
    }
    for (name, rows) in [("beside", &answer.beside), ("places", &answer.places)] {
        if let Some(place) = place(name) {
            place.set_inner_html(rows);
        }
    }
}

/// Puts fields where a link has them, and says where the sliders stand.
fn fields(root: &Element, scenario: &Scenario) {
    let find = |selector: &str| root.query_selector(selector).ok().flatten();
    let put = |name: &str, value: &str| {
        let field = find(&format!("#wi-{name}")).and_then(|f| f.dyn_into::<HtmlInputElement>().ok());
        if let Some(field) = field.filter(|f| f.value() != value) {
            field.set_value(value);
        }
    };
    for slider in &SLIDERS {
        let at = (slider.read)(scenario);
        put(slider.name, &at.to_string());
        if let Some(says) = find(&format!("output[for=wi-{}]", slider.name)) {
            says.set_text_content(Some(&(slider.show)(at)));
        }
    }
    put(
        "latency",
        &scenario.latency_ms.map(|ms| ms.to_string()).unwrap_or_default(),
    );
    let Ok(boxes) = root.query_selector_all("[name=without]") else {
        return;
    };
    for i in 0..boxes.length() {
        if let Some(field) = boxes.get(i).and_then(|b| b.dyn_into::<HtmlInputElement>().ok()) {
            field.set_checked(scenario.without.contains(&field.value()));
        }
    }
}
