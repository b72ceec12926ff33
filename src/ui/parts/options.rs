//! How a move is carried out: the fields that ask for it, and what a job was asked for.
//!
//! Invariant: the fields have the names of the plan's address, so that a plan with its options is a link.

use super::timeline::limit_line;
use crate::api::query::PlanQuery;
use crate::domain::migration::JobDetail;
use crate::domain::migration::options::VerifyLevel;
use leptos::prelude::*;

/// The fields, folded away unless one of them is set.
#[must_use]
pub fn options(query: &PlanQuery) -> AnyView {
    let set = query.fields().iter().skip(3).any(|(_, value)| value.is_some());
    let chosen = query
        .verify
        .clone()
        .unwrap_or_else(|| VerifyLevel::default().as_str().to_owned());
    let levels = [
        (VerifyLevel::Full, "Full: read every object back"),
        (VerifyLevel::Checksum, "Checksum: compare the store's own"),
        (VerifyLevel::Size, "Size: names, sizes and times alone"),
    ]
    .into_iter()
    .map(|(level, text)| {
        let selected = chosen == level.as_str();
        view! { <option value=level.as_str() selected=selected>{text}</option> }
    })
    .collect_view();
    let text = |id: &'static str,
                name: &'static str,
                label: &'static str,
                hint: &'static str,
                value: &Option<String>| {
        let value = value.clone().unwrap_or_default();
        view! {
            <div class="field">
                <label for=id>{label}</label>
                <input id=id name=name autocomplete="off" placeholder=hint value=value/>
            </div>
        }
        .into_any()
    };
    let kept = query.keep_source.is_some();
    let priority = query.priority.clone().unwrap_or_default();
    view! {
        <details class="quiet" open=set data-testid="options">
            <summary>"Check, budget, window and limits"</summary>
            <div class="form-grid options">
                <div class="field">
                    <label for="plan-verify">"How closely it is checked"</label>
                    <select id="plan-verify" name="verify">{levels}</select>
                </div>
                {text("plan-max-cost", "max_cost", "Most it may cost once, USD", "no limit", &query.max_cost)}
                {text("plan-max-bytes", "max_bytes", "Most bytes it may copy", "500GB", &query.max_bytes)}
                {text("plan-bandwidth", "bandwidth", "Bytes a second at most", "50MB", &query.bandwidth)}
                <div class="field">
                    <label for="plan-priority">"Priority, -10 to 10"</label>
                    <input id="plan-priority" name="priority" type="number" min="-10" max="10" step="1" placeholder="0" value=priority/>
                </div>
                {text("plan-window", "window", "Only in minutes that match (cron)", "* 22-23,0-5 * * *", &query.window)}
                {text("plan-zone", "time_zone", "By the clock of", "UTC", &query.time_zone)}
                <label class="check"><input type="checkbox" name="keep_source" value="yes" checked=kept/> "Keep the source for good"</label>
            </div>
        </details>
    }
    .into_any()
}

/// What a job was asked for, and what holds it back, as rows of a list of facts.
#[must_use]
pub fn asked(d: &JobDetail) -> AnyView {
    let o = &d.options;
    let window = o.window.as_ref().map(|w| format!("{} ({})", w.cron, w.time_zone));
    let budget: Vec<String> = [
        o.max_cost_nanousd.map(|usd| format!("{usd} once")),
        o.max_bytes.map(|bytes| format!("{bytes} copied")),
    ]
    .into_iter()
    .flatten()
    .collect();
    let limits = d
        .limits
        .iter()
        .map(|l| {
            let scope = match l.scope.split_once(':') {
                Some(("location", id)) => format!("location {id}"),
                Some(("job", _)) => "this job".to_owned(),
                _ => "all moves".to_owned(),
            };
            view! { <span class="sub">{format!("{scope}: {}", limit_line(l.bytes_per_sec, l.requests_per_sec))}</span> }
        })
        .collect_view();
    let unlimited = d.limits.is_empty();
    let source = if o.replicate {
        "serves on; the target is a second copy"
    } else if o.keep_source {
        "kept for good"
    } else {
        "kept for the grace period"
    };
    view! {
        <dt>"Check"</dt><dd>{o.verify.as_str()}</dd>
        <dt>"Priority"</dt><dd>{o.priority.to_string()}</dd>
        <dt>"Budget"</dt><dd>{if budget.is_empty() { "none".to_owned() } else { budget.join(", ") }}</dd>
        <dt>"Window"</dt><dd>{window.unwrap_or_else(|| "at any time".into())}</dd>
        <dt>"Limits"</dt><dd>{limits}{unlimited.then_some("none")}</dd>
        <dt>"Source"</dt><dd>{source}</dd>
    }
    .into_any()
}
