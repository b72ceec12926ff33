//! A recommendation: what to do, what it brings, every charge on both sides, why, why not the others, and the decision.
//!
//! Invariant: every sentence comes from `domain::recommendation::explain`, every number from the recommendation itself.

use super::badge::badge;
use super::costs::{lines, pairs};
use super::icon::{Icon, icon};
use super::place::place;
use super::time::full;
use crate::api::query::PlanQuery;
use crate::domain::price::line::CostSheet;
use crate::domain::recommendation::explain;
use crate::domain::recommendation::{
    Action, Alternative, Forecast, PlacementRef, Recommendation, Review, ReviewStatus,
};
use crate::ui::format::{days, monthly, title};
use leptos::prelude::*;
use leptos_router::components::A;

/// The whole card.
#[must_use]
pub fn card(r: &Recommendation) -> AnyView {
    let (tone, picture) = match r.action {
        Action::Move => ("ok", Icon::Arrow),
        Action::Stay => ("", Icon::Check),
        Action::NoHistory => ("", Icon::Clock),
    };
    let headline = explain::headline(r);
    let reasons = explain::reasons(r)
        .into_iter()
        .map(|text| view! { <li>{icon(Icon::Check)} <span>{text}</span></li> })
        .collect_view();
    view! {
        <div class="card-body verdict" data-testid="recommendation" data-action=r.action.as_str()>
            <div class="row between">
                {badge(tone, picture, title(r.action.as_str()))}
                {review_badge(&r.review)}
            </div>
            <p class="headline">{headline}</p>
            {(r.action == Action::Move).then(|| change(r))}
            <ul class="reasons" aria-label="Reasons">{reasons}</ul>
            {r.forecast.as_ref().map(forecast)}
            {decision(r)}
        </div>
        {costs(r)}
        {alternatives(r)}
        <p class="card-foot small muted">
            {format!("Prices: {}. Last change: {}. Computed ", basis(r), r.changed_because)} {full(r.updated_at)}
        </p>
    }
    .into_any()
}

fn change(r: &Recommendation) -> Option<AnyView> {
    let to = r.proposed.as_ref()?;
    let then = r.proposed_alternative().and_then(|a| a.monthly_nanousd);
    let even = r.break_even_days.map_or_else(|| "never".to_owned(), days);
    let confidence = explain::confidence(r.confidence.as_ref());
    let per_month = |cost| format!("{} a month", monthly(cost));
    Some(
        view! {
            <div class="shift">
                <div><span class="figure-label">"Now"</span>{spot(&r.current)}<span class="figure-note">{per_month(r.stay_monthly_nanousd)}</span></div>
                <span class="shift-arrow">{icon(Icon::Arrow)}<span class="visually-hidden">"to"</span></span>
                <div><span class="figure-label">"Proposed"</span>{spot(to)}<span class="figure-note">{per_month(then)}</span></div>
            </div>
            {terms(r, even)}
            <p class="small soft">{format!("Confidence: {confidence}.")}</p>
        }
        .into_any(),
    )
}

/// The four figures of a move; each opens what it was made from.
fn terms(r: &Recommendation, even: String) -> AnyView {
    let running = r.proposed_alternative().and_then(|a| a.running.clone());
    let once = r.proposed_alternative().and_then(|a| a.one_time.clone());
    let horizon = days(r.horizon_days);
    let both = |then: Option<CostSheet>| {
        let (stay, then) = (r.stay.as_ref().map(lines), then.as_ref().map(lines));
        view! { <h4>"Stay"</h4>{stay}<h4>"Proposed"</h4>{then} }
    };
    let month = view! {
        <p class="small soft">{format!("Running cost of both over {horizon}; their difference, divided into months of 30 days.")}</p>
        {both(running)}
    };
    let way = view! { {once.as_ref().map(lines)} };
    let paid = view! {
        <p class="small soft">{format!("{} once, earned back at {} a month.", r.one_time_nanousd, r.monthly_saving_nanousd)}</p>
        <p class="small soft">{r.break_even_at.map(|at| view! { "On " {full(at)} })}</p>
    };
    let net = view! {
        <p class="small soft">{format!("Both over {horizon}, the move included in the proposal.")}</p>
        {both(r.proposed_alternative().and_then(whole))}
    };
    view! {
        <div class="terms" data-testid="terms">
            {term("Saving a month", r.monthly_saving_nanousd.to_string(), true, month.into_any())}
            {term("One-time cost", r.one_time_nanousd.to_string(), false, way.into_any())}
            {term("Pays for itself in", even, false, paid.into_any())}
            {term(&format!("Saved over {horizon}"), r.horizon_saving_nanousd.to_string(), true, net.into_any())}
        </div>
    }
    .into_any()
}

fn term(label: &str, value: String, good: bool, behind: AnyView) -> AnyView {
    view! {
        <details class="term">
            <summary><span class="term-label">{label.to_owned()}</span><span class="term-value" class:good=good>{value}</span></summary>
            {behind}
        </details>
    }
    .into_any()
}

fn spot(at: &PlacementRef) -> AnyView {
    view! { <span class="spot">{place(at.location_name.as_str(), at.storage_class.as_str())}</span> }
        .into_any()
}

fn forecast(f: &Forecast) -> AnyView {
    let flips = f.flips_at_reads_per_month.map(|rate| {
        let text = format!(
            "The answer changes at {rate:.2} full reads in 30 days; {:.2} are expected.",
            f.reads_per_month
        );
        view! { <p class="small soft" data-testid="flip-rate">{text}</p> }
    });
    let rows = f
        .features
        .iter()
        .map(|feature| {
            let (name, value) = (feature.name.replace('_', " "), format!("{:.3}", feature.value));
            view! { <tr><th scope="row">{name}</th><td class="num">{value}</td></tr> }
        })
        .collect_view();
    let rule = f.rule.clone();
    view! {
        {flips}
        <details class="quiet">
            <summary>"How the readers were forecast"</summary>
            <p class="small soft">{rule}</p>
            <table class="plain"><tbody>{rows}</tbody></table>
        </details>
    }
    .into_any()
}

fn costs(r: &Recommendation) -> Option<AnyView> {
    let stay = r.stay.clone()?;
    let proposed = r.proposed_alternative().and_then(whole);
    Some(match proposed {
        Some(then) => view! {
            <div class="card-body">{pairs(&stay, &then, r.horizon_days)}
                <details class="quiet"><summary>"How each charge was computed"</summary>
                    <h3>"Stay"</h3>{lines(&stay)}<h3>"Proposed, the move included"</h3>{lines(&then)}
                </details>
            </div>
        }
        .into_any(),
        None => view! {
            <div class="card-body">
                <h3>{format!("Staying for {}", days(r.horizon_days))}</h3>
                {lines(&stay)}
            </div>
        }
        .into_any(),
    })
}

/// Running and one-time cost of a candidate as one sheet.
fn whole(a: &Alternative) -> Option<CostSheet> {
    let running = a.running.clone()?;
    Some(match &a.one_time {
        Some(once) => running.plus(once.clone()),
        None => running,
    })
}

fn alternatives(r: &Recommendation) -> Option<AnyView> {
    if r.alternatives.is_empty() {
        return None;
    }
    let money = |m: Option<crate::domain::unit::NanoUsd>| m.map_or_else(|| "–".to_owned(), |m| m.to_string());
    let dataset = r.dataset_id.to_string();
    let rows = r
        .alternatives
        .iter()
        .map(|a| {
            let plan = PlanQuery::of(
                dataset.clone(),
                a.placement.location_name.to_string(),
                Some(a.placement.storage_class.to_string()),
            )
            .href();
            let why = match &a.why_not {
                None => badge("ok", Icon::Check, "Proposed"),
                Some(why) => view! { <span class="soft">{explain::why_not(why)}</span> }.into_any(),
            };
            let to = place(a.placement.location_name.as_str(), a.placement.storage_class.as_str());
            let once = money(a.one_time.as_ref().map(|s| s.total_nanousd));
            view! {
                <tr>
                    <td class="title"><A href=plan attr:class="name">{to}</A></td>
                    <td class="num" data-label="A month">{money(a.monthly_nanousd)}</td>
                    <td class="num" data-label="Once">{once}</td>
                    <td class="num" data-label="Over the horizon">{money(a.horizon_nanousd)}</td>
                    <td class="num" data-label="Pays in">{a.break_even_days.map_or_else(|| "–".to_owned(), days)}</td>
                    <td data-label="Why not">{why}</td>
                </tr>
            }
        })
        .collect_view();
    Some(
        view! {
            <div class="card-head sub-head"><h3>"Alternatives"</h3><span class="small muted">{format!("over {}, at the forecast", days(r.horizon_days))}</span></div>
            <div class="table-wrap">
                <table class="cards" data-testid="alternatives">
                    <thead>
                        <tr>
                            <th scope="col">"Placement"</th>
                            <th scope="col" class="num">"A month"</th>
                            <th scope="col" class="num">"Once"</th>
                            <th scope="col" class="num">"Over the horizon"</th>
                            <th scope="col" class="num">"Pays in"</th>
                            <th scope="col">"Why not"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        }
        .into_any(),
    )
}

fn review_badge(review: &Review) -> Option<AnyView> {
    let (tone, picture) = match review.status {
        ReviewStatus::Open => return None,
        ReviewStatus::Accepted => ("ok", Icon::Check),
        ReviewStatus::Snoozed => ("", Icon::Clock),
        ReviewStatus::Rejected => ("", Icon::Ban),
    };
    let until = review
        .until
        .map(|at| view! { <span class="small muted">"until " {full(at)}</span> });
    let reason = review
        .reason
        .clone()
        .map(|text| view! { <span class="small muted">{text}</span> });
    Some(view! { <span class="row">{until} {reason} {badge(tone, picture, title(review.status.as_str()))}</span> }.into_any())
}

/// Accept, snooze, reject; or take a decision back.
fn decision(r: &Recommendation) -> Option<AnyView> {
    let to = r.proposed.as_ref()?;
    let dataset = r.dataset_id.to_string();
    let plan = PlanQuery::of(
        dataset.clone(),
        to.location_name.to_string(),
        Some(to.storage_class.to_string()),
    )
    .href();
    let decided = r.review.status != ReviewStatus::Open;
    let (d1, d2, d3) = (dataset.clone(), dataset.clone(), dataset);
    Some(
        view! {
            <div class="decision">
                <A href=plan attr:class="button primary" attr:data-testid="accept">"Accept: show the plan"</A>
                {decided.then(|| view! {
                    <form method="post" action="/api/fn/review" class="inline-form">
                        <input type="hidden" name="dataset" value=d1/>
                        <input type="hidden" name="status" value="open"/>
                        <button type="submit">"Open it again"</button>
                    </form>
                })}
                <details class="menu">
                    <summary class="button">"Snooze"</summary>
                    <form method="post" action="/api/fn/review">
                        <input type="hidden" name="dataset" value=d2/>
                        <input type="hidden" name="status" value="snoozed"/>
                        <div class="field">
                            <label for="snooze-days">"Hide it for"</label>
                            <select id="snooze-days" name="days">
                                <option value="7">"7 days"</option>
                                <option value="30" selected>"30 days"</option>
                                <option value="90">"90 days"</option>
                            </select>
                        </div>
                        <button type="submit" data-testid="snooze">"Snooze"</button>
                    </form>
                </details>
                <details class="menu">
                    <summary class="button">"Reject"</summary>
                    <form method="post" action="/api/fn/review">
                        <input type="hidden" name="dataset" value=d3/>
                        <input type="hidden" name="status" value="rejected"/>
                        <div class="field">
                            <label for="reject-reason">"Why"</label>
                            <input id="reject-reason" name="reason" required maxlength="300" autocomplete="off" placeholder="the project reads it next month"/>
                        </div>
                        <button type="submit" data-testid="reject">"Reject"</button>
                    </form>
                </details>
            </div>
        }
        .into_any(),
    )
}

fn basis(r: &Recommendation) -> String {
    let books: Vec<String> = r
        .basis
        .iter()
        .map(|b| format!("{} of {}", b.price_book, b.date))
        .collect();
    if books.is_empty() {
        "none known".into()
    } else {
        books.join(", ")
    }
}
