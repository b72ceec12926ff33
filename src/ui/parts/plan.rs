//! A plan, as it prints itself in a terminal: what is copied, switched and deleted later; cost, time and checks.

use super::icon::{Icon, icon};
use super::place::place;
use crate::domain::migration::options::VerifyLevel;
use crate::domain::migration::{Plan, PlanCheck};
use crate::domain::unit::NanoUsd;
use crate::ui::format::{count, counted, duration, plural, title};
use leptos::prelude::*;

/// Below this a saving or a loss is not worth a sign: a hundredth of a cent a month.
const NOTHING_NANOUSD: u64 = 100_000;

/// The plan.
#[must_use]
pub fn plan(plan: &Plan) -> AnyView {
    let what = format!("{}, {}", plural(plan.object_count, "object"), plan.size_bytes);
    let target = place(&plan.target_location_name, plan.target_class.as_str());
    let addresses = view! {
        <span class="sub mono">{plan.source_uri.to_string()}</span>
        <span class="sub mono">{plan.target_uri.to_string()}</span>
    };
    let lines = if plan.is_in_place() {
        let class = plan.target_class.to_string();
        let address = plan.source_uri.to_string();
        let kept =
            format!("The catalog says {class} once every object has it. Readers are served throughout.");
        view! {
            {line("change", "~", "Change", view! { {what} " from " {plan.source_class.to_string()} " to " {target} <span class="sub mono">{address}</span> }.into_any())}
            {line("add", "=", "Verify", verified_in_place(plan.options.verify).into_any())}
            {line("change", "~", "Switch", kept.into_any())}
            {line("remove", "−", "Later", plan.deletes.clone().into_any())}
        }
        .into_any()
    } else {
        view! {
            {line("add", "+", "Copy", view! { {what} " to " {target} {addresses} }.into_any())}
            {line("add", "=", "Verify", verified(plan.options.verify).into_any())}
            {line("change", "~", "Switch", "Readers are sent to the target in one transaction. Until then the source serves.".into_any())}
            {line("remove", "−", "Later", plan.deletes.clone().into_any())}
        }
        .into_any()
    };
    view! {
        <ol class="planlines">{lines}</ol>
        {terms(plan)}
        {prefixes(plan)}
        {costs(plan)}
    }
    .into_any()
}

fn verified(how: VerifyLevel) -> &'static str {
    match how {
        VerifyLevel::Full => {
            "Every object is read back at the target and compared with the hash of what was read at the source."
        }
        VerifyLevel::Checksum => {
            "The checksum that the store keeps of each object is compared with that of the bytes read at the source; what has none is read back."
        }
        VerifyLevel::Size => "Names, sizes and times are compared; nothing is read back.",
    }
}

fn verified_in_place(how: VerifyLevel) -> &'static str {
    match how {
        VerifyLevel::Full => "Every object is read before and after, and both compared.",
        VerifyLevel::Checksum => {
            "The checksum that the store keeps of each object is compared before and after; what has none is read."
        }
        VerifyLevel::Size => "Names and sizes are compared; nothing is read.",
    }
}

/// Objects and bytes by the first folder of their names, where there is more than one.
fn prefixes(plan: &Plan) -> Option<AnyView> {
    if plan.prefixes.len() < 2 {
        return None;
    }
    let head = format!("By prefix: {}", counted(plan.prefixes.len(), "folder", "folders"));
    let rows = plan
        .prefixes
        .iter()
        .map(|p| {
            let name = match p.prefix.as_str() {
                "" => "in no folder".to_owned(),
                "…" => "all others".to_owned(),
                name => name.to_owned(),
            };
            view! {
                <tr><th scope="row" class="mono">{name}</th><td class="num">{count(p.object_count)}</td><td class="num">{p.size_bytes.to_string()}</td></tr>
            }
        })
        .collect_view();
    Some(
        view! {
            <details class="quiet" data-testid="by-prefix">
                <summary>{head}</summary>
                <div class="table-wrap">
                    <table class="costs">
                        <thead><tr><th scope="col">"Prefix"</th><th scope="col" class="num">"Objects"</th><th scope="col" class="num">"Size"</th></tr></thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
            </details>
        }
        .into_any(),
    )
}

fn line(tone: &'static str, sign: &'static str, verb: &'static str, text: AnyView) -> AnyView {
    let class = format!("sign {tone}");
    view! {
        <li>
            <span class=class aria-hidden="true">{sign}</span>
            <span class="strong">{verb}</span>
            <span>{text}</span>
        </li>
    }
    .into_any()
}

fn terms(plan: &Plan) -> AnyView {
    let time = plan.duration_secs.map_or_else(
        || "not known before the first moves have ended".to_owned(),
        |(fast, slow)| format!("{} to {}", duration(fast), duration(slow)),
    );
    let free = plan
        .target_free_bytes
        .map(|b| view! { <dt>"Space"</dt><dd>{format!("{b} free at the target")}</dd> });
    view! {
        <dl class="facts">
            <dt>"One-time cost"</dt><dd>{plan.one_time_nanousd.to_string()}</dd>
            <dt>"Saving a month"</dt><dd>{saving(plan.monthly_saving_nanousd)}</dd>
            <dt>"Time"</dt><dd>{time}</dd>
            {free}
        </dl>
    }
    .into_any()
}

/// What a move saves a month, in words where it is a loss, nothing or not known.
#[must_use]
pub fn saving(monthly: Option<NanoUsd>) -> AnyView {
    match monthly {
        None => view! { <span class="muted">"prices are not known"</span> }.into_any(),
        Some(s) if s.0.unsigned_abs() < NOTHING_NANOUSD => "none: it costs the same there".into_any(),
        Some(s) if s.0 < 0 => {
            view! { <span class="bad">{format!("{}: it costs more there", s)}</span> }.into_any()
        }
        Some(s) => view! { <span class="good strong">{s.to_string()}</span> }.into_any(),
    }
}

fn costs(plan: &Plan) -> Option<AnyView> {
    if plan.cost_lines.is_empty() {
        return None;
    }
    let rows = plan
        .cost_lines
        .iter()
        .map(|line| {
            let (kind, text) = (title(&line.kind), line.text.clone());
            view! {
                <tr><th scope="row">{kind}<span class="sub">{text}</span></th><td class="num">{line.amount_nanousd.to_string()}</td></tr>
            }
        })
        .collect_view();
    Some(
        view! {
            <div class="table-wrap">
                <table class="costs">
                    <thead><tr><th scope="col">"Charge"</th><th scope="col" class="num">"Once"</th></tr></thead>
                    <tbody>{rows}</tbody>
                    <tfoot><tr><th scope="row">"Total"</th><td class="num">{plan.one_time_nanousd.to_string()}</td></tr></tfoot>
                </table>
            </div>
        }
        .into_any(),
    )
}

/// The checks that the plan made, those that forbid the move first.
#[must_use]
pub fn checks(plan: &Plan) -> AnyView {
    let mut checks = plan.checks.clone();
    checks.sort_by_key(|c| c.ok);
    let skipped = (!plan.skipped.is_empty()).then(|| {
        let head = format!("{} left out", counted(plan.skipped.len(), "entry", "entries"));
        let rows = plan
            .skipped
            .iter()
            .map(|s| view! { <li><code>{s.path.clone()}</code>" – "{s.reason.clone()}</li> })
            .collect_view();
        view! { <details class="quiet"><summary>{head}</summary><ul class="stack-s small">{rows}</ul></details> }
    });
    view! {
        <ul class="checks" data-testid="checks">{checks.into_iter().map(check).collect_view()}</ul>
        {skipped}
    }
    .into_any()
}

fn check(check: PlanCheck) -> AnyView {
    let (class, picture, says) = if check.ok {
        ("ok", Icon::Check, "passed: ")
    } else {
        ("err", Icon::Alert, "forbids the move: ")
    };
    view! {
        <li class=class data-check=check.name.clone()>
            {icon(picture)}
            <span class="strong"><span class="visually-hidden">{says}</span>{title(&check.name)}</span>
            <span class="sub">{check.detail}</span>
        </li>
    }
    .into_any()
}
