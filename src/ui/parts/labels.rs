//! Labels of a dataset: links to the list of everything that has them, and the form that changes them.

use crate::api::query::DatasetQuery;
use crate::domain::id::DatasetId;
use crate::domain::label::Label;
use leptos::prelude::*;

/// The labels, each a link to the list under it; nothing where there is none.
#[must_use]
pub fn labelled(labels: &[Label]) -> Option<AnyView> {
    if labels.is_empty() {
        return None;
    }
    let links = labels
        .iter()
        .map(|label| {
            let href = DatasetQuery {
                label: Some(label.to_string()),
                ..Default::default()
            }
            .href();
            view! { <li><a href=href>{label.to_string()}</a></li> }
        })
        .collect_view();
    Some(view! { <ul class="labels" aria-label="Labels">{links}</ul> }.into_any())
}

/// The labels of a dataset and the form that changes them.
#[must_use]
pub fn labels(id: DatasetId, now: Memo<Vec<Label>>) -> AnyView {
    view! {
        {move || now.with(|l| labelled(l))}
        <form method="post" action="/api/fn/label" class="inline-form">
            <input type="hidden" name="dataset_id" value=id.to_string()/>
            <div class="field">
                <label for="labels">"Put on, or take away with a dash"</label>
                <input id="labels" name="labels" required maxlength="500" autocomplete="off" placeholder="team=climate -old"/>
            </div>
            <button type="submit" data-testid="set-labels">"Change"</button>
        </form>
    }
    .into_any()
}
