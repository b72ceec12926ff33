//! The document and the routes.

use leptos::config::LeptosOptions;
use leptos::prelude::*;
use leptos_meta::{MetaTags, Stylesheet, Title, provide_meta_context};
use leptos_router::components::{Route, Router, Routes};
use leptos_router::path;

/// The whole HTML document around [`App`].
#[must_use]
pub fn shell(options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <HydrationScripts options/>
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}

/// The routes and the frame around every page.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Stylesheet id="dim" href="/pkg/dim.css"/>
        <Title text="Data in Motion"/>
        <Router>
            <main>
                <Routes fallback=|| "There is no such page.">
                    <Route path=path!("") view=|| view! { <h1>"Data in Motion"</h1> }/>
                </Routes>
            </main>
        </Router>
    }
}
