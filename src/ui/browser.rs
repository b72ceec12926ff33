//! What only a browser can do: its clock, its theme, its clipboard.
//!
//! Invariant: called from effects and event handlers only, never while a view is drawn. `browser_absent.rs` has the same names.

use wasm_bindgen_futures::JsFuture;

/// Where the chosen theme is kept.
const THEME_KEY: &str = "dim-theme";

/// Seconds since 1970 by the browser's clock.
#[must_use]
pub fn now_unix_secs() -> i64 {
    (js_sys::Date::now() / 1000.0).floor() as i64
}

/// The theme that the visitor chose: `light`, `dark`, or `system`.
#[must_use]
pub fn theme() -> String {
    storage()
        .and_then(|s| s.get_item(THEME_KEY).ok().flatten())
        .filter(|t| t == "light" || t == "dark")
        .unwrap_or_else(|| "system".to_owned())
}

/// Keeps and applies a theme.
pub fn set_theme(theme: &str) {
    if let Some(store) = storage() {
        // A visitor who forbids storage keeps the theme for this page only.
        let _ = if theme == "system" {
            store.remove_item(THEME_KEY)
        } else {
            store.set_item(THEME_KEY, theme)
        };
    }
    if let Some(root) = web_sys::window()
        .and_then(|w| w.document())
        .and_then(|d| d.document_element())
    {
        let _ = if theme == "system" {
            root.remove_attribute("data-theme")
        } else {
            root.set_attribute("data-theme", theme)
        };
    }
}

/// Puts text on the clipboard; false where the browser does not allow it.
pub async fn copy(text: String) -> bool {
    let Some(window) = web_sys::window() else {
        return false;
    };
    JsFuture::from(window.navigator().clipboard().write_text(&text))
        .await
        .is_ok()
}

fn storage() -> Option<web_sys::Storage> {
    web_sys::window().and_then(|w| w.local_storage().ok().flatten())
}
