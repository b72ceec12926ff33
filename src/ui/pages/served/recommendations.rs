//! The recommendations, the largest saving first; those that ask for a decision unless the URL says otherwise.

use crate::api::advice::{AdviceRow, list_advice};
use crate::api::query::AdviceQuery;
use crate::api::views::list_views;
use crate::domain::dataset::Page;
use crate::domain::recommendation::{Action, ReviewStatus};
use crate::domain::view::ViewOf;
use crate::ui::format::{days, monthly, title};
use crate::ui::pages::{head, served::field};
use crate::ui::parts::badge::badge;
use crate::ui::parts::icon::{Icon, icon};
use crate::ui::parts::load::{Held, empty};
use crate::ui::parts::once::Once;
use crate::ui::parts::pager::pager;
use crate::ui::parts::place::place;
use crate::ui::parts::views;
use leptos::prelude::*;
use leptos_router::components::A;

/// Address words of the filters and their names.
const ACTIONS: [(&str, &str); 4] = [
    ("", "Move"),
    ("stay", "Stay"),
    ("no_history", "No history"),
    ("any", "All"),
];
const REVIEWS: [(&str, &str); 5] = [
    ("", "Any decision"),
    ("open", "Open"),
    ("accepted", "Accepted"),
    ("snoozed", "Snoozed"),
    ("rejected", "Rejected"),
];

/// The page.
pub fn page() -> AnyView {
    let (action, review) = (field("action"), field("review"));
    let (location, cursor) = (field("location"), field("cursor"));
    let query = Memo::new(move |_| AdviceQuery {
        action: action(),
        review: review(),
        location: location(),
        cursor: cursor(),
    });
    let list = Once::new(move || query.get(), list_advice);
    let saved = Once::new(|| (), |()| list_views());
    let here = Memo::new(move |_| query.with(AdviceQuery::href));
    view! {
        <div class="page" data-served="page" data-follow="advice">
            {head("Recommendations", "Where each dataset should stand by its own history and dated prices. To stay is a full answer.")}
            <div class="row">
                <nav class="chips" aria-label="Filter by advice">{move || chips(&query.get(), true)}</nav>
                <nav class="chips" aria-label="Filter by decision">{move || chips(&query.get(), false)}</nav>
            </div>
            <section class="card" aria-label="List of recommendations">
                {saved.draw_or(move |held| views::views(held, ViewOf::Recommendations, here), |_| ().into_any())}
                {list.draw(move |page| table(page, query.get_untracked()))}
            </section>
        </div>
    }
    .into_any()
}

fn chips(query: &AdviceQuery, by_action: bool) -> AnyView {
    let (words, chosen): (&[(&str, &str)], _) = if by_action {
        (&ACTIONS, query.action.clone())
    } else {
        (&REVIEWS, query.review.clone())
    };
    let chosen = chosen.unwrap_or_default();
    words
        .iter()
        .map(|(word, text)| {
            let value = Some((*word).to_owned());
            let mut to = AdviceQuery {
                cursor: None,
                ..query.clone()
            };
            if by_action {
                to.action = value;
            } else {
                to.review = value;
            }
            let current = (chosen == *word).then_some("true");
            view! { <a href=to.href() aria-current=current>{*text}</a> }
        })
        .collect_view()
        .into_any()
}

fn table(page: Held<Page<AdviceRow>>, query: AdviceQuery) -> AnyView {
    let query = StoredValue::new(query);
    view! { {move || query.with_value(|query| rows(page.get(), query))} }.into_any()
}

fn rows(page: Page<AdviceRow>, query: &AdviceQuery) -> AnyView {
    if page.items.is_empty() {
        return if query.action.is_none() && query.review.is_none() {
            empty(
                "No move is recommended",
                "Either everything stands well, or too little is known: accesses teach the recommender. Import a log:",
                Some("dim access import access.csv --format csv".into()),
            )
        } else {
            empty("None fits this filter", "Choose another above.", None)
        };
    }
    let at = |cursor| {
        AdviceQuery {
            cursor,
            ..query.clone()
        }
        .href()
    };
    let next = page.next_cursor.clone().map(|c| at(Some(c)));
    let first = query.cursor.is_some().then(|| at(None));
    let (shown, total) = (page.items.len(), page.total);
    view! {
        <div class="table-wrap">
            <table class="cards" data-testid="recommendations">
                <caption class="visually-hidden">"Recommendations, the largest saving first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Dataset"</th>
                        <th scope="col">"Advice"</th>
                        <th scope="col" class="num">"Now a month"</th>
                        <th scope="col" class="num">"Saving a month"</th>
                        <th scope="col" class="num">"Once"</th>
                        <th scope="col" class="num">"Pays in"</th>
                        <th scope="col">"Decision"</th>
                    </tr>
                </thead>
                <tbody>{page.items.into_iter().map(row).collect_view()}</tbody>
            </table>
        </div>
        {pager(shown, total, "recommendation", first, next)}
    }
    .into_any()
}

fn row(r: AdviceRow) -> AnyView {
    let moves = r.action == Action::Move;
    let here = place(&r.at.0, &r.at.1);
    let advice = match &r.to {
        Some(to) if moves => {
            let to = place(&to.0, &to.1);
            view! { <span class="moveline">{here} {icon(Icon::Arrow)} <span class="visually-hidden">"to"</span> {to}</span> }.into_any()
        }
        _ => {
            view! { <span class="moveline">{badge("", Icon::Check, title(r.action.as_str()))} {here}</span> }
                .into_any()
        }
    };
    let only = |text: String| if moves { text } else { "–".to_owned() };
    let decision = match r.review {
        ReviewStatus::Open if moves => badge("warn", Icon::Person, "Open"),
        ReviewStatus::Open => view! { <span class="muted">"–"</span> }.into_any(),
        ReviewStatus::Accepted => badge("ok", Icon::Check, "Accepted"),
        ReviewStatus::Snoozed => badge("", Icon::Clock, "Snoozed"),
        ReviewStatus::Rejected => badge("", Icon::Ban, "Rejected"),
    };
    view! {
        <tr data-testid="recommendation-row" data-dataset-id=r.id.to_string()>
            <td class="title"><A href=format!("/datasets/{}", r.id) attr:class="name">{r.name}</A><span class="sub">{r.why}</span></td>
            <td data-label="Advice">{advice}</td>
            <td class="num" data-label="Now a month">{monthly(r.stay)}</td>
            <td class="num strong" class:good=moves data-label="Saving a month">{only(r.saving.to_string())}</td>
            <td class="num" data-label="Once">{only(r.once.to_string())}</td>
            <td class="num" data-label="Pays in">{only(r.pays_in.map_or_else(|| "never".into(), days))}</td>
            <td data-label="Decision">{decision}</td>
        </tr>
    }
    .into_any()
}
