//! What an owner asks of any placement of a dataset, and the form that changes it.

use crate::domain::dataset::Dataset;
use leptos::prelude::*;

/// The form, filled with what holds now.
#[must_use]
pub fn rules(d: &Dataset) -> AnyView {
    let id = d.id.to_string();
    let pin = d.pinned_reason.clone().unwrap_or_default();
    let limit = d.latency_limit_ms.map(|ms| ms.to_string()).unwrap_or_default();
    view! {
        <form method="post" action="/api/fn/rules">
            <input type="hidden" name="dataset_id" value=id/>
            <div class="stack-s">
                <div class="field">
                    <label for="rule-pin">"Pin: never moved by advice, because"</label>
                    <input id="rule-pin" name="pinned_reason" maxlength="300" autocomplete="off" placeholder="not pinned" value=pin/>
                </div>
                <div class="field">
                    <label for="rule-limit">"Slowest first byte that readers accept, ms"</label>
                    <input id="rule-limit" name="latency_limit_ms" type="number" min="1" step="1" placeholder="no limit" value=limit/>
                </div>
                <div><button type="submit" data-testid="set-rules">"Keep these rules"</button></div>
            </div>
        </form>
    }
    .into_any()
}
