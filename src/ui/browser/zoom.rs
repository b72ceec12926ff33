//! A part of a chart, chosen by dragging over it.
//!
//! Invariant: it opens the address that the form below the chart opens as well, so that the link keeps the part; a click that hardly moves
//! chooses nothing.

use js_sys::{Function, Reflect};
use leptos::ev::PointerEvent;
use std::cell::RefCell;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::Element;

/// The least part of a chart's width that is taken for a choice.
const LEAST: f64 = 0.01;
const MILLIS_A_DAY: f64 = 86_400_000.0;

/// A drag that is under way.
struct Drag {
    chart: Element,
    shade: Element,
    /// Where it began, between 0 and 1 of the chart's width.
    from: f64,
    to: f64,
}

thread_local! {
    static DRAG: RefCell<Option<Drag>> = const { RefCell::new(None) };
}

/// Begins a choice, where the pointer goes down on a chart that has parts.
pub fn begin(event: &PointerEvent) {
    let on = event.target().and_then(|t| t.dyn_into::<Element>().ok());
    let Some(chart) = on.and_then(|on| on.closest("svg[data-zoom]").ok().flatten()) else {
        return;
    };
    if event.button() != 0 {
        return;
    }
    let Some(shade) = shade(&chart) else { return };
    // Moves are heard until the pointer is let go, also beside the chart. A pointer that is gone already ends it at once.
    let _captured = chart.set_pointer_capture(event.pointer_id());
    let from = at(&chart, event);
    DRAG.set(Some(Drag {
        chart,
        shade,
        from,
        to: from,
    }));
}

/// Shows what is chosen so far.
pub fn go_on(event: &PointerEvent) {
    DRAG.with_borrow_mut(|drag| {
        let Some(drag) = drag else { return };
        drag.to = at(&drag.chart, event);
        let width = drag
            .chart
            .get_attribute("data-width")
            .and_then(|w| w.parse::<f64>().ok());
        let width = width.unwrap_or_default();
        let (left, right) = (drag.from.min(drag.to), drag.from.max(drag.to));
        for (name, value) in [("x", left * width), ("width", (right - left) * width)] {
            // Attributes of names that are in use.
            let _set = drag.shade.set_attribute(name, &format!("{value:.2}"));
        }
        if !drag.shade.is_connected() {
            // The chart was drawn anew meanwhile.
            let _put = drag.chart.append_child(&drag.shade);
        }
    });
}

/// Ends it: the address of the part, when one was chosen.
#[must_use]
pub fn end(event: &PointerEvent) -> Option<String> {
    let mut drag = DRAG.take()?;
    drag.shade.remove();
    drag.to = at(&drag.chart, event);
    let (left, right) = (drag.from.min(drag.to), drag.from.max(drag.to));
    if right - left < LEAST {
        return None;
    }
    let number = |name: &str| drag.chart.get_attribute(name)?.parse::<f64>().ok();
    let (first, days) = (number("data-first")?, number("data-days")?);
    let day = |part: f64| first + (part * days).floor().clamp(0.0, days - 1.0);
    let page = drag.chart.get_attribute("data-zoom")?;
    Some(format!(
        "{page}?from={}&to={}",
        written(day(left))?,
        written(day(right))?
    ))
}

/// Forgets it, where the browser takes the pointer for something else.
pub fn give_up() {
    if let Some(drag) = DRAG.take() {
        drag.shade.remove();
    }
}

/// Where the pointer is, between 0 and 1 of the chart's width.
fn at(chart: &Element, event: &PointerEvent) -> f64 {
    let (left, width) = extent(chart).unwrap_or((0.0, 1.0));
    ((f64::from(event.client_x()) - left) / width.max(1.0)).clamp(0.0, 1.0)
}

/// The left edge of an element in the window, and its width.
fn extent(chart: &Element) -> Option<(f64, f64)> {
    let measure = Reflect::get(chart, &"getBoundingClientRect".into()).ok()?;
    let place = measure.dyn_into::<Function>().ok()?.call0(chart).ok()?;
    let number = |name: &str| Reflect::get(&place, &name.into()).ok()?.as_f64();
    Some((number("left")?, number("width")?))
}

fn shade(chart: &Element) -> Option<Element> {
    let shade = super::document()?
        .create_element_ns(Some("http://www.w3.org/2000/svg"), "rect")
        .ok()?;
    for (name, value) in [("class", "shade"), ("y", "0"), ("height", "100"), ("width", "0")] {
        shade.set_attribute(name, value).ok()?;
    }
    chart.append_child(&shade).ok()?;
    Some(shade)
}

/// A day since 1970 as the address has it.
fn written(day: f64) -> Option<String> {
    let date = js_sys::Date::new(&JsValue::from_f64(day * MILLIS_A_DAY));
    let text = String::from(date.to_iso_string());
    text.split('T').next().map(str::to_owned)
}
