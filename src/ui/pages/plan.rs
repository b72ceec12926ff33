//! A move before it is one: the plan, its checks, and the button that queues it.

use super::field;
use crate::api::catalog::list_locations;
use crate::api::moves::{QueueMove, plan_move};
use crate::api::query::PlanQuery;
use crate::domain::migration::Plan;
use crate::ui::parts::command::command;
use crate::ui::parts::load::Source;
use crate::ui::parts::notice::follow;
use crate::ui::parts::plan::{checks, plan};
use crate::ui::parts::target::target_form;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;

/// The page.
pub fn page() -> AnyView {
    let (dataset, target, class) = (field("dataset"), field("target"), field("class"));
    let query = Memo::new(move |_| PlanQuery {
        dataset: dataset().unwrap_or_default(),
        target: target().unwrap_or_default(),
        class: class(),
    });
    let planned = Source::new(move || query.get(), plan_move);
    let locations = Source::new(|| (), |()| list_locations());
    view! {
        <div class="page">
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
                <div class="card-head"><h2 id="other">"Another target"</h2></div>
                <div class="card-body">
                    {locations.draw(move |l| {
                        let q = query.get_untracked();
                        target_form(q.dataset, &l.now(), "", &q.target, q.class.as_deref().unwrap_or_default())
                    })}
                </div>
            </section>
        </div>
    }
    .into_any()
}

fn body(p: &Plan, query: PlanQuery) -> AnyView {
    let class = p.target_class.to_string();
    let line = format!(
        "dim migrate plan --dataset-id {} --target-location {} --storage-class {class}",
        p.dataset_id, query.target
    );
    let name = p.dataset_name.clone();
    let decide = if p.applicable {
        queue(p.dataset_id.to_string(), query.target, class)
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

fn queue(dataset: String, target: String, class: String) -> AnyView {
    let action = ServerAction::<QueueMove>::new();
    follow(action, || {});
    let busy = move || action.pending().get();
    view! {
        <ActionForm action=action>
            <input type="hidden" name="dataset" value=dataset/>
            <input type="hidden" name="target" value=target/>
            <input type="hidden" name="class" value=class/>
            <div class="stack-s">
                <label class="check"><input type="checkbox" name="require_approval" value="yes"/> "Wait for an approval before it begins"</label>
                <div><button type="submit" class="primary" data-testid="queue-move" disabled=busy>"Queue this move"</button></div>
            </div>
        </ActionForm>
    }
    .into_any()
}
