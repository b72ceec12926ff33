//! What the server says of itself on every page: a banner where data or faults are not a user's own. The live connection starts from
//! the place in the log that it names.

use super::icon::{Icon, icon};
use super::load::OneReader;
use crate::api::status::{FrameNote, get_frame};
use crate::ui::live::Live;
use leptos::prelude::*;

/// The banner; nothing on an ordinary server.
#[must_use]
pub fn banner() -> AnyView {
    let note = Resource::<_, OneReader>::new_with_options(|| (), |()| get_frame(), false);
    view! {
        <Transition>
            {move || Suspend::new(async move {
                let note = note.await.ok();
                Live::get().start(note.as_ref().map(|n| (n.log.clone(), n.seq)));
                note.and_then(drawn)
            })}
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
