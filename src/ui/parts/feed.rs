//! The last events of the log as sentences, with a link to what each is about.

use super::badge::status_badge;
use super::icon::{Icon, icon};
use super::time::ago;
use crate::domain::access::AccessOp;
use crate::domain::event::DomainEvent;
use crate::domain::unit::Timestamp;
use crate::ui::format::count;
use leptos::prelude::*;

/// One event.
#[must_use]
pub fn event_line(event: DomainEvent) -> AnyView {
    let (at, text) = match event {
        DomainEvent::JobStatus(e) => {
            let line = view! {
                {status_badge(e.status)} " "
                <a href=format!("/jobs/{}", e.job_id)>{format!("Job {}", e.job_id)}</a>
                {format!(" moves {}", e.dataset_name)}
                {e.reason.map(|r| view! { <span class="sub clamp">{r}</span> })}
            };
            (e.updated_at, line.into_any())
        }
        DomainEvent::AccessEvent(e) => {
            let verb = match e.op {
                AccessOp::Read => "read",
                AccessOp::Write => "written",
            };
            let times = if e.count == 1 {
                String::new()
            } else {
                format!(" in {} accesses", count(e.count))
            };
            let what = format!("{} {verb}{times}", e.size_bytes);
            let whose = match (e.dataset_id, e.dataset_name) {
                (Some(id), Some(name)) => {
                    view! { " of " <a href=format!("/datasets/{id}")>{name}</a> }.into_any()
                }
                _ => view! { " of several datasets" }.into_any(),
            };
            (
                e.updated_at,
                view! { {icon(Icon::Dataset)} " " {what} {whose} }.into_any(),
            )
        }
        DomainEvent::Recommendation(e) => {
            let says = match (e.action.as_str(), e.proposed) {
                ("move", Some(to)) => format!(": move to {to}, saves {} a month", e.monthly_saving_nanousd),
                ("stay", _) => ": stay".to_owned(),
                _ => ": no history yet".to_owned(),
            };
            let line = view! {
                {icon(Icon::Advice)} " "
                <a href=format!("/datasets/{}", e.dataset_id)>{e.dataset_name}</a>
                {says}
                <span class="sub clamp">{e.reason}</span>
            };
            (e.updated_at, line.into_any())
        }
    };
    view! {
        <li data-testid="event">
            {ago(Timestamp::from_unix_secs(at))}
            <div>{text}</div>
        </li>
    }
    .into_any()
}
