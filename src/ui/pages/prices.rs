//! The price books: every figure with its source, its date and how well it is supported.

use super::{field, head};
use crate::api::prices::{get_book, list_books};
use crate::api::query::href;
use crate::domain::price::book::{FigureRow, PriceBook};
use crate::domain::price::line::Grade;
use crate::domain::price::listing::BookSummary;
use crate::ui::format::{plural, title};
use crate::ui::parts::badge::badge;
use crate::ui::parts::icon::Icon;
use crate::ui::parts::load::{Held, Source, empty};
use leptos::prelude::*;

/// The page.
pub fn page() -> AnyView {
    let book = field("book");
    let chosen = Memo::new(move |_| book());
    let books = Source::new(|| (), |()| list_books());
    let one = Source::new(
        move || chosen.get(),
        |name| async move {
            match name {
                Some(name) => get_book(name).await.map(Some),
                None => Ok(None),
            }
        },
    );
    view! {
        <div class="page">
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
            let assumed = b.assumption.then(|| badge("warn", Icon::Info, "Assumption"));
            view! {
                <tr>
                    <td class="title"><a class="name" href=to aria-current=current>{b.title}</a><span class="sub mono">{b.name}</span></td>
                    <td data-label="Classes"><span class="soft">{b.classes.join(", ")}</span></td>
                    <td data-label="Prices of">{b.date}</td>
                    <td data-label="Figures">{grades}</td>
                    <td data-label="Used by"><span class="soft">{users}</span></td>
                    <td data-label="">{assumed}</td>
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
    let unit = book.unit.as_str();
    let lead = format!(
        "Prices of {}, version {}, read from {}. A gigabyte here is a {unit}.{}",
        book.date,
        book.version,
        book.origin,
        if book.assumption {
            " These prices are an assumption of the owner, not a vendor's list."
        } else {
            ""
        }
    );
    let mut groups: Vec<(String, Vec<FigureRow>)> = Vec::new();
    for row in book.figures() {
        let of = row.class.clone().unwrap_or_else(|| "The whole place".to_owned());
        match groups.last_mut() {
            Some((name, rows)) if *name == of => rows.push(row),
            _ => groups.push((of, vec![row])),
        }
    }
    let groups = groups
        .into_iter()
        .map(|(name, rows)| {
            view! {
                <tbody>
                    <tr class="group"><th scope="rowgroup" colspan="5">{name}</th></tr>
                    {rows.into_iter().map(figure).collect_view()}
                </tbody>
            }
        })
        .collect_view();
    view! {
        <section class="card" aria-labelledby="book" data-testid="price-book">
            <div class="card-head"><h2 id="book">{book.title}</h2><a class="small" href="/prices">"Close"</a></div>
            <p class="card-lead small soft">{lead}</p>
            <div class="table-wrap">
                <table class="cards">
                    <thead><tr><th scope="col">"Figure"</th><th scope="col" class="num">"Value"</th><th scope="col">"Grade"</th><th scope="col">"Read"</th><th scope="col">"Source"</th></tr></thead>
                    {groups}
                </table>
            </div>
        </section>
    }
    .into_any()
}

fn figure(row: FigureRow) -> AnyView {
    let (tone, grade) = match row.grade {
        Grade::A => ("grade a", "A"),
        Grade::B => ("grade b", "B"),
        Grade::C => ("grade c", "C"),
    };
    let meaning = row.grade.meaning();
    let value = row.value_text();
    let link = row.source.starts_with("https://");
    let source = if link {
        let (to, text) = (row.source.clone(), row.source);
        view! { <a href=to rel="noreferrer">{text}</a> }.into_any()
    } else {
        row.source.into_any()
    };
    view! {
        <tr>
            <td class="title plain">{title(&row.name)}{row.note.map(|n| view! { <span class="sub">{n}</span> })}</td>
            <td class="num" data-label="Value">{value}</td>
            <td data-label="Grade"><abbr class=tone title=meaning>{grade}</abbr></td>
            <td data-label="Read" class="nowrap">{row.date}</td>
            <td data-label="Source" class="source">{source}</td>
        </tr>
    }
    .into_any()
}
