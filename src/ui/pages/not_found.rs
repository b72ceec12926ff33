//! The page for an address that leads nowhere.

use crate::ui::parts::icon::{Icon, icon};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;
use leptos_router::hooks::use_location;

/// What was asked for, and where to go from here.
pub fn page() -> AnyView {
    let path = use_location().pathname;
    view! {
        <Title text="No such page"/>
        <div class="page">
            <section class="card">
                <div class="empty">
                    {icon(Icon::Alert)}
                    <h1>"There is no such page"</h1>
                    <p class="soft">"Nothing answers at " <code>{move || path.get()}</code> ". Nothing was changed."</p>
                    <p class="row">
                        <A href="/" attr:class="button primary">"Overview"</A>
                        <A href="/datasets" attr:class="button">"Datasets"</A>
                        <A href="/jobs" attr:class="button">"Jobs"</A>
                    </p>
                </div>
            </section>
        </div>
    }
    .into_any()
}
