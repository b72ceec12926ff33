//! The name of a dataset, typed before its source may be deleted: on the plan's page and on that of a job that waits for an approval.
//!
//! Invariant: the server insists on the name whatever the browser did; a browser that knows `pattern` says it before anything is sent.

use crate::domain::migration::{Job, Plan};
use leptos::prelude::*;

/// The field. One that is `required` lets its form be sent with the right name only.
#[must_use]
pub fn typed_name(name: &str, required: bool) -> AnyView {
    let pattern = required.then(|| format!(r"\s*{}\s*", literal(name)));
    view! {
        <div class="field typed-name">
            <label for="typed-name">"Type the dataset's name, " <strong class="mono">{name.to_owned()}</strong> ", since its source is deleted later"</label>
            <input id="typed-name" name="typed_name" required=required pattern=pattern title="The dataset's name, as it is written above" autocomplete="off" autocapitalize="none" spellcheck="false" data-testid="typed-name"/>
        </div>
    }
    .into_any()
}

/// What an approval of this job sets going, and the form that gives it; nothing for a job that does not wait for one or deletes nothing.
#[must_use]
pub fn approval(job: &Job, plan: Option<&Plan>) -> Option<AnyView> {
    if !asks(job) {
        return None;
    }
    let (id, says) = (job.id.to_string(), format!("Approve job {}", job.id));
    let deletes = plan.map(|p| view! { <p class="small soft">{p.deletes.clone()}</p> });
    Some(
        view! {
            <section class="card" aria-labelledby="approval">
                <div class="card-head"><h2 id="approval">"Approve this move"</h2></div>
                <div class="card-body stack-s">
                    {deletes}
                    <form method="post" action="/api/fn/job-command" class="approve">
                        <input type="hidden" name="job_id" value=id/>
                        <input type="hidden" name="command" value="approve"/>
                        {typed_name(&job.dataset_name, true)}
                        <button type="submit" class="primary" aria-label=says data-testid="job-approve">"Approve"</button>
                    </form>
                </div>
            </section>
        }
        .into_any(),
    )
}

/// Whether its approval takes the name.
#[must_use]
pub fn asks(job: &Job) -> bool {
    job.deletes_source && job.actions.iter().any(|word| word == "approve")
}

/// A regular expression that fits this text alone.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if "^$\\.*+?()[]{}|/".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_pattern() {
        assert_eq!(literal("climate-2024"), "climate-2024");
        assert_eq!(literal("a.b (c)|d"), r"a\.b \(c\)\|d");
    }
}
