//! Each page's code in a file of its own, which `scripts/build.sh` cuts out of the whole.

use crate::api::ApiError;
use crate::ui::parts::load::error_card;
use leptos::prelude::*;
use leptos::wasm_split::SplitLoaderError;
use leptos_router::ChooseView;
use std::future::Future;
use std::pin::Pin;

type Soon<T> = Pin<Box<dyn Future<Output = Result<T, SplitLoaderError>>>>;

/// A page as the router opens it: one type for all of them.
#[derive(Clone, Copy)]
pub struct Page {
    pub(super) fetch: fn() -> Soon<()>,
    pub(super) draw: fn() -> Soon<AnyView>,
}

impl Page {
    /// Fetches its code; false when that did not come.
    pub async fn is_ready(self) -> bool {
        (self.fetch)().await.is_ok()
    }
}

impl ChooseView for Page {
    async fn choose(self) -> AnyView {
        match (self.draw)().await {
            Ok(view) => view,
            Err(_) => error_card(&ApiError {
                code: "page_not_fetched".into(),
                message: "This page's code did not arrive: the server is away, or runs another version than this tab. Load the page again.".into(),
                status: 503,
                id: None,
            }),
        }
    }

    async fn preload(&self) {
        // What cannot be fetched now is said when the page is drawn.
        let _fetched = (self.fetch)().await;
    }
}

/// Shows the scenario of an address on the what-if page, and gives the shortest address of the same. `None` as well when its code did not
/// come: the form then asks the server.
pub async fn play(address: String) -> Option<String> {
    use leptos::wasm_split::wasm_split;
    #[wasm_split(what_if, wasm_split_path = ::leptos::wasm_split, fallible)]
    fn answer(address: String) -> Result<Option<String>, SplitLoaderError> {
        Ok(crate::ui::browser::what_if::play(&address))
    }
    answer(address).await.ok().flatten()
}

macro_rules! pages {
    ($($name:ident: $draw:path),* $(,)?) => {$(
        #[doc = concat!("The page `", stringify!($name), "`.")]
        #[must_use]
        pub fn $name() -> Page {
            use leptos::wasm_split::{SplitLoaderError, wasm_split};
            #[wasm_split($name, wasm_split_path = ::leptos::wasm_split, preload(fetch), fallible)]
            fn draw() -> Result<leptos::prelude::AnyView, SplitLoaderError> {
                Ok($draw())
            }
            Page { fetch: || Box::pin(fetch()), draw: || Box::pin(draw()) }
        }
    )*};
}

macro_rules! served {
    ($($name:ident: $draw:path),* $(,)?) => {$(
        #[doc = concat!("The page `", stringify!($name), "`.")]
        #[must_use]
        pub fn $name() -> Page {
            Page { fetch: || Box::pin(async { Ok(()) }), draw: || Box::pin(async { Ok($draw()) }) }
        }
    )*};
}
