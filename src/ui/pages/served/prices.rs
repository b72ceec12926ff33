//! The price books: every figure with its source, its date and how well it is supported.

use crate::api::prices::{get_book, list_books};
use crate::api::query::href;
use crate::domain::price::book::{BillingUnit, PriceBook};
use crate::domain::price::listing::BookSummary;
use crate::ui::format::plural;
use crate::ui::pages::{head, served::field};
use crate::ui::parts::badge::badge;
use crate::ui::parts::command::command;
use crate::ui::parts::icon::Icon;
use crate::ui::parts::load::{Held, empty};
use crate::ui::parts::once::Once;
use crate::ui::parts::prices::sheet;
use leptos::prelude::*;

/// The page.
pub fn page() -> AnyView {
    let book = field("book");
    let chosen = Memo::new(move |_| book());
    let books = Once::new(|| (), |()| list_books());
    let one = Once::new(
        move || chosen.get(),
        |name| async move {
            match name {
                Some(name) => get_book(name).await.map(Some),
                None => Ok(None),
            }
        },
    );
    view! {
        <div class="page" data-served="page">
            {head("Prices", "What each place charges, dated, with the source of every figure. Grade A is well supported, B is one source or dated, C is unsure and shown as such wherever it is used.")}
            {one.draw(|b: Held<Option<PriceBook>>| b.now().map_or_else(|| ().into_any(), figures))}
            {books.draw(move |b| list(b.now().items, chosen))}
        </div>
    }
    .into_any()
}

fn list(books: Vec<BookSummary>, chosen: Memo<Option<String>>) -> AnyView {
    if books.is_empty() {
        return empty(
            "No price book is loaded",
            "Books are TOML files; name their directory:",
            Some("dim serve --prices-dir deploy/prices".into()),
        );
    }
    let total = i64::try_from(books.len()).unwrap_or(i64::MAX);
    let rows = books
        .into_iter()
        .map(|b| {
            let to = href("/prices", &[("book", &Some(b.name.clone()))]);
            let name = b.name.clone();
            let current = move || (chosen.get().as_deref() == Some(name.as_str())).then_some("true");
            let [good, fair, unsure] = b.figures_by_grade;
            let grades = format!("{good} A, {fair} B, {unsure} C");
            let users = b.locations.join(", ");
            let own = b.is_own.then(|| view! { {badge("ok", Icon::Person, "Own file")}<span class="sub mono">{b.origin.clone()}</span> });
            let assumed = b.assumption.then(|| badge("warn", Icon::Info, "Assumption"));
            view! {
                <tr>
                    <td class="title"><a class="name" href=to aria-current=current>{b.title}</a><span class="sub mono">{b.name}</span></td>
                    <td data-label="Classes"><span class="soft">{b.classes.join(", ")}</span></td>
                    <td data-label="Prices of" class="nowrap">{b.date}</td>
                    <td data-label="Figures" class="nowrap">{grades}</td>
                    <td data-label="Used by"><span class="soft">{users}</span></td>
                    <td data-label="">{own}{assumed}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="card" aria-labelledby="books">
            <div class="card-head"><h2 id="books">"Price books"</h2><span class="small muted">{plural(total, "book")}</span></div>
            <div class="table-wrap">
                <table class="cards" data-testid="price-books">
                    <thead><tr><th scope="col">"Book"</th><th scope="col">"Classes"</th><th scope="col">"Prices of"</th><th scope="col">"Figures by grade"</th><th scope="col">"Used by"</th><th scope="col"><span class="visually-hidden">"Remark"</span></th></tr></thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

fn figures(book: PriceBook) -> AnyView {
    let lead = format!(
        "Prices of {}, version {}, read from {}. GB here means {}.{}",
        book.date,
        book.version,
        book.origin,
        match book.unit {
            BillingUnit::Gb => "a billion bytes",
            BillingUnit::Gib => "2³⁰ bytes (GiB)",
        },
        if book.assumption {
            " They are an assumption of the owner, not a vendor's list."
        } else {
            ""
        }
    );
    let title = book.title.clone();
    let file = format!("/api/v1/prices/{}/file", book.name.replace('/', "%2F"));
    let copy = format!("dim prices copy {} --to prices/own.toml", book.name);
    view! {
        <section class="card" aria-labelledby="book" data-testid="price-book">
            <div class="card-head"><h2 id="book">{title}</h2><a class="small" href="/prices">"Close"</a></div>
            <p class="card-lead small soft">{lead}</p>
            {sheet(&book)}
            <div class="card-foot stack-s">
                <p class="small soft">"Prices of your own: " <a href=file download="own.toml">"download this book's file"</a> ", edit it, and start the server with its directory. A book of the same name wins over the built-in one."</p>
                {command(copy)}
                {command(String::from("dim serve --prices-dir prices"))}
            </div>
        </section>
    }
    .into_any()
}
