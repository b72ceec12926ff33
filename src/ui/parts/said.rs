//! What the server alone says on a page: the note about itself, and what a form without a script did.
//!
//! Invariant: one element each, under the names that `said_in_browser.rs` knows; an unknown word in an address says nothing, so that a
//! link cannot put words into the server's mouth.

use super::icon::{Icon, icon};
use super::notice::line;
use crate::api::ApiError;
use crate::api::status::{FrameNote, get_frame};
use leptos::prelude::*;
use leptos::server_fn::error::ServerFnUrlError;
use leptos_router::hooks::use_query_map;

/// A banner where data or faults are not a user's own; and the place in the log from which the live connection begins.
#[must_use]
pub fn note() -> AnyView {
    Suspend::new(async {
        let note = get_frame().await.unwrap_or_default();
        let (log, seq) = (note.log.clone(), note.seq.to_string());
        view! { <div id="server-note" data-log=log data-seq=seq>{banner(note)}</div> }.into_any()
    })
    .into_any()
}

fn banner(note: FrameNote) -> Option<AnyView> {
    let FrameNote { demo, faults, .. } = note;
    if demo.is_none() && faults.is_empty() {
        return None;
    }
    let demo = demo.map(|d| {
        view! { <p><strong>"Demo data. "</strong>{format!("{} {}", d.source, d.scale)}</p> }
    });
    let faults = (!faults.is_empty()).then(|| {
        let list = faults.join(", ");
        view! { <p><strong>"Faults on purpose. "</strong>{format!("This server was started with --inject {list}.")}</p> }
    });
    Some(
        view! {
            <aside class="demo-note" aria-label="About this server" data-testid="demo-note">
                {icon(Icon::Info)} <div>{demo} {faults}</div>
            </aside>
        }
        .into_any(),
    )
}

/// What a form did, by what its answer left in the address.
#[must_use]
pub fn by_address() -> AnyView {
    let query = use_query_map();
    let given = |name| query.with_untracked(|q| q.get(name));
    let failed =
        given("__err").map(|text| line(false, ServerFnUrlError::<ApiError>::decode_err(&text).message));
    let done = || {
        given("done")
            .and_then(|word| sentence(&word))
            .map(|text| line(true, text.to_owned()))
    };
    view! { <div id="server-answer">{failed.or_else(done)}</div> }.into_any()
}

fn sentence(word: &str) -> Option<&'static str> {
    Some(match word {
        "access" => "The access was counted.",
        "scan" => "The objects were listed.",
        "location" => "The location is registered.",
        "check" => "The location was looked at.",
        "removed" => "The location is removed from the catalog. Its files were not touched.",
        "review" => "The decision is kept.",
        "job" => "The job was told.",
        "dataset" => "The dataset was changed.",
        "label" => "The labels are changed.",
        "view" => "The view is saved.",
        "view-removed" => "The view is removed.",
        "policy" => "The policy holds from now on.",
        "policy-removed" => "The policy is removed. Nothing moved because of it.",
        "chosen" => "What the ticked datasets allow was done; their rows show it.",
        _ => return None,
    })
}
