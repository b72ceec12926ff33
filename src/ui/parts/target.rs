//! The form that asks where a dataset should go. A GET form: it opens the plan, and changes nothing.

use super::ask::ask;
use crate::domain::location::Location;
use leptos::prelude::*;
use std::collections::BTreeSet;

/// Target location, class, and the button that opens the plan. `target` is chosen first; without one, the first location that is
/// not `here`.
#[must_use]
pub fn target_form(
    dataset: String,
    locations: &[Location],
    here: &str,
    target: &str,
    class: &str,
) -> AnyView {
    let fields = view! {
        <input type="hidden" name="dataset" value=dataset/>
        <div class="form-grid">
            {target_fields(locations, here, target, class)}
            <div><button type="submit">"Show the plan"</button></div>
        </div>
    };
    ask("/plan", "", "Plan a move", fields.into_any())
}

/// Target location and class alone.
#[must_use]
pub fn target_fields(locations: &[Location], here: &str, target: &str, class: &str) -> AnyView {
    let elsewhere = locations
        .iter()
        .map(|l| l.name.as_str())
        .find(|name| *name != here);
    let target = if target.is_empty() {
        elsewhere.unwrap_or_default()
    } else {
        target
    };
    let classes: BTreeSet<String> = locations
        .iter()
        .flat_map(|l| l.storage_classes.iter().map(ToString::to_string))
        .collect();
    let options = locations
        .iter()
        .map(|l| {
            let name = l.name.to_string();
            let selected = name == target;
            let of = l
                .storage_classes
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", ");
            view! { <option value=name.clone() selected=selected>{format!("{name} ({of})")}</option> }
        })
        .collect_view();
    let class = class.to_owned();
    view! {
        <div class="field">
            <label for="plan-target">"Target location"</label>
            <select id="plan-target" name="target">{options}</select>
        </div>
        <div class="field">
            <label for="plan-class">"Storage class"</label>
            <select id="plan-class" name="class">
                <option value="">"The location's default"</option>
                {classes.into_iter().map(|c| {
                    let selected = c == class;
                    view! { <option value=c.clone() selected=selected>{c.clone()}</option> }
                }).collect_view()}
            </select>
        </div>
    }
    .into_any()
}
