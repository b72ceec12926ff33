//! Pages: a file each. A page asks `api` for its data, and composes parts.
//!
//! Pages know no service and no live protocol; what changes under them comes through the parts.
//!
//! All are [`served`]: drawn by the server alone, and put in place as they come.

pub mod overview;

/// The pages that the server draws.
#[cfg(not(feature = "browser"))]
pub mod served;

/// The same pages where they are shown.
#[cfg(feature = "browser")]
#[path = "served_in_browser.rs"]
pub mod served;

pub mod not_found;

use leptos::prelude::*;
use leptos_meta::Title;

/// The head of a page: its title, and a sentence that says what it is for.
fn head(title: &'static str, lead: impl Into<String>) -> AnyView {
    let lead: String = lead.into();
    view! {
        <Title text=title/>
        <header class="page-head">
            <div>
                <h1>{title}</h1>
                <p class="lead">{lead}</p>
            </div>
        </header>
    }
    .into_any()
}
