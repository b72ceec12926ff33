//! The document, the frame around every page, and the routes.
//!
//! Invariant: every route is rendered whole before the first byte is sent, so that a page without JavaScript is complete.

use super::browser;
use super::live::Live;
use super::pages;
use super::parts::{forms, frame, keys, notice, palette, said, time};
use super::routes;
use leptos::config::LeptosOptions;
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::components::{Route, Router, Routes};
use leptos_router::{SsrMode, path};

/// The whole HTML document around [`App`].
#[must_use]
pub fn shell(options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <link rel="icon" type="image/svg+xml" href="/favicon.svg"/>
                <link rel="preload" href="/fonts/plex-sans.woff2" r#as="font" r#type="font/woff2" crossorigin="anonymous"/>
                <link rel="stylesheet" href="/pkg/dim.css"/>
                <script src="/theme.js" nonce=use_nonce()></script>
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
    provide_context(browser::FirstTitle::read());
    time::Now::provide();
    notice::Notices::provide();
    Live::provide();
    view! {
        <Title formatter=titled text="Data in Motion"/>
        <Router>
            <a class="skip" href="#main">"Skip to the content"</a>
            <div class="frame" on:submit=forms::sending() on:input=forms::moved() on:change=forms::settled() on:click=|event| browser::click(&event)
                on:pointerdown=|event| browser::zoom::begin(&event) on:pointermove=|event| browser::zoom::go_on(&event)
                on:pointerup=forms::let_go() on:pointercancel=|_| browser::zoom::give_up()>
                {frame::side()}
                <main class="main" id="main" tabindex="-1">
                    {said::note()}
                    {notice::notices()}
                    <Routes fallback=|| pages::not_found::page()>
                        <Route path=path!("") view=routes::overview() ssr=SsrMode::Async/>
                        <Route path=path!("datasets") view=routes::datasets() ssr=SsrMode::Async/>
                        <Route path=path!("datasets/:id") view=routes::dataset() ssr=SsrMode::Async/>
                        <Route path=path!("datasets/:id/what-if") view=routes::what_if() ssr=SsrMode::Async/>
                        <Route path=path!("recommendations") view=routes::recommendations() ssr=SsrMode::Async/>
                        <Route path=path!("plan") view=routes::plan() ssr=SsrMode::Async/>
                        <Route path=path!("jobs") view=routes::jobs() ssr=SsrMode::Async/>
                        <Route path=path!("jobs/:id") view=routes::job() ssr=SsrMode::Async/>
                        <Route path=path!("locations") view=routes::locations() ssr=SsrMode::Async/>
                        <Route path=path!("policies") view=routes::policies() ssr=SsrMode::Async/>
                        <Route path=path!("reports") view=routes::reports() ssr=SsrMode::Async/>
                        <Route path=path!("reports/:name") view=routes::report() ssr=SsrMode::Async/>
                        <Route path=path!("prices") view=routes::prices() ssr=SsrMode::Async/>
                    </Routes>
                </main>
            </div>
            {keys::keys()}
            {palette::opener()}
        </Router>
    }
}

/// A page's title with the product's name; that name alone is not said twice.
fn titled(text: String) -> String {
    if text == "Data in Motion" {
        return text;
    }
    text + " · Data in Motion"
}
