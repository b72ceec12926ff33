//! The dataset list: search, filters, order and paging are all in the URL, and done by the server.

use crate::api::catalog::{list_datasets, list_places};
use crate::api::query::DatasetQuery;
use crate::api::views::{list_labels, list_views};
use crate::domain::dataset::{DatasetSummary, Page};
use crate::domain::label::LabelCount;
use crate::domain::location::Location;
use crate::domain::view::ViewOf;
use crate::ui::format::{count, monthly, times_of_size};
use crate::ui::pages::{head, served::field};
use crate::ui::parts::ask::ask;
use crate::ui::parts::badge::{badge, status_badge};
use crate::ui::parts::icon::{Icon, icon};
use crate::ui::parts::labels::labelled;
use crate::ui::parts::load::empty;
use crate::ui::parts::once::Once;
use crate::ui::parts::pager::pager;
use crate::ui::parts::place::place;
use crate::ui::parts::spark::spark;
use crate::ui::parts::time::ago_or;
use crate::ui::parts::views;
use leptos::prelude::*;
use std::collections::BTreeSet;

/// The page.
pub fn page() -> AnyView {
    let (search, location, class) = (field("search"), field("location"), field("class"));
    let (advice, label) = (field("advice"), field("label"));
    let (sort, order, cursor) = (field("sort"), field("order"), field("cursor"));
    let query = Memo::new(move |_| DatasetQuery {
        search: search(),
        location: location(),
        class: class(),
        advice: advice(),
        label: label(),
        sort: sort(),
        order: order(),
        cursor: cursor(),
    });
    let rows = Once::new(move || query.get(), list_datasets);
    let locations = Once::new(|| (), |()| list_places());
    let labels = Once::new(|| (), |()| list_labels());
    let saved = Once::new(|| (), |()| list_views());
    let here = Memo::new(move |_| query.with(DatasetQuery::href));
    view! {
        <div class="page" data-served="page" data-follow="stages">
            {head("Datasets", "What is kept, where it stands, how much of it is read, and what it costs.")}
            {create()}
            <section class="card" aria-label="List of datasets">
                {saved.draw_or(move |held| views::views(held, ViewOf::Datasets, here), |_| ().into_any())}
                {locations.draw(move |l| {
                    view! { {labels.draw(move |b| view! { {move || filters(&query.get(), &l.get(), &b.get())} }.into_any())} }.into_any()
                })}
                {rows.draw(move |page| list(page.now(), &query.get_untracked()))}
            </section>
        </div>
    }
    .into_any()
}

fn create() -> AnyView {
    view! {
        <details class="add" data-testid="new-dataset">
            <summary class="button primary">{icon(Icon::Plus)} "Register a dataset"</summary>
            <section class="card">
                <div class="card-body">
                    <form method="post" action="/api/fn/create-dataset">
                        <div class="form-grid">
                            <div class="field">
                                <label for="new-name">"Name"</label>
                                <input id="new-name" name="name" required maxlength="128" autocomplete="off" placeholder="demo-dataset"/>
                            </div>
                            <div class="field">
                                <label for="new-uri">"Address of its objects"</label>
                                <input id="new-uri" name="path_uri" required autocomplete="off" placeholder="file:///shared_storage/demo-dataset"/>
                            </div>
                            <div class="field">
                                <label for="new-size">"Size in bytes (optional)"</label>
                                <input id="new-size" name="size_bytes" type="number" min="0" step="1" placeholder="a scan finds it"/>
                            </div>
                            <div class="field">
                                <label for="new-class">"Storage class (optional)"</label>
                                <input id="new-class" name="storage_class" autocomplete="off" placeholder="the location's default"/>
                            </div>
                            <div><button type="submit" class="primary">"Register"</button></div>
                        </div>
                    </form>
                    <p class="small muted">"Nothing is moved or changed at the address; a scan lists what is there."</p>
                </div>
            </section>
        </details>
    }
    .into_any()
}

fn filters(query: &DatasetQuery, locations: &[Location], labels: &[LabelCount]) -> AnyView {
    let classes: BTreeSet<String> = locations
        .iter()
        .flat_map(|l| l.storage_classes.iter().map(ToString::to_string))
        .collect();
    let same = |text: String| (text.clone(), text);
    let names = locations.iter().map(|l| same(l.name.to_string()));
    let advice = [("move", "Move"), ("stay", "Stay"), ("no_history", "No history")];
    let advice = advice.map(|(v, t)| (v.to_owned(), t.to_owned())).into_iter();
    let search = query.search.clone().unwrap_or_default();
    let sort = query.sort.clone().unwrap_or_default();
    let order = query.order.clone().unwrap_or_default();
    let location = select("location", "Location", query.location.as_deref(), names);
    let class = select(
        "class",
        "Class",
        query.class.as_deref(),
        classes.into_iter().map(same),
    );
    let advice = select("advice", "Recommendation", query.advice.as_deref(), advice);
    // A key alone stands for all its values.
    let keys: BTreeSet<&str> = labels.iter().map(|c| c.label.key()).collect();
    let mut known: BTreeSet<String> = keys.into_iter().map(str::to_owned).collect();
    known.extend(labels.iter().map(|c| c.label.to_string()));
    known.extend(query.label.clone());
    let label = (!known.is_empty()).then(|| {
        select(
            "label",
            "Label",
            query.label.as_deref(),
            known.into_iter().map(same),
        )
    });
    let clear = query
        .is_narrowed()
        .then(|| view! { <a href="/datasets" class="button plain">"Clear"</a> });
    let fields = view! {
        <div class="field search">
            <label for="f-search">"Name contains"</label>
            <input id="f-search" type="search" name="search" value=search/>
        </div>
        {location} {class} {advice} {label}
        <input type="hidden" name="sort" value=sort/>
        <input type="hidden" name="order" value=order/>
        <button type="submit">"Filter"</button>
        {clear}
    };
    ask("/datasets", "filters", "Filter the list", fields.into_any())
}

fn select(
    name: &'static str,
    label: &'static str,
    chosen: Option<&str>,
    options: impl Iterator<Item = (String, String)>,
) -> AnyView {
    let id = format!("f-{name}");
    let options = options
        .map(|(value, text)| {
            let selected = chosen == Some(value.as_str());
            view! { <option value=value selected=selected>{text}</option> }
        })
        .collect_view();
    let of = id.clone();
    view! {
        <div class="field">
            <label for=of>{label}</label>
            <select id=id name=name><option value="">"Any"</option>{options}</select>
        </div>
    }
    .into_any()
}

fn list(page: Page<DatasetSummary>, query: &DatasetQuery) -> AnyView {
    if page.items.is_empty() {
        nothing(query)
    } else {
        table(page, query)
    }
}

fn nothing(query: &DatasetQuery) -> AnyView {
    if query.is_narrowed() {
        return empty(
            "No dataset fits these filters",
            "Clear one of them, or search for another part of the name.",
            None,
        );
    }
    empty(
        "No dataset yet",
        "A dataset is a prefix with many objects. Register one with the button above, or from a terminal:",
        Some("dim datasets create --name demo-dataset --path-uri file:///shared_storage/demo-dataset".into()),
    )
}

/// What can be done to the rows that are ticked: the boxes belong to this form wherever they stand.
fn chosen() -> AnyView {
    view! {
        <details class="quiet chosen" data-testid="chosen">
            <summary>"With the ticked ones"</summary>
            <form method="post" action="/api/fn/chosen" id="chosen">
                <div class="filters">
                    <div class="field">
                        <label for="chosen-deed">"Do"</label>
                        <select id="chosen-deed" name="deed">
                            <option value="plan">"Plan the advised moves, each to be approved"</option>
                            <option value="pin">"Pin: never moved by advice"</option>
                            <option value="unpin">"Take the pin away"</option>
                            <option value="label">"Label"</option>
                        </select>
                    </div>
                    <div class="field">
                        <label for="chosen-reason">"Because (for a pin)"</label>
                        <input id="chosen-reason" name="reason" maxlength="300" autocomplete="off" placeholder="needed for the audit in May"/>
                    </div>
                    <div class="field">
                        <label for="chosen-labels">"Labels (-key takes one away)"</label>
                        <input id="chosen-labels" name="labels" maxlength="500" autocomplete="off" placeholder="team=climate -old"/>
                    </div>
                    <button type="submit" data-testid="apply-chosen">"Do it"</button>
                </div>
            </form>
        </details>
    }
    .into_any()
}

fn table(page: Page<DatasetSummary>, query: &DatasetQuery) -> AnyView {
    let at = |cursor| {
        DatasetQuery {
            cursor,
            ..query.clone()
        }
        .href()
    };
    let next = page.next_cursor.clone().map(|cursor| at(Some(cursor)));
    let first = query.cursor.is_some().then(|| at(None));
    let (shown, total) = (page.items.len(), page.total);
    view! {
        {chosen()}
        <div class="table-wrap">
            <table class="cards" data-testid="datasets">
                <caption class="visually-hidden">"Datasets"</caption>
                <thead>
                    <tr>
                        <th scope="col" class="choose"><span class="visually-hidden">"Choose"</span></th>
                        {column(query, "Dataset", Some("name"), false)}
                        {column(query, "Size", Some("size"), true)}
                        {column(query, "Placement", None, false)}
                        {column(query, "Last access", Some("last_access"), false)}
                        {column(query, "Reads, 30 days", None, false)}
                        {column(query, "Read a month", None, true)}
                        {column(query, "Cost a month", Some("cost"), true)}
                        {column(query, "Recommendation", Some("saving"), false)}
                    </tr>
                </thead>
                <tbody>{page.items.into_iter().map(row).collect_view()}</tbody>
            </table>
        </div>
        {pager(shown, total, "dataset", first, next)}
    }
    .into_any()
}

/// A column's head; a link that orders by it, and the other way round when it already does.
fn column(query: &DatasetQuery, text: &'static str, sort: Option<&'static str>, number: bool) -> AnyView {
    let class = if number { "num" } else { "" };
    let Some(word) = sort else {
        return view! { <th scope="col" class=class>{text}</th> }.into_any();
    };
    let here = query.sort.as_deref() == Some(word);
    let reversed = query.order.as_deref() == Some("desc");
    let href = DatasetQuery {
        sort: Some(word.into()),
        order: (here && !reversed).then(|| "desc".into()),
        cursor: None,
        ..query.clone()
    }
    .href();
    // Names go up by default, everything else begins with the largest.
    let up = (word == "name") != reversed;
    let (state, picture) = if up {
        ("ascending", Icon::Up)
    } else {
        ("descending", Icon::Down)
    };
    view! {
        <th scope="col" class=class aria-sort=here.then_some(state)>
            <a href=href>{text} {here.then(|| icon(picture))}</a>
        </th>
    }
    .into_any()
}

fn row(summary: DatasetSummary) -> AnyView {
    let advice = advice(&summary);
    let reads = spark(&summary.read_bytes_by_day);
    let d = summary.dataset.clone();
    let objects = if d.object_count > 0 {
        format!("{} objects", count(d.object_count))
    } else {
        "not scanned".to_owned()
    };
    let pinned = d
        .pinned_reason
        .map(|_| view! { <span class="sub">{icon(Icon::Pin)} " pinned"</span> });
    view! {
        <tr data-testid="dataset-row" data-dataset-id=d.id.to_string()>
            <td class="choose"><input type="checkbox" form="chosen" name="ids[]" value=d.id.to_string() aria-label=format!("Choose {}", d.name)/></td>
            <td class="title">
                <a href=format!("/datasets/{}", d.id) class="name">{d.name.to_string()}</a>
                {pinned}
                {labelled(&summary.labels)}
            </td>
            <td class="num" data-label="Size">{d.size_bytes.to_string()}<span class="sub">{objects}</span></td>
            <td data-label="Placement">{place(d.location_name.as_str(), d.storage_class.as_str())}</td>
            <td data-label="Last access">{ago_or(summary.last_access_at, "never seen")}</td>
            <td data-label="Reads, 30 days">{reads}</td>
            <td class="num" data-label="Read a month">{times_of_size(summary.reads_per_month_permille)}<span class="sub">"of its size"</span></td>
            <td class="num" data-label="Cost a month">{monthly(summary.monthly_cost_nanousd)}</td>
            <td data-label="Recommendation">{advice}</td>
        </tr>
    }
    .into_any()
}

fn advice(summary: &DatasetSummary) -> AnyView {
    if let Some(job) = summary.active_job.clone() {
        return view! { <a href=format!("/jobs/{}", job.job_id) class="badge-link">{status_badge(job.status)}</a> }
            .into_any();
    }
    match summary.recommendation.clone() {
        Some(r) if r.action == "move" => view! {
            <span class="good strong">{format!("Save {} a month", r.monthly_saving_nanousd)}</span>
            {r.proposed.map(|to| {
                let (location, class) = to.rsplit_once('/').unwrap_or((to.as_str(), ""));
                view! { <span class="sub">"to " {place(location, class)}</span> }
            })}
        }
        .into_any(),
        Some(r) if r.action == "stay" => badge("", Icon::Check, "Stay"),
        Some(_) => view! { <span class="muted">"No history"</span> }.into_any(),
        None => view! { <span class="muted">"Not looked at yet"</span> }.into_any(),
    }
}
