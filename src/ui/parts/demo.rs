//! The banner of a server whose data or faults are not a user's own: said on every page.

use super::icon::{Icon, icon};
use crate::api::status::{FrameNote, get_frame};
use leptos::prelude::*;

/// The banner; nothing on an ordinary server.
#[must_use]
pub fn banner() -> AnyView {
    let note = Resource::new(|| (), |()| get_frame());
    view! {
        <Transition>
            {move || Suspend::new(async move { note.await.ok().and_then(drawn) })}
        </Transition>
    }
    .into_any()
}

fn drawn(note: FrameNote) -> Option<AnyView> {
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
