//! Rules about where datasets may stand: what each says, of which datasets, what stands against it, and the form that adds one.

use crate::api::policies::list_policies;
use crate::domain::policy::PolicyReach;
use crate::ui::format::{count, plural};
use crate::ui::pages::head;
use crate::ui::parts::badge::badge;
use crate::ui::parts::icon::{Icon, icon};
use crate::ui::parts::load::{Held, empty};
use crate::ui::parts::once::Once;
use leptos::prelude::*;
use leptos_router::components::A;

/// The page.
pub fn page() -> AnyView {
    let policies = Once::new(|| (), |()| list_policies());
    view! {
        <div class="page" data-served="page">
            {head("Policies", "Where datasets may stand. Advice, plans and the deletion of old copies obey them; none of them moves anything by itself.")}
            {policies.draw(whole)}
        </div>
    }
    .into_any()
}

fn whole(policies: Held<Vec<PolicyReach>>) -> AnyView {
    let list = policies.now();
    let list = if list.is_empty() {
        empty(
            "No policy yet",
            "Without one every location and class may be advised. Add one above, or from a terminal:",
            Some("dim policies add eu-only --dataset 'climate-*' --allow-region 'aws/eu-*,local/*'".into()),
        )
    } else {
        table(list)
    };
    view! { {add()} <section class="card" aria-label="List of policies">{list}</section> }.into_any()
}

fn table(list: Vec<PolicyReach>) -> AnyView {
    let rows = list.into_iter().map(row).collect_view();
    view! {
        <div class="table-wrap">
            <table class="cards" data-testid="policies">
                <caption class="visually-hidden">"Policies, in the order in which they are read"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Policy"</th>
                        <th scope="col">"Speaks of"</th>
                        <th scope="col">"Says"</th>
                        <th scope="col">"Now"</th>
                        <th scope="col"><span class="visually-hidden">"Remove"</span></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(reach: PolicyReach) -> AnyView {
    let PolicyReach {
        policy,
        speaks_of,
        against,
        some,
    } = reach;
    let name = policy.name.to_string();
    let of = if policy.rules.datasets.is_empty() {
        "all datasets".to_owned()
    } else {
        policy.rules.datasets.join(", ")
    };
    let more = speaks_of - i64::try_from(some.len()).unwrap_or(0);
    let named = some
        .into_iter()
        .map(|(id, name)| view! { <li><A href=format!("/datasets/{id}")>{name}</A></li> })
        .collect_view();
    let rest = (more > 0).then(|| view! { <li class="muted">{format!("and {} more", count(more))}</li> });
    let now = if against > 0 {
        badge("warn", Icon::Alert, plural(against, "dataset") + " against it")
    } else if speaks_of > 0 {
        badge("ok", Icon::Check, "Kept")
    } else {
        badge("", Icon::Ban, "Fits no dataset")
    };
    let (key, label) = (name.clone(), format!("Remove the policy {name}"));
    let tag = name.clone();
    view! {
        <tr data-testid="policy-row" data-policy=tag>
            <td class="title"><span class="name">{name}</span><span class="sub">{format!("order {}", policy.rules.position)}</span></td>
            <td data-label="Speaks of"><div>{of}<span class="sub">{plural(speaks_of, "dataset")}</span><ul class="words small">{named}{rest}</ul></div></td>
            <td data-label="Says">{policy.rules.says()}</td>
            <td data-label="Now">{now}</td>
            <td>
                <form method="post" action="/api/fn/remove-policy" class="inline-form">
                    <input type="hidden" name="key" value=key/>
                    <input type="hidden" name="generation" value=policy.generation.to_string()/>
                    <button type="submit" class="danger" aria-label=label>"Remove"</button>
                </form>
            </td>
        </tr>
    }
    .into_any()
}

fn add() -> AnyView {
    let text = |name: &'static str, label: &'static str, hint: &'static str| {
        let id = format!("policy-{name}");
        let of = id.clone();
        view! {
            <div class="field">
                <label for=of>{label}</label>
                <input id=id name=name autocomplete="off" placeholder=hint required=name == "name"/>
            </div>
        }
    };
    let number = |name: &'static str, label: &'static str, most: &'static str| {
        let id = format!("policy-{name}");
        let of = id.clone();
        view! {
            <div class="field">
                <label for=of>{label}</label>
                <input id=id name=name type="number" min="1" max=most step="1"/>
            </div>
        }
    };
    view! {
        <details class="add" data-testid="new-policy">
            <summary class="button primary">{icon(Icon::Plus)} "Add a policy"</summary>
            <section class="card">
                <div class="card-body">
                    <form method="post" action="/api/fn/add-policy">
                        <div class="form-grid">
                            {text("name", "Name", "eu-only")}
                            {text("datasets", "Datasets (names with * and ?; empty: all)", "climate-*, weather")}
                            {text("regions", "Allowed regions (optional)", "aws/eu-*, local/*")}
                            {text("locations", "Allowed locations (optional)", "nas, lake")}
                            {text("classes", "Allowed classes (optional)", "STANDARD, hot")}
                            {number("latency_limit_ms", "Slowest first byte, ms (optional)", "172800000")}
                            {number("min_replicas", "Verified copies at least (optional)", "10")}
                            {text("pinned_reason", "Never moved by advice, because (optional)", "serves the site")}
                            <div><button type="submit" class="primary">"Add"</button></div>
                        </div>
                    </form>
                    <p class="small muted">"A place must be allowed by every policy that speaks of it. What stands against one already stays; its recommendation says so first."</p>
                </div>
            </section>
        </details>
    }
    .into_any()
}
