//! The locations: what they are, whether they answer, how full they are, and the form that adds one.

use super::head;
use crate::api::catalog::{AddLocation, CheckLocation, RemoveLocation, list_locations};
use crate::api::query::DatasetQuery;
use crate::domain::location::{LocationCheck, LocationSummary};
use crate::ui::format::{count, monthly, percent, plural};
use crate::ui::parts::badge::badge;
use crate::ui::parts::icon::{Icon, icon};
use crate::ui::parts::load::{empty, loaded};
use crate::ui::parts::notice::follow;
use crate::ui::parts::time::ago;
use leptos::prelude::*;
use leptos_router::components::A;

/// The page.
pub fn page() -> AnyView {
    let locations = Resource::new(|| (), |()| list_locations());
    let refresh = move || locations.refetch();
    let (check, remove) = (ServerAction::<CheckLocation>::new(), ServerAction::<RemoveLocation>::new());
    follow(check, refresh);
    follow(remove, refresh);
    view! {
        <div class="page">
            {head("Locations", "The places where data may stand: a directory of this machine or a share; buckets are not supported yet.")}
            {add(refresh)}
            {loaded(locations, move |l| {
                if l.is_empty() {
                    return view! {
                        <section class="card">{empty(
                            "No location yet",
                            "A location is a root directory with its storage classes and prices. Add one above, or from a terminal:",
                            Some("dim locations add --name nas --uri file:///shared_storage --storage-class hot".into()),
                        )}</section>
                    }.into_any();
                }
                view! { <div class="stack">{l.iter().map(|l| card(l, check, remove)).collect_view()}</div> }.into_any()
            })}
        </div>
    }
    .into_any()
}

fn card(l: &LocationSummary, check: ServerAction<CheckLocation>, remove: ServerAction<RemoveLocation>) -> AnyView {
    let location = &l.location;
    let name = location.name.to_string();
    let href = DatasetQuery { location: Some(name.clone()), ..Default::default() }.href();
    let classes = location.storage_classes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let credential = location.credential_ref.as_ref().map_or_else(|| "none needed".to_owned(), |c| c.as_str().to_owned());
    view! {
        <article class="card">
            <div class="card-head">
                <div class="row"><h2>{name.clone()}</h2>{state(l.check.as_ref())}</div>
                <div class="row">
                    <ActionForm action=check attr:class="inline-form">
                        <input type="hidden" name="key" value=name.clone()/>
                        <button type="submit">{icon(Icon::Refresh)} "Check now"</button>
                    </ActionForm>
                    {(l.dataset_count == 0).then(|| view! {
                        <ActionForm action=remove attr:class="inline-form">
                            <input type="hidden" name="key" value=name.clone()/>
                            <button type="submit" class="danger">"Remove"</button>
                        </ActionForm>
                    })}
                </div>
            </div>
            <div class="card-body">
                {l.check.as_ref().map(capacity)}
                <dl class="facts">
                    <dt>"Address"</dt><dd class="mono">{location.uri.to_string()}</dd>
                    <dt>"Classes"</dt><dd>{classes}</dd>
                    <dt>"Price book"</dt><dd>{location.price_book.clone()}</dd>
                    <dt>"Credentials"</dt><dd>{credential}</dd>
                    <dt>"Holds"</dt><dd><A href=href>{plural(l.dataset_count, "dataset")}</A>{format!(", {}, {} a month", l.dataset_bytes, monthly(l.monthly_cost_nanousd))}</dd>
                </dl>
            </div>
        </article>
    }
    .into_any()
}

fn state(check: Option<&LocationCheck>) -> AnyView {
    match check {
        None => badge("", Icon::Clock, "not checked yet"),
        Some(c) if c.reachable => view! { {badge("ok", Icon::Check, "answers")} <span class="small muted">{format!("in {} µs, ", count(c.latency_us))}{ago(c.checked_at)}</span> }.into_any(),
        Some(c) => view! { {badge("err", Icon::Alert, "away")} <span class="small bad">{c.problem.clone()}</span> }.into_any(),
    }
}

fn capacity(check: &LocationCheck) -> AnyView {
    let (Some(free), Some(total)) = (check.free_bytes, check.total_bytes) else {
        return ().into_any();
    };
    let used = total.saturating_sub(free);
    let share = percent(used.0, total.0);
    let class = if share >= 90 { "err" } else { "rest" };
    view! {
        <div class="meter">
            <progress class=class max="100" value=share.to_string() aria-label="Used space of the volume"></progress>
            <div class="figures-line"><span>{format!("{used} of {total} used ({share} %)")}</span><span>{format!("{free} free")}</span></div>
        </div>
    }
    .into_any()
}

fn add(refresh: impl Fn() + Copy + Send + Sync + 'static) -> AnyView {
    let action = ServerAction::<AddLocation>::new();
    follow(action, refresh);
    let text = |id: &'static str, name: &'static str, label: &'static str, hint: &'static str, required: bool| {
        view! {
            <div class="field">
                <label for=id>{label}</label>
                <input id=id name=name autocomplete="off" placeholder=hint required=required/>
            </div>
        }
    };
    view! {
        <details class="add">
            <summary class="button primary">{icon(Icon::Plus)} "Add a location"</summary>
            <section class="card">
                <div class="card-body">
                    <ActionForm action=action>
                        <div class="form-grid">
                            {text("loc-name", "name", "Name", "nas", true)}
                            {text("loc-uri", "uri", "Root address", "file:///shared_storage", true)}
                            {text("loc-classes", "storage_classes", "Storage classes (optional)", "hot, cold", false)}
                            {text("loc-book", "price_book", "Price book (optional)", "local/nvme", false)}
                            {text("loc-cred", "credential_ref", "Credentials by reference (optional)", "env:NAME or file:/path", false)}
                            <div><button type="submit" class="primary" disabled=move || action.pending().get()>"Add"</button></div>
                        </div>
                    </ActionForm>
                    <p class="small muted">"A secret is never typed here: name the variable or file that holds it."</p>
                </div>
            </section>
        </details>
    }
    .into_any()
}
