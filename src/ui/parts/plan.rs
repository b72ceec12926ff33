//! A plan, as it prints itself in a terminal: what is copied, switched and deleted later; cost, time and checks.

use super::badge::badge;
use super::icon::Icon;
use super::place::place;
use crate::domain::migration::Plan;
use crate::ui::format::{duration, plural, words};
use leptos::prelude::*;

/// The plan.
#[must_use]
pub fn plan(plan: &Plan) -> AnyView {
    let what = format!("{}, {}", plural(plan.object_count, "object"), plan.size_bytes);
    let time = plan.duration_secs.map_or_else(
        || "not known before the first move between these places".to_owned(),
        |(fast, slow)| format!("{} to {}", duration(fast), duration(slow)),
    );
    let saving = plan.monthly_saving_nanousd;
    let free = plan.target_free_bytes.map(|b| format!("{b} free at the target"));
    view! {
        <ol class="planlines">
            <li>
                <span class="sign add" aria-hidden="true">"+"</span>
                <span class="strong">"Copy"</span>
                <span>{what} " to " {place(&plan.target_location_name, plan.target_class.as_str())}
                    <span class="sub mono">{plan.source_uri.to_string()}</span>
                    <span class="sub mono">{plan.target_uri.to_string()}</span>
                </span>
            </li>
            <li>
                <span class="sign add" aria-hidden="true">"="</span>
                <span class="strong">"Verify"</span>
                <span>"Every object is read back at the target and compared with the hash of what was read at the source."</span>
            </li>
            <li>
                <span class="sign change" aria-hidden="true">"~"</span>
                <span class="strong">"Switch"</span>
                <span>"Readers are sent to the target in one transaction. Until then the source serves."</span>
            </li>
            <li>
                <span class="sign remove" aria-hidden="true">"−"</span>
                <span class="strong">"Later"</span>
                <span>{plan.deletes.clone()}</span>
            </li>
        </ol>
        <dl class="facts">
            <dt>"One-time cost"</dt><dd>{plan.one_time_nanousd.to_string()}</dd>
            <dt>"Saving a month"</dt>
            <dd>{match saving {
                Some(s) if s.0 < 0 => view! { <span class="bad">{format!("{s}: it costs more there")}</span> }.into_any(),
                Some(s) => view! { <span class="good">{s.to_string()}</span> }.into_any(),
                None => view! { <span class="muted">"prices are not known"</span> }.into_any(),
            }}</dd>
            <dt>"Time"</dt><dd>{time}</dd>
            {free.map(|f| view! { <dt>"Space"</dt><dd>{f}</dd> })}
        </dl>
        {(!plan.cost_lines.is_empty()).then(|| view! {
            <div class="table-wrap"><table>
                <thead><tr><th scope="col">"Cost line"</th><th scope="col" class="num">"Amount"</th></tr></thead>
                <tbody>
                    {plan.cost_lines.iter().map(|line| view! {
                        <tr><td>{words(&line.kind)}<span class="sub">{line.text.clone()}</span></td><td class="num">{line.amount_nanousd.to_string()}</td></tr>
                    }).collect_view()}
                </tbody>
                <tfoot><tr><th scope="row">"Once"</th><td class="num">{plan.one_time_nanousd.to_string()}</td></tr></tfoot>
            </table></div>
        })}
    }
    .into_any()
}

/// The checks that the plan made.
#[must_use]
pub fn checks(plan: &Plan) -> AnyView {
    view! {
        <ul class="stack-s">
            {plan.checks.iter().map(|check| view! {
                <li class="row">
                    {if check.ok { badge("ok", Icon::Check, words(&check.name)) } else { badge("err", Icon::Alert, words(&check.name)) }}
                    <span class="small soft">{check.detail.clone()}</span>
                </li>
            }).collect_view()}
        </ul>
        {(!plan.skipped.is_empty()).then(|| view! {
            <details class="quiet">
                <summary>{format!("{} left out", plural(i64::try_from(plan.skipped.len()).unwrap_or(0), "entry").replace("entrys", "entries"))}</summary>
                <ul class="stack-s small">
                    {plan.skipped.iter().map(|s| view! { <li><code>{s.path.clone()}</code>" – "{s.reason.clone()}</li> }).collect_view()}
                </ul>
            </details>
        })}
    }
    .into_any()
}
