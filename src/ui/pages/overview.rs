//! The first page: what needs a person, what is running, what was saved, where the data stands, what happened last.
//!
//! Every number links to the list behind it. Each part is the server's (`served/overview.rs`) and asked for again by itself, so that a busy
//! moment of one does not draw the others.

use super::{head, served};
use leptos::prelude::*;

/// The page.
pub fn page() -> AnyView {
    view! {
        <div class="page">
            {head("Overview", "Where the data stands, what it costs, and what is moving.")}
            <div class="stack">
                {served::overview_sums()}
                <div class="cols">
                    <div class="stack">{served::overview_running()} {served::overview_stands()}</div>
                    {served::overview_last()}
                </div>
            </div>
        </div>
    }
    .into_any()
}
