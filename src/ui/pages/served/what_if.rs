//! What if: the recommendation under other readers, prices, limits and places.
//!
//! Invariant: baseline and simulation are one domain function. The page carries what the answer rests on (`data-scene`), from which the
//! browser computes while a slider moves (`browser/what_if.rs`); the scenario is the page's address, so a link shows the same. Without
//! JavaScript the sliders are a form and the server computes.

use crate::api::advice::get_scene;
use crate::api::query::WhatIfQuery;
use crate::domain::recommendation::what_if::{Scenario, Scene, play};
use crate::ui::pages::served::field;
use crate::ui::parts::once::Once;
use crate::ui::parts::scenario::{Answer, SLIDERS, Slider, answer};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;
use leptos_router::hooks::{use_params_map, use_query_map};
use std::collections::BTreeSet;

/// The page.
pub fn page() -> AnyView {
    let id = untrack(|| use_params_map().with(|p| p.get("id"))).unwrap_or_default();
    let id = StoredValue::new(id);
    let read = |name| untrack(field(name));
    // A form without JavaScript sends a field for each box.
    let without = untrack(|| use_query_map().with(|m| m.get_all("without"))).unwrap_or_default();
    let scenario = WhatIfQuery {
        growth: read("growth"),
        retrieval: read("retrieval"),
        latency: read("latency"),
        horizon: read("horizon"),
        without: Some(without.join(",")),
    }
    .scenario();
    let scene = Once::new(move || id.get_value(), get_scene);
    view! { <div class="page" data-served="page">{scene.draw(move |s| body(&s.now(), &scenario))}</div> }
        .into_any()
}

fn body(scene: &Scene, scenario: &Scenario) -> AnyView {
    let (id, name) = (scene.dataset.id, scene.dataset.name.to_string());
    let (link, heading) = (format!("/datasets/{id}"), format!("What if: {name}"));
    let title = heading.clone();
    let Answer {
        headline,
        word,
        over,
        beside,
        places,
    } = answer(
        &play(scene, &Scenario::default()),
        &play(scene, scenario),
        scenario,
    );
    // Plain data: were it not, the sliders would stay still and the form would ask the server.
    let data = serde_json::to_string(scene).unwrap_or_default();
    view! {
        <Title text=heading/>
        <header class="page-head">
            <div>
                <p class="crumbs"><A href="/datasets">"Datasets"</A>" / "<A href=link>{name}</A>" / what if"</p>
                <h1>{title}</h1>
                <p class="lead">"Change what the advice rests on and see what it would say. Nothing is changed by it; the link keeps the scenario."</p>
            </div>
        </header>
        <div class="cols what-if" data-testid="what-if" data-scene=data>
            <div class="stack">
                <section class="card" aria-labelledby="answer">
                    <div class="card-head"><h2 id="answer">"The answer"</h2><span class="small muted">"at the forecast alone, without the policy's word"</span></div>
                    <div class="card-body">
                        <p class="headline" data-testid="simulated" data-plays="headline">{headline}</p>
                        <p class="small soft" role="status" data-plays="word">{word}</p>
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
                                <tbody data-plays="beside" inner_html=beside></tbody>
                            </table>
                        </div>
                    </div>
                </section>
                <section class="card" aria-labelledby="places">
                    <div class="card-head"><h2 id="places">"Every placement"</h2><span class="small muted" data-plays="over">{over}</span></div>
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
                            <tbody data-plays="places" inner_html=places></tbody>
                        </table>
                    </div>
                </section>
            </div>
            {controls(scene, scenario)}
        </div>
    }
    .into_any()
}

fn slider(of: &Slider, scenario: &Scenario) -> AnyView {
    let at = (of.read)(scenario);
    let id = format!("wi-{}", of.name);
    view! {
        <div class="field slider">
            <label for=id.clone()>{of.label}" "<output class="strong" for=id.clone()>{(of.show)(at)}</output></label>
            <input
                id=id
                name=of.name
                type="range"
                min=of.range.0.to_string()
                max=of.range.1.to_string()
                step="5"
                value=at.to_string()
                autocomplete="off"
            />
        </div>
    }
    .into_any()
}

fn controls(scene: &Scene, scenario: &Scenario) -> AnyView {
    let action = format!("/datasets/{}/what-if", scene.dataset.id);
    let reset = action.clone();
    let limit = scene.dataset.latency_limit_ms;
    let hint = limit.map_or_else(|| "no limit is set".to_owned(), |ms| ms.to_string());
    let latency = scenario.latency_ms.map(|ms| ms.to_string()).unwrap_or_default();
    let names: BTreeSet<&str> = scene
        .spots
        .iter()
        .map(|s| s.placement.location_name.as_str())
        .collect();
    let boxes = names
        .into_iter()
        .map(|name| {
            let (out, name) = (scenario.without.contains(name), name.to_owned());
            view! { <label class="check"><input type="checkbox" name="without" value=name.clone() checked=out autocomplete="off"/>" "{name}</label> }
        })
        .collect_view();
    view! {
        <section class="card" aria-labelledby="change">
            <div class="card-head"><h2 id="change">"Change"</h2></div>
            <form method="get" action=action role="form" aria-label="Scenario" data-play="">
                <div class="card-body">
                    {SLIDERS.iter().map(|s| slider(s, scenario)).collect_view()}
                    <div class="field">
                        <label for="wi-latency">"Slowest first byte accepted, ms"</label>
                        <input id="wi-latency" name="latency" type="number" min="1" step="1" placeholder=hint value=latency autocomplete="off"/>
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
            </form>
        </section>
    }
    .into_any()
}
