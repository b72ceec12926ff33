//! What if: the recommendation under other readers, prices, limits and places, computed in the browser while a slider moves.
//!
//! Invariant: baseline and simulation are one domain function; the scenario is the page's address, so a link shows the same. Without
//! JavaScript the sliders are a form and the server computes.

use super::field;
use crate::api::advice::get_scene;
use crate::api::query::WhatIfQuery;
use crate::domain::recommendation::what_if::{GROWTH, HORIZON, RETRIEVAL, Scenario, Scene, play};
use crate::domain::recommendation::{Recommendation, explain};
use crate::domain::unit::NanoUsd;
use crate::ui::format::{days, monthly};
use crate::ui::parts::ask::ask;
use crate::ui::parts::load::Source;
use crate::ui::parts::place::place;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::components::A;
use leptos_router::hooks::{use_navigate, use_params_map, use_query_map};
use std::collections::BTreeSet;

/// The page.
pub fn page() -> AnyView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|p| p.get("id")).unwrap_or_default());
    let (growth, retrieval) = (field("growth"), field("retrieval"));
    let (latency, horizon) = (field("latency"), field("horizon"));
    let map = use_query_map();
    let scenario = Memo::new(move |_| {
        WhatIfQuery {
            growth: growth(),
            retrieval: retrieval(),
            latency: latency(),
            horizon: horizon(),
            // A form without JavaScript sends a field for each box.
            without: Some(map.with(|m| m.get_all("without").unwrap_or_default().join(","))),
        }
        .scenario()
    });
    let scene = Source::new(move || id.get(), get_scene);
    view! { <div class="page">{scene.draw(move |s| body(s.now(), scenario))}</div> }.into_any()
}

fn body(scene: Scene, linked: Memo<Scenario>) -> AnyView {
    let (id, name) = (scene.dataset.id.to_string(), scene.dataset.name.to_string());
    let (link, heading) = (format!("/datasets/{id}"), format!("What if: {name}"));
    let title = heading.clone();
    let baseline = StoredValue::new(play(&scene, &Scenario::default()));
    // What a slider says counts at once; the address follows when it is let go.
    let scenario = RwSignal::new(linked.get_untracked());
    Effect::new(move |_| scenario.set(linked.get()));
    let settle = {
        let navigate = use_navigate();
        let id = id.clone();
        Callback::new(move |()| {
            let options = NavigateOptions {
                replace: true,
                scroll: false,
                ..NavigateOptions::default()
            };
            navigate(&WhatIfQuery::href(&id, &scenario.get_untracked()), options);
        })
    };
    let form = controls(&scene, scenario, settle);
    let scene = StoredValue::new(scene);
    let simulated = Memo::new(move |_| scenario.with(|s| scene.with_value(|scene| play(scene, s))));
    view! {
        <Title text=heading/>
        <header class="page-head">
            <div>
                <p class="crumbs"><A href="/datasets">"Datasets"</A>" / "<A href=link>{name}</A>" / what if"</p>
                <h1>{title}</h1>
                <p class="lead">"Change what the advice rests on and see what it would say. Nothing is changed by it; the link keeps the scenario."</p>
            </div>
        </header>
        <div class="cols what-if" data-testid="what-if">
            <div class="stack">
                <section class="card" aria-labelledby="answer">
                    <div class="card-head"><h2 id="answer">"The answer"</h2><span class="small muted">"at the forecast alone, without the policy's word"</span></div>
                    <div class="card-body">{move || simulated.with(|s| baseline.with_value(|b| beside(b, s)))}</div>
                </section>
                <section class="card" aria-labelledby="places">
                    <div class="card-head"><h2 id="places">"Every placement"</h2><span class="small muted">{move || format!("over {}", days(scenario.with(Scenario::horizon)))}</span></div>
                    {move || simulated.with(|s| baseline.with_value(|b| places(b, s)))}
                </section>
            </div>
            {form}
        </div>
    }
    .into_any()
}

struct Slider {
    id: &'static str,
    name: &'static str,
    label: &'static str,
    range: (i64, i64),
    step: i64,
    read: fn(&Scenario) -> i64,
    write: fn(&mut Scenario, i64),
    show: fn(i64) -> String,
}

fn percent(n: i64) -> String {
    if n > 0 {
        format!("+{n} %")
    } else {
        format!("{n} %")
    }
}

const SLIDERS: [Slider; 3] = [
    Slider {
        id: "wi-growth",
        name: "growth",
        label: "Reads",
        range: GROWTH,
        step: 5,
        read: |s| s.growth_percent,
        write: |s, v| s.growth_percent = v,
        show: percent,
    },
    Slider {
        id: "wi-retrieval",
        name: "retrieval",
        label: "Retrieval price",
        range: RETRIEVAL,
        step: 5,
        read: |s| s.retrieval_percent,
        write: |s, v| s.retrieval_percent = v,
        show: percent,
    },
    Slider {
        id: "wi-horizon",
        name: "horizon",
        label: "Days that costs are compared over",
        range: HORIZON,
        step: 5,
        read: Scenario::horizon,
        write: |s, v| s.horizon_days = Some(v),
        show: days,
    },
];

fn slider(of: &'static Slider, scenario: RwSignal<Scenario>, settle: Callback<()>) -> AnyView {
    let shown = move || (of.show)(scenario.with(of.read));
    let value = move || scenario.with(of.read).to_string();
    let first = (of.read)(&scenario.get_untracked()).to_string();
    let heard = move |event: leptos::ev::Targeted<leptos::ev::Event, leptos::web_sys::HtmlInputElement>| {
        if let Ok(to) = event.target().value().parse() {
            scenario.update(|s| {
                (of.write)(s, to);
                *s = std::mem::take(s).bounded();
            });
        }
    };
    view! {
        <div class="field slider">
            <label for=of.id>{of.label} <output class="strong" for=of.id>{shown}</output></label>
            <input
                id=of.id
                name=of.name
                type="range"
                min=of.range.0.to_string()
                max=of.range.1.to_string()
                step=of.step.to_string()
                value=first
                prop:value=value
                on:input:target=heard
                on:change=move |_| settle.run(())
            />
        </div>
    }
    .into_any()
}

fn controls(scene: &Scene, scenario: RwSignal<Scenario>, settle: Callback<()>) -> AnyView {
    let id = scene.dataset.id.to_string();
    let limit = scene.dataset.latency_limit_ms;
    let hint = limit.map_or_else(|| "no limit is set".to_owned(), |ms| ms.to_string());
    let latency = move || scenario.with(|s| s.latency_ms.map(|ms| ms.to_string()).unwrap_or_default());
    let first = scenario.with_untracked(|s| s.latency_ms.map(|ms| ms.to_string()).unwrap_or_default());
    let names: BTreeSet<String> = scene
        .spots
        .iter()
        .map(|s| s.placement.location_name.to_string())
        .collect();
    let boxes = names
        .into_iter()
        .map(|name| {
            let (for_write, for_read) = (name.clone(), name.clone());
            let left_out = move || scenario.with(|s| s.without.contains(&for_read));
            let first = scenario.with_untracked(|s| s.without.contains(&name));
            let turn = move |event: leptos::ev::Targeted<leptos::ev::Event, leptos::web_sys::HtmlInputElement>| {
                let out = event.target().checked();
                let name = for_write.clone();
                scenario.update(move |s| {
                    if out {
                        s.without.insert(name);
                    } else {
                        s.without.remove(&name);
                    }
                });
                settle.run(());
            };
            let value = name.clone();
            view! { <label class="check"><input type="checkbox" name="without" value=value checked=first prop:checked=left_out on:change:target=turn/> {name}</label> }
        })
        .collect_view();
    let reset = format!("/datasets/{id}/what-if");
    let fields = view! {
        <div class="card-body">
            {SLIDERS.iter().map(|s| slider(s, scenario, settle)).collect_view()}
            <div class="field">
                <label for="wi-latency">"Slowest first byte accepted, ms"</label>
                <input
                    id="wi-latency"
                    name="latency"
                    type="number"
                    min="1"
                    step="1"
                    placeholder=hint
                    value=first
                    prop:value=latency
                    on:input:target=move |event| {
                        let ms = event.target().value().parse().ok();
                        scenario.update(|s| {
                            s.latency_ms = ms;
                            *s = std::mem::take(s).bounded();
                        });
                    }
                    on:change=move |_| settle.run(())
                />
            </div>
            <fieldset class="stack-s">
                <legend class="small soft">"Leave out"</legend>
                {boxes}
            </fieldset>
            <div class="row">
                <button type="submit" class="no-js primary">"Compute"</button>
                <A href=reset attr:class="button" attr:data-testid="reset">"As it is"</A>
            </div>
        </div>
    }
    .into_any();
    view! {
        <section class="card" aria-labelledby="change">
            <div class="card-head"><h2 id="change">"Change"</h2></div>
            {ask(format!("/datasets/{id}/what-if"), "", "Scenario", fields)}
        </section>
    }
    .into_any()
}

/// Baseline and simulation, figure by figure.
fn beside(b: &Recommendation, s: &Recommendation) -> AnyView {
    let spot = |r: &Recommendation| {
        let at = r.proposed.as_ref().unwrap_or(&r.current);
        place(at.location_name.as_str(), at.storage_class.as_str())
    };
    let money = |label: &'static str, of: fn(&Recommendation) -> Option<NanoUsd>| {
        let (before, then) = (of(b), of(s));
        let change = before.zip(then).map(|(x, y)| y - x);
        let change_text = change.map_or_else(|| "–".to_owned(), difference);
        let nano = change.map_or_else(String::new, |c| c.0.to_string());
        view! {
            <tr>
                <th scope="row">{label}</th>
                <td class="num">{monthly(before)}</td>
                <td class="num">{monthly(then)}</td>
                <td class="num" data-difference=nano>{change_text}</td>
            </tr>
        }
        .into_any()
    };
    let text = |label: &'static str, before: String, then: String| {
        view! { <tr><th scope="row">{label}</th><td class="num">{before}</td><td class="num">{then}</td><td></td></tr> }.into_any()
    };
    let even = |r: &Recommendation| r.break_even_days.map_or_else(|| "–".to_owned(), days);
    let reads = |r: &Recommendation| {
        r.forecast
            .as_ref()
            .map_or_else(|| "–".to_owned(), |f| format!("{:.2}", f.reads_per_month))
    };
    let (headline, changed) = (explain::headline(s), s.proposed != b.proposed);
    let word = if changed {
        "The answer changes."
    } else {
        "The answer stays the same."
    };
    view! {
        <p class="headline" data-testid="simulated">{headline}</p>
        <p class="small soft" role="status">{word}</p>
        <div class="table-wrap" role="region" aria-label="Baseline and scenario" tabindex="0">
            <table class="plain wide" data-testid="beside">
                <thead>
                    <tr>
                        <th scope="col"><span class="visually-hidden">"Figure"</span></th>
                        <th scope="col" class="num">"As it is"</th>
                        <th scope="col" class="num">"In this scenario"</th>
                        <th scope="col" class="num">"Difference"</th>
                    </tr>
                </thead>
                <tbody>
                    <tr><th scope="row">"Best placement"</th><td class="num">{spot(b)}</td><td class="num">{spot(s)}</td><td></td></tr>
                    {money("Staying, a month", |r| r.stay_monthly_nanousd)}
                    {money("Saving, a month", |r| Some(r.monthly_saving_nanousd))}
                    {money("Move, once", |r| Some(r.one_time_nanousd))}
                    {money("Saved over the days compared", |r| Some(r.horizon_saving_nanousd))}
                    {text("Pays for itself in", even(b), even(s))}
                    {text("Full reads a month", reads(b), reads(s))}
                </tbody>
            </table>
        </div>
    }
    .into_any()
}

fn difference(of: NanoUsd) -> String {
    if of.0 > 0 {
        format!("+{of}")
    } else {
        of.to_string()
    }
}

fn places(b: &Recommendation, s: &Recommendation) -> AnyView {
    let rows = s
        .alternatives
        .iter()
        .map(|a| {
            let before = b.alternatives.iter().find(|x| x.placement == a.placement);
            let why = match &a.why_not {
                None => "proposed".to_owned(),
                Some(why) => explain::why_not(why),
            };
            let (was, is) = (before.and_then(|x| x.monthly_nanousd), a.monthly_nanousd);
            view! {
                <tr>
                    <td class="title">{place(a.placement.location_name.as_str(), a.placement.storage_class.as_str())}</td>
                    <td class="num" data-label="As it is">{monthly(was)}</td>
                    <td class="num" data-label="In this scenario">{monthly(is)}</td>
                    <td data-label="Why not"><span class="soft">{why}</span></td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="table-wrap">
            <table class="cards">
                <thead>
                    <tr>
                        <th scope="col">"Placement"</th>
                        <th scope="col" class="num">"As it is, a month"</th>
                        <th scope="col" class="num">"In this scenario"</th>
                        <th scope="col">"Why not"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}
