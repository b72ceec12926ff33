//! A move before it is one: the plan, its checks, and the button that queues it.

use crate::api::catalog::list_places;
use crate::api::moves::plan_move;
use crate::api::query::PlanQuery;
use crate::domain::location::Location;
use crate::domain::migration::Plan;
use crate::ui::pages::served::field;
use crate::ui::parts::ask::ask;
use crate::ui::parts::command::command;
use crate::ui::parts::once::Once;
use crate::ui::parts::options::options;
use crate::ui::parts::plan::{checks, plan};
use crate::ui::parts::target::target_fields;
use crate::ui::parts::typed_name::typed_name;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;

/// The page.
pub fn page() -> AnyView {
    let (dataset, target, class) = (field("dataset"), field("target"), field("class"));
    let (verify, max_cost, max_bytes) = (field("verify"), field("max_cost"), field("max_bytes"));
    let (bandwidth, priority, keep_source) = (field("bandwidth"), field("priority"), field("keep_source"));
    let (window, time_zone) = (field("window"), field("time_zone"));
    let query = Memo::new(move |_| PlanQuery {
        dataset: dataset().unwrap_or_default(),
        target: target().unwrap_or_default(),
        class: class(),
        verify: verify(),
        max_cost: max_cost(),
        max_bytes: max_bytes(),
        bandwidth: bandwidth(),
        priority: priority(),
        window: window(),
        time_zone: time_zone(),
        keep_source: keep_source(),
    });
    let planned = Once::new(move || query.get(), plan_move);
    let locations = Once::new(|| (), |()| list_places());
    view! {
        <div class="page" data-served="page">
            <Title text="Plan of a move"/>
            <header class="page-head">
                <div>
                    <p class="crumbs"><A href="/datasets">"Datasets"</A>" / "<a href=move || format!("/datasets/{}", query.get().dataset)>{move || query.get().dataset}</a></p>
                    <h1>"Plan of a move"</h1>
                    <p class="lead">"This is a dry run over the real objects. Nothing is queued until you say so."</p>
                </div>
            </header>
            {planned.draw(move |p| body(&p.now(), query.get_untracked()))}
            <section class="card" aria-labelledby="other">
                <div class="card-head"><h2 id="other">"Plan it differently"</h2></div>
                <div class="card-body">
                    {locations.draw(move |l| view! { {move || differently(&query.get(), &l.get())} }.into_any())}
                </div>
            </section>
        </div>
    }
    .into_any()
}

fn body(p: &Plan, query: PlanQuery) -> AnyView {
    let class = p.target_class.to_string();
    let line = format!(
        "dim migrate plan --dataset-id {} --target-location {} --storage-class {class}{}",
        p.dataset_id,
        query.target,
        query.arguments()
    );
    let name = p.dataset_name.clone();
    let decide = if p.applicable {
        let query = PlanQuery {
            dataset: p.dataset_id.to_string(),
            class: Some(class),
            ..query
        };
        let typed = p.deletes_source().then(|| typed_name(&name, false));
        queue(query, typed)
    } else {
        view! { <p class="bad">"A check does not allow this move, so it cannot be queued. The source is untouched."</p> }.into_any()
    };
    view! {
        <div class="cols" data-testid="plan">
            <section class="card" aria-labelledby="does">
                <div class="card-head"><h2 id="does">{format!("What moving {name} does")}</h2></div>
                <div class="card-body">{plan(p)}</div>
            </section>
            <div class="stack">
                <section class="card" aria-labelledby="checks">
                    <div class="card-head"><h2 id="checks">"Checks"</h2></div>
                    <div class="card-body">{checks(p)} {decide}</div>
                </section>
                <section class="card" aria-labelledby="cli">
                    <div class="card-head"><h2 id="cli">"From a terminal"</h2></div>
                    <div class="card-body">{command(format!("{line} --dry-run"))}{command(line)}</div>
                </section>
            </div>
        </div>
    }
    .into_any()
}

fn differently(query: &PlanQuery, locations: &[Location]) -> AnyView {
    let class = query.class.as_deref().unwrap_or_default();
    let fields = view! {
        <input type="hidden" name="dataset" value=query.dataset.clone()/>
        <div class="form-grid">{target_fields(locations, "", &query.target, class)}</div>
        {options(query)}
        <div><button type="submit" data-testid="replan">"Show the plan"</button></div>
    };
    ask(
        "/plan",
        "",
        "Plan a move",
        view! { <div class="stack-s">{fields}</div> }.into_any(),
    )
}

/// The form that queues it. The name is not asked for where the job waits for an approval, which will ask.
fn queue(query: PlanQuery, typed: Option<AnyView>) -> AnyView {
    let dataset = query.dataset.clone();
    let hidden = query
        .fields()
        .into_iter()
        .filter_map(|(name, value)| Some((format!("query[{name}]"), value?)))
        .map(|(name, value)| view! { <input type="hidden" name=name value=value/> })
        .collect_view();
    view! {
        <form method="post" action="/api/fn/queue-move" data-counts=dataset>
            {hidden}
            <div class="stack-s">
                <label class="check"><input type="checkbox" name="require_approval" value="yes"/> "Wait for an approval before it begins"</label>
                {typed}
                <div><button type="submit" class="primary" data-testid="queue-move">"Queue this move"</button></div>
            </div>
        </form>
    }
    .into_any()
}
