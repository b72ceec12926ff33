//! Saved views above a list: links that open it with its filters, and the form that keeps the present ones.
//!
//! Invariant: a view is a plain link and saving is a plain form, so that both work without JavaScript, and with it cost the
//! page no code of their own.

use super::icon::{Icon, icon};
use super::load::Held;
use crate::domain::view::{View, ViewOf};
use leptos::prelude::*;

/// The views of a list. `here` is the list's address as it is shown.
#[must_use]
pub fn views(held: Held<Vec<View>>, list: ViewOf, here: Memo<String>) -> AnyView {
    let own = held.part(move |all| all.iter().filter(|v| v.list == list).cloned().collect::<Vec<_>>());
    let any = Memo::new(move |_| own.with(|v| !v.is_empty()));
    let query = Memo::new(move |_| here.with(|h| query_of(h)));
    view! {
        <div class="views row" data-testid="views" data-list=list.as_str()>
            {move || any.get().then(|| view! {
                <nav class="chips" aria-label="Saved views">{move || own.get().into_iter().map(|v| chip(&v, here)).collect_view()}</nav>
            })}
            <details class="quiet">
                <summary>"Views"</summary>
                <div class="view-forms">
                    <form method="post" action="/api/fn/save-view" class="inline-form">
                        <input type="hidden" name="list" value=list.as_str()/>
                        <input type="hidden" name="query" value=query/>
                        <label class="visually-hidden" for="view-name">"Name of the view"</label>
                        <input id="view-name" name="name" required maxlength="60" autocomplete="off" placeholder="A name for this list as it is"/>
                        <button type="submit">"Save this view"</button>
                    </form>
                    {move || own.get().into_iter().map(forget).collect_view()}
                </div>
            </details>
        </div>
    }
    .into_any()
}

fn chip(v: &View, here: Memo<String>) -> AnyView {
    let (href, at) = (v.href(), v.query.clone());
    let current = move || here.with(|h| query_of(h) == at).then_some("true");
    view! { <a href=href aria-current=current>{v.name.clone()}</a> }.into_any()
}

fn forget(v: View) -> AnyView {
    let label = format!("Remove the view {}", v.name);
    view! {
        <form method="post" action="/api/fn/remove-view" class="inline-form">
            <input type="hidden" name="id" value=v.id.to_string()/>
            <button type="submit" class="plain small">{icon(Icon::Cross)} {label}</button>
        </form>
    }
    .into_any()
}

/// What stands behind the question mark, without the place in the list.
fn query_of(address: &str) -> String {
    let query = address.split_once('?').map_or("", |(_, query)| query);
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.starts_with("cursor="))
        .collect();
    kept.join("&")
}
