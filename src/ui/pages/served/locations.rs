//! The locations: what they are, whether they answer, how full they are, and the form that adds one.

use crate::api::catalog::list_locations;
use crate::api::query::DatasetQuery;
use crate::domain::location::{LocationCheck, LocationSummary};
use crate::domain::read_times::ReadFigures;
use crate::ui::format::{count, monthly, percent, plural};
use crate::ui::pages::head;
use crate::ui::parts::badge::badge;
use crate::ui::parts::icon::{Icon, icon};
use crate::ui::parts::load::{Held, empty};
use crate::ui::parts::once::Once;
use crate::ui::parts::time::ago;
use leptos::prelude::*;
use leptos_router::components::A;

/// A location fuller than this many percent is shown as one to look at.
const FULL_PERCENT: u64 = 90;

/// The page.
pub fn page() -> AnyView {
    let locations = Once::new(|| (), |()| list_locations());
    view! {
        <div class="page" data-served="page">
            {head("Locations", "The places where data may stand: directories of this machine, shares, and buckets of S3, Google Cloud and Azure.")}
            {locations.draw(whole)}
        </div>
    }
    .into_any()
}

fn whole(locations: Held<Vec<LocationSummary>>) -> AnyView {
    view! {
        {add()}
        {move || {
            let list = locations.get();
            if list.is_empty() {
                return view! {
                    <section class="card">{empty(
                        "No location yet",
                        "A location is a root directory with its storage classes and prices. Add one above, or from a terminal:",
                        Some("dim locations add --name nas --uri file:///shared_storage --storage-class hot".into()),
                    )}</section>
                }.into_any();
            }
            view! { <div class="tiles">{list.into_iter().map(card).collect_view()}</div> }.into_any()
        }}
    }
    .into_any()
}

fn card(l: LocationSummary) -> AnyView {
    let name = l.location.name.to_string();
    let href = DatasetQuery {
        location: Some(name.clone()),
        ..Default::default()
    }
    .href();
    let classes = l
        .location
        .storage_classes
        .iter()
        .map(|class| view! { <li>{class.to_string()}</li> })
        .collect_view();
    let credential = l
        .location
        .credential_ref
        .as_ref()
        .map_or_else(|| "none needed".to_owned(), |c| c.as_str().to_owned());
    let book = crate::api::query::href("/prices", &[("book", &Some(l.location.price_book.clone()))]);
    let holds = format!(
        ", {}, {} a month",
        l.dataset_bytes,
        monthly(l.monthly_cost_nanousd)
    );
    let removing = (l.dataset_count == 0).then(|| {
        let key = name.clone();
        view! {
            <form method="post" action="/api/fn/remove-location" class="inline-form">
                <input type="hidden" name="key" value=key/>
                <button type="submit" class="danger">"Remove"</button>
            </form>
        }
    });
    let key_ref = l.location.encryption.as_ref().and_then(|e| e.key_ref.as_ref());
    let key_ref = key_ref.map_or_else(String::new, |reference| reference.as_str().to_owned());
    let encryption = l
        .location
        .encryption
        .as_ref()
        .map_or_else(|| "none".to_owned(), |e| format!("copies are written with {e}"));
    let encrypting = encrypting(name.clone(), key_ref);
    let (key, test) = (name.clone(), name.clone());
    view! {
        <article class="card" data-testid="location" data-location=test>
            <div class="card-head">
                <h2>{name}</h2>
                {state(l.check.as_ref())}
            </div>
            <div class="card-body">
                {l.check.as_ref().map(capacity)}
                <dl class="facts">
                    <dt>"Address"</dt><dd class="mono">{l.location.uri.to_string()}</dd>
                    <dt>"Holds"</dt><dd><A href=href>{plural(l.dataset_count, "dataset")}</A>{holds}</dd>
                    <dt>"Classes"</dt><dd><ul class="words">{classes}</ul></dd>
                    <dt>"Price book"</dt><dd><A href=book>{l.location.price_book}</A></dd>
                    <dt>"Credentials"</dt><dd>{credential}</dd>
                    {l.location.endpoint.map(|e| view! { <dt>"Endpoint"</dt><dd class="mono">{e.as_str().to_owned()}</dd> })}
                    <dt>"Encryption"</dt><dd>{encryption}</dd>
                    {reads(l.reads.as_ref())}
                    {l.location.region.map(|r| view! { <dt>"Region"</dt><dd>{r.as_str().to_owned()}</dd> })}
                </dl>
                <div class="row">
                    <form method="post" action="/api/fn/check-location" class="inline-form">
                        <input type="hidden" name="key" value=key/>
                        <button type="submit">{icon(Icon::Refresh)} "Check now"</button>
                    </form>
                    {removing}
                </div>
                {encrypting}
            </div>
        </article>
    }
    .into_any()
}

/// How fast reads were that came from there anyway.
fn reads(figures: Option<&ReadFigures>) -> AnyView {
    let said = |line: Option<String>| match line {
        Some(line) => line.into_any(),
        None => view! { <span class="muted">"not measured yet"</span> }.into_any(),
    };
    let when = figures.map(|f| view! { <span class="sub">"last measured " {ago(f.measured_at)}</span> });
    view! {
        <dt>"First byte"</dt><dd data-testid="first-byte">{said(figures.and_then(ReadFigures::first_byte))}</dd>
        <dt>"Throughput"</dt><dd data-testid="throughput">{said(figures.and_then(ReadFigures::throughput))} {when}</dd>
    }
    .into_any()
}

/// The form that sets or takes away the key of copies that are written from now on.
fn encrypting(name: String, key_ref: String) -> AnyView {
    let id = format!("key-{name}");
    let label = id.clone();
    view! {
        <details>
            <summary class="small">"Change encryption"</summary>
            <form method="post" action="/api/fn/encrypt-location" class="inline-form">
                <input type="hidden" name="key" value=name/>
                <div class="field">
                    <label for=label>"Key by reference; empty for none"</label>
                    <input id=id name="encryption_key_ref" autocomplete="off" placeholder="env:NAME or file:/path" value=key_ref/>
                </div>
                <button type="submit">"Set"</button>
            </form>
            <p class="small muted">"It holds for copies that are written from now on. Keep the key of those that stand here already."</p>
        </details>
    }
    .into_any()
}

fn state(check: Option<&LocationCheck>) -> AnyView {
    match check.cloned() {
        None => badge("", Icon::Clock, "Not checked yet"),
        Some(c) if c.reachable => {
            let took = format!("in {} µs, ", count(c.latency_us));
            view! { <span class="row"><span class="small muted">{took}{ago(c.checked_at)}</span>{badge("ok", Icon::Check, "Answers")}</span> }
                .into_any()
        }
        Some(c) => {
            view! { <span class="row"><span class="small bad">{c.problem}</span>{badge("err", Icon::Alert, "Away")}</span> }
                .into_any()
        }
    }
}

fn capacity(check: &LocationCheck) -> Option<AnyView> {
    let (free, total) = (check.free_bytes?, check.total_bytes?);
    let used = total.saturating_sub(free);
    let share = percent(used.0, total.0);
    let class = if share >= FULL_PERCENT { "err" } else { "rest" };
    Some(
        view! {
            <div class="meter">
                <progress class=class max="100" value=share.to_string() aria-label="Used space of the volume"></progress>
                <div class="figures-line"><span>{format!("{used} of {total} used ({share} %)")}</span><span>{format!("{free} free")}</span></div>
            </div>
        }
        .into_any(),
    )
}

fn add() -> AnyView {
    let text =
        |id: &'static str, name: &'static str, label: &'static str, hint: &'static str, required: bool| {
            view! {
                <div class="field">
                    <label for=id>{label}</label>
                    <input id=id name=name autocomplete="off" placeholder=hint required=required/>
                </div>
            }
        };
    view! {
        <details class="add" data-testid="new-location">
            <summary class="button primary">{icon(Icon::Plus)} "Add a location"</summary>
            <section class="card">
                <div class="card-body">
                    <form method="post" action="/api/fn/add-location">
                        <div class="form-grid">
                            {text("loc-name", "name", "Name", "nas", true)}
                            {text("loc-uri", "uri", "Root address", "file:///shared_storage or s3://bucket/prefix", true)}
                            {text("loc-classes", "storage_classes", "Storage classes (optional)", "hot, cold", false)}
                            {text("loc-book", "price_book", "Price book (optional)", "local/nvme", false)}
                            {text("loc-cred", "credential_ref", "Credentials by reference (optional)", "env:NAME or file:/path", false)}
                            {text("loc-endpoint", "endpoint", "Endpoint of a bucket (optional)", "https://minio.example:9000", false)}
                            {text("loc-region", "region", "Region of a bucket (optional)", "eu-central-1", false)}
                            <div><button type="submit" class="primary">"Add"</button></div>
                        </div>
                    </form>
                    <p class="small muted">"A secret is never typed here: name the variable or file that holds it."</p>
                </div>
            </section>
        </details>
    }
    .into_any()
}
