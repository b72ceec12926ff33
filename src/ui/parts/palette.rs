//! The command palette: Ctrl+K, a few letters, Enter. Finds pages, jobs by number, datasets by name, and the few switches there are.
//!
//! Invariant: everything in it can be reached without it; an answer that comes after more was typed is dropped.

use super::icon::{Icon, icon};
use crate::ui::browser;
use crate::ui::live::Live;
use crate::ui::routes;
use leptos::ev;
use leptos::prelude::*;
use leptos::reactive::computed::ScopedFuture;
use leptos::task::spawn_local;
use leptos_router::ChooseView;
use leptos_router::hooks::use_navigate;
use std::sync::Mutex;
use std::time::Duration;

/// What is offered in all.
const SHOWN_MOST: usize = 10;
/// A word is looked up when nothing was typed for so long.
const TYPED: Duration = Duration::from_millis(150);

/// What an entry does.
#[derive(Clone, Debug, PartialEq)]
enum Deed {
    Open(String),
    Theme(&'static str),
    Live,
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    text: String,
    kind: &'static str,
    deed: Deed,
}

const PLACES: [(&str, &str); 15] = [
    ("Overview", "/"),
    ("Datasets", "/datasets"),
    ("Datasets by cost", "/datasets?sort=cost"),
    ("Datasets to move", "/datasets?advice=move&sort=saving"),
    ("Recommendations", "/recommendations"),
    ("Jobs", "/jobs"),
    ("Jobs that failed", "/jobs?status=failed"),
    ("Jobs that wait for approval", "/jobs?status=awaiting_approval"),
    ("Locations", "/locations"),
    ("Prices", "/prices"),
    ("Policies", "/policies"),
    ("Report: savings", "/reports/savings"),
    ("Report: placement inventory", "/reports/placement"),
    ("Report: audit of moves", "/reports/moves"),
    ("Report: quality of the advice", "/reports/advice"),
];

fn fixed(word: &str) -> Vec<Entry> {
    let entry = |text: &str, kind, deed| Entry {
        text: text.to_owned(),
        kind,
        deed,
    };
    let mut all: Vec<Entry> = PLACES
        .iter()
        .map(|(text, href)| entry(text, "Page", Deed::Open((*href).to_owned())))
        .collect();
    for theme in ["light", "dark", "system"] {
        all.push(entry(&format!("Theme: {theme}"), "Switch", Deed::Theme(theme)));
    }
    all.push(entry("Pause or resume live updates", "Switch", Deed::Live));
    let word = word.trim().to_lowercase();
    all.retain(|e| e.text.to_lowercase().contains(&word));
    let number = word.trim_start_matches("job").trim();
    if let Ok(n) = number.parse::<u64>() {
        all.insert(
            0,
            entry(&format!("Job {n}"), "Job", Deed::Open(format!("/jobs/{n}"))),
        );
    }
    all
}

/// Brings the dialog when it is asked for the first time.
#[must_use]
pub fn opener() -> AnyView {
    let shown = RwSignal::new(false);
    let brought = StoredValue::new(Mutex::new(None::<AnyView>));
    Effect::new(move |_| {
        let owner = Owner::current();
        let heard = window_event_listener(ev::keydown, move |event| {
            if !is_asked_for(&event) {
                return;
            }
            event.prevent_default();
            let Some(owner) = owner.as_ref().filter(|_| !shown.get_untracked()) else {
                return;
            };
            let coming = owner.with(|| ScopedFuture::new(routes::palette().choose()));
            spawn_local(async move {
                let view = coming.await;
                brought.set_value(Mutex::new(Some(view)));
                shown.set(true);
                browser::on_next_frame(open);
            });
        });
        on_cleanup(move || heard.remove());
    });
    view! { {move || shown.get().then(|| brought.with_value(|view| view.lock().ok()?.take())).flatten()} }
        .into_any()
}

fn is_asked_for(event: &ev::KeyboardEvent) -> bool {
    (event.ctrl_key() || event.meta_key()) && event.key() == "k"
}

fn open() {
    browser::open_dialog("palette");
    browser::focus("palette-word");
}

/// The dialog, and the keys that open it again.
#[must_use]
pub fn palette() -> AnyView {
    let navigate = use_navigate();
    let live = Live::get();
    let word = RwSignal::new(String::new());
    let found = RwSignal::new(Vec::<Entry>::new());
    let at = RwSignal::new(0_usize);
    let asked = StoredValue::new(0_u64);
    let entries = Memo::new(move |_| {
        let mut all = word.with(|w| fixed(w));
        if all.len() + found.with(Vec::len) > SHOWN_MOST {
            all.truncate(SHOWN_MOST - found.with(Vec::len).min(SHOWN_MOST));
        }
        all.extend(found.get());
        all
    });
    let typed = move |text: String| {
        word.set(text.clone());
        at.set(0);
        let turn = asked.try_update_value(|n| {
            *n += 1;
            *n
        });
        if text.trim().len() < 2 {
            found.set(Vec::new());
            return;
        }
        set_timeout(
            move || {
                if asked.try_get_value() == turn {
                    look(text, found, asked, turn);
                }
            },
            TYPED,
        );
    };
    let carry_out = move |entry: Entry| {
        browser::close_dialog("palette");
        match entry.deed {
            Deed::Open(href) => navigate(&href, Default::default()),
            Deed::Theme(theme) => browser::set_theme(theme),
            Deed::Live => live.toggle(),
        }
    };
    let chosen = {
        let carry_out = carry_out.clone();
        move || {
            if let Some(entry) = entries.with_untracked(|e| e.get(at.get_untracked()).cloned()) {
                carry_out(entry);
            }
        }
    };
    Effect::new(move |_| {
        let heard = window_event_listener(ev::keydown, move |event| {
            if is_asked_for(&event) {
                event.prevent_default();
                word.set(String::new());
                found.set(Vec::new());
                at.set(0);
                open();
            }
        });
        on_cleanup(move || heard.remove());
    });
    let keyed = move |event: ev::KeyboardEvent| {
        let count = entries.with_untracked(Vec::len).max(1);
        match event.key().as_str() {
            "ArrowDown" => at.update(|i| *i = (*i + 1) % count),
            "ArrowUp" => at.update(|i| *i = (*i + count - 1) % count),
            "Enter" => chosen(),
            _ => return,
        }
        event.prevent_default();
    };
    let rows = move || {
        entries
            .get()
            .into_iter()
            .enumerate()
            .map(|(i, entry)| {
                let (text, kind) = (entry.text.clone(), entry.kind);
                let carry_out = carry_out.clone();
                let picture = match entry.deed {
                    Deed::Open(_) if kind == "Dataset" => Icon::Dataset,
                    Deed::Open(_) if kind == "Job" => Icon::Job,
                    Deed::Open(_) => Icon::Arrow,
                    Deed::Theme(_) => Icon::Theme,
                    Deed::Live => Icon::Pause,
                };
                view! {
                    <li
                        id=format!("palette-{i}")
                        role="option"
                        aria-selected=move || (at.get() == i).to_string()
                        on:click=move |_| carry_out(entry.clone())
                    >
                        {icon(picture)} <span>{text}</span> <span class="small muted">{kind}</span>
                    </li>
                }
            })
            .collect_view()
    };
    view! {
        <dialog id="palette" class="keys palette" aria-label="Command palette">
            <input
                id="palette-word"
                type="text"
                role="combobox"
                autocomplete="off"
                aria-label="Go to or do"
                aria-expanded="true"
                aria-controls="palette-list"
                aria-activedescendant=move || format!("palette-{}", at.get())
                placeholder="A page, a dataset, a job's number…"
                prop:value=move || word.get()
                on:input:target=move |event| typed(event.target().value())
                on:keydown=keyed
            />
            <ul id="palette-list" role="listbox" aria-label="What can be opened">{rows}</ul>
        </dialog>
    }
    .into_any()
}

fn look(text: String, found: RwSignal<Vec<Entry>>, asked: StoredValue<u64>, turn: Option<u64>) {
    spawn_local(async move {
        let datasets = browser::find_datasets(&text).await;
        if asked.try_get_value() == turn {
            let entries = datasets.into_iter().map(|(id, name)| Entry {
                text: name,
                kind: "Dataset",
                deed: Deed::Open(format!("/datasets/{id}")),
            });
            found.try_set(entries.collect());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_letters_find_a_page_and_a_number_is_a_job() {
        assert_eq!(fixed("audit")[0].deed, Deed::Open("/reports/moves".into()));
        assert_eq!(fixed("job 12")[0].deed, Deed::Open("/jobs/12".into()));
        assert!(fixed("no such thing").is_empty());
    }
}
