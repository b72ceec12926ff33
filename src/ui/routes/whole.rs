//! All pages in one program.

use super::PageFiles;
use crate::ui::browser;
use leptos::prelude::*;
use leptos_meta::Link;
use leptos_router::ChooseView;

/// A page as the router opens it: one type for all of them.
#[derive(Clone, Copy)]
pub struct Page {
    /// What the browser's file for it is called.
    pub(super) file: &'static str,
    pub(super) draw: fn() -> AnyView,
}

impl ChooseView for Page {
    async fn choose(self) -> AnyView {
        announce(self.file);
        (self.draw)()
    }

    async fn preload(&self) {}
}

/// Names the page's file in the head, so that it is under way before the program asks for it.
fn announce(page: &str) {
    let file = use_context::<PageFiles>().and_then(|files| files.0.get(page).cloned());
    if let Some(file) = file {
        // A link registers with the head; there is nothing to draw in its place.
        let _registered =
            view! { <Link rel="preload" href=format!("/pkg/{file}") as_="fetch" crossorigin="anonymous"/> }
                .to_html();
    }
}

/// Shows the scenario of an address on the what-if page, and gives the shortest address of the same.
pub async fn play(address: String) -> Option<String> {
    browser::what_if::play(&address)
}

macro_rules! pages {
    ($($name:ident: $draw:path),* $(,)?) => {$(
        #[doc = concat!("The page `", stringify!($name), "`.")]
        #[must_use]
        pub fn $name() -> Page {
            Page { file: stringify!($name), draw: $draw }
        }
    )*};
}

macro_rules! served {
    ($($name:ident: $draw:path),* $(,)?) => { pages! { $($name: $draw),* } };
}

#[cfg(test)]
mod tests {
    use crate::ui::routes::at;

    #[test]
    fn a_path_finds_its_page() {
        let name = |path| at(path).map(|page| page.file);
        for (path, page) in [
            ("/", "overview"),
            ("/datasets", "datasets"),
            ("/datasets/7", "dataset"),
            ("/datasets/7/what-if", "what_if"),
            ("/jobs/", "jobs"),
            ("/jobs/12", "job"),
            ("/reports/savings", "report"),
        ] {
            assert_eq!(name(path), Some(page), "{path}");
        }
        assert_eq!(name("/nowhere"), None);
        assert_eq!(name("/jobs/1/2"), None);
    }
}
