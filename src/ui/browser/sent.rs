//! Forms: sent without leaving the page, whatever they are about. Their answers are a sentence, another address, or a refusal.
//!
//! Invariant: a form that is under way cannot be sent again; what was typed stays until the server has taken it.

use super::counting::Counting;
use super::fetched::ask;
use wasm_bindgen::JsCast;
use web_sys::{Element, FormData, Headers, HtmlFormElement, RequestInit, UrlSearchParams};

/// What the server answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// What was done, in a sentence.
    pub said: Option<String>,
    /// The page that it opens.
    pub to: Option<String>,
}

/// Sends a form and hands its answer on. False when it is none to be sent.
pub(super) fn send(form: HtmlFormElement, then: impl FnOnce(Result<Sent, String>) + 'static) -> bool {
    let Some(body) = fields(&form) else {
        return false;
    };
    let action = form.get_attribute("action").unwrap_or_default();
    hold(&form, true);
    let listed = form.get_attribute("data-counts");
    let counting = listed.and_then(|dataset| Counting::begin(&dataset, &form));
    wasm_bindgen_futures::spawn_local(async move {
        let answer = post(&action, &body).await;
        drop(counting);
        hold(&form, false);
        if answer.is_ok() {
            form.reset();
            if let Ok(Some(opened)) = form.closest("details.menu, details.add") {
                // It was open, or the form could not have been sent.
                let _closed = opened.remove_attribute("open");
            }
        }
        then(answer);
    });
    true
}

fn fields(form: &HtmlFormElement) -> Option<String> {
    let data = FormData::new_with_form(form).ok()?;
    let pairs = UrlSearchParams::new_with_str_sequence_sequence(&data).ok()?;
    Some(String::from(pairs.to_string()))
}

fn hold(form: &HtmlFormElement, held: bool) {
    let Ok(buttons) = form.query_selector_all("button[type=submit]") else {
        return;
    };
    for i in 0..buttons.length() {
        if let Some(button) = buttons.get(i).and_then(|b| b.dyn_into::<Element>().ok()) {
            let _held = if held {
                button.set_attribute("disabled", "")
            } else {
                button.remove_attribute("disabled")
            };
        }
    }
}

async fn post(action: &str, body: &str) -> Result<Sent, String> {
    let away =
        || "The server did not answer. What you see may be out of date; nothing was changed.".to_owned();
    let how = RequestInit::new();
    how.set_method("POST");
    how.set_body(&body.into());
    if let Ok(headers) = Headers::new() {
        for (name, value) in [
            ("accept", "application/json"),
            ("content-type", "application/x-www-form-urlencoded"),
        ] {
            // Both are well-formed.
            let _set = headers.set(name, value);
        }
        how.set_headers(&headers);
    }
    let (answer, text) = ask(action, &how).await.ok_or_else(away)?;
    let value = js_sys::JSON::parse(&text).ok();
    if answer.ok() {
        let header = |name| answer.headers().get(name).ok().flatten();
        return Ok(Sent {
            said: value.and_then(|v| v.as_string()),
            to: header("serverfnredirect").and_then(|_| header("location")),
        });
    }
    let message = value.and_then(|v| js_sys::Reflect::get(&v, &"message".into()).ok()?.as_string());
    Err(message.unwrap_or_else(|| {
        format!(
            "The server refused it ({}); nothing was changed.",
            answer.status()
        )
    }))
}
