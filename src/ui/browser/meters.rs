//! Meters of jobs, written over as news of them come. The server draws everything else about a job.
//!
//! Invariant: an element is written only where it shows the stage that the news is of, and nothing later; what is shown already is left
//! alone, so that a thousand news a second cost the changes that can be seen. Memory is bounded by `JOBS_MAX`.

use super::document;
use crate::domain::event::JobStatusEvent;
use crate::domain::id::JobId;
use crate::ui::format::title;
use crate::ui::parts::told::{Told, fraction};
use std::cell::RefCell;
use std::collections::HashMap;
use wasm_bindgen::JsCast;
use web_sys::Element;

/// Jobs of which the last news is kept.
const JOBS_MAX: usize = 5_000;
/// What shows a job, and since when.
const SHOWN: &str = "[data-job-id][data-at]";

thread_local! {
    static HEARD: RefCell<HashMap<JobId, JobStatusEvent>> = RefCell::default();
}

/// Takes in the last news of each job that there were any of.
pub fn hear(news: HashMap<JobId, JobStatusEvent>) {
    if news.is_empty() {
        return;
    }
    if let Some(page) = document().and_then(|d| d.document_element()) {
        write(&page, &news);
    }
    HEARD.with_borrow_mut(|heard| {
        if heard.len() + news.len() > JOBS_MAX {
            heard.clear();
        }
        heard.extend(news);
    });
}

/// What was heard before the server drew this may be newer than what it knew.
pub(super) fn again(root: &Element) {
    HEARD.with_borrow(|heard| {
        if !heard.is_empty() {
            write(root, heard);
        }
    });
}

/// A row that the server's list no longer has: it stays in its place and says what became of its job.
pub(super) fn left(row: &Element) {
    let last = HEARD.with_borrow(|heard| heard.get(&job(row)?).map(|news| news.status));
    let Some(status) = last.filter(|s| row.get_attribute("data-status").as_deref() != Some(s.as_str()))
    else {
        return;
    };
    // Names that are in use.
    let _set = row.set_attribute("data-status", status.as_str());
    if let Ok(Some(badge)) = row.query_selector(".badge") {
        let _set = badge.set_attribute("class", "badge");
        badge.set_text_content(Some(&title(status.as_str())));
    }
    if let Ok(Some(actions)) = row.query_selector(".actions") {
        actions.set_text_content(None);
    }
}

fn job(element: &Element) -> Option<JobId> {
    element.get_attribute("data-job-id")?.parse().ok()
}

fn write(root: &Element, news: &HashMap<JobId, JobStatusEvent>) {
    let Ok(all) = root.query_selector_all(SHOWN) else {
        return;
    };
    for i in 0..all.length() {
        let Some(element) = all.get(i).and_then(|n| n.dyn_into::<Element>().ok()) else {
            continue;
        };
        if let Some(event) = job(&element).and_then(|id| news.get(&id)) {
            write_one(&element, event);
        }
    }
}

fn write_one(element: &Element, event: &JobStatusEvent) {
    let since: i64 = element
        .get_attribute("data-at")
        .and_then(|at| at.parse().ok())
        .unwrap_or_default();
    if event.updated_at < since
        || element.get_attribute("data-status").as_deref() != Some(event.status.as_str())
    {
        return;
    }
    if let Ok(Some(bar)) = element.query_selector("progress") {
        let done = fraction(event.status, &event.progress).to_string();
        if bar.get_attribute("value").as_deref() != Some(&done) {
            // A name that is in use.
            let _set = bar.set_attribute("value", &done);
        }
    }
    let Ok(places) = element.query_selector_all("[data-told]") else {
        return;
    };
    for i in 0..places.length() {
        let Some(place) = places.get(i).and_then(|n| n.dyn_into::<Element>().ok()) else {
            continue;
        };
        let name = place.get_attribute("data-told").unwrap_or_default();
        if let Some(told) = Told::ALL.into_iter().find(|t| t.name() == name) {
            let text = told.of(event.status, &event.progress);
            if place.text_content().as_deref() != Some(&text) {
                place.set_text_content(Some(&text));
            }
        }
    }
}
