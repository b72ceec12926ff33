//! The menu of reports, and a report itself: drawn whole on the server, and made to be printed.

use crate::api::query::href;
use crate::api::reports::get_report;
use crate::domain::report::{Report, ReportName};
use crate::ui::pages::{head, served::field};
use crate::ui::parts::command::command;
use crate::ui::parts::icon::{Icon, icon};
use crate::ui::parts::once::Once;
use crate::ui::parts::report::{figures, table};
use crate::ui::parts::time::full;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;
use leptos_router::hooks::use_params_map;

/// Spans that have a name.
const SPANS: [(&str, &str); 4] = [
    ("", "All"),
    ("30", "30 days"),
    ("90", "90 days"),
    ("365", "1 year"),
];

/// The menu.
pub fn page() -> AnyView {
    let cards = ReportName::ALL
        .into_iter()
        .map(|name| {
            let (at, file) = (format!("/reports/{name}"), format!("/api/v1/reports/{name}"));
            view! {
                <section class="card" aria-labelledby=name.as_str()>
                    <div class="card-head"><h2 id=name.as_str()><A href=at attr:class="name">{name.title()}</A></h2></div>
                    <div class="card-body">
                        <p class="soft">{name.lead()}</p>
                        {forms(file)}
                    </div>
                </section>
            }
        })
        .collect_view();
    view! {
        <div class="page" data-served="page">
            {head("Reports", "Figures to print, to hand on and to keep. Each is made from what is recorded, at the moment you ask.")}
            <div class="tiles">{cards}</div>
            {command("dim report savings --html savings.html")}
        </div>
    }
    .into_any()
}

fn forms(file: String) -> AnyView {
    let link = |ending: &str, text: &'static str| {
        let href = match file.split_once('?') {
            Some((path, query)) => format!("{path}.{ending}?{query}"),
            None => format!("{file}.{ending}"),
        };
        view! { <a href=href rel="external" class="button">{text}</a> }
    };
    view! { <p class="row">{link("csv", "CSV")} {link("json", "JSON")} {link("html", "One file")}</p> }
        .into_any()
}

/// A report.
pub fn one() -> AnyView {
    let params = use_params_map();
    let name = Memo::new(move |_| params.with(|p| p.get("name")).unwrap_or_default());
    let days = field("days");
    let asked = Memo::new(move |_| (name.get(), days()));
    let report = Once::new(move || asked.get(), |(name, days)| get_report(name, days));
    view! { <div class="page" data-served="page">{report.draw(|r| body(&r.now()))}</div> }.into_any()
}

fn body(r: &Report) -> AnyView {
    let (name, title, lead, span) = (r.name, r.title.clone(), r.lead.clone(), r.span());
    let days = r.days.map(|d| d.to_string());
    let file = href(&format!("/api/v1/reports/{name}"), &[("days", &days)]);
    let shell = match &days {
        Some(days) => format!("dim report {name} --days {days} --html {name}.html"),
        None => format!("dim report {name} --html {name}.html"),
    };
    let heading = title.clone();
    let notes = r
        .notes
        .iter()
        .cloned()
        .map(|n| view! { <li>{n}</li> })
        .collect_view();
    view! {
        <Title text=heading/>
        <article class="report" data-testid="report" data-report=name.as_str()>
            <header class="report-head">
                <p class="crumbs"><A href="/reports">"Reports"</A>" / "{name.as_str()}</p>
                <h1>{title}</h1>
                <p class="soft">{lead}</p>
                <p class="small muted">{format!("{span}; made ")} {full(r.made_at)}</p>
            </header>
            <div class="report-tools row between">
                <div>{name.has_span().then(|| spans(name, days.as_deref()))}</div>
                <div class="row">
                    <button type="button" class="js-only primary" data-testid="print" data-print="">{icon(Icon::Print)} "Print"</button>
                    {forms(file)}
                </div>
            </div>
            {figures(&r.figures)}
            {r.tables.iter().map(table).collect_view()}
            <section class="report-notes" aria-labelledby="notes">
                <h2 id="notes">"How to read this"</h2>
                <ul class="small">{notes}</ul>
            </section>
            <div class="report-tools">{command(shell)}</div>
        </article>
    }
    .into_any()
}

fn spans(name: ReportName, chosen: Option<&str>) -> AnyView {
    let links = SPANS
        .into_iter()
        .map(|(days, text)| {
            let at = href(&format!("/reports/{name}"), &[("days", &Some(days.to_owned()))]);
            let current = (chosen.unwrap_or_default() == days).then_some("true");
            view! { <a href=at aria-current=current>{text}</a> }
        })
        .collect_view();
    view! { <nav class="chips" aria-label="Span of the report">{links}</nav> }.into_any()
}
