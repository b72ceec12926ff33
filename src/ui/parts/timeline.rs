//! A job over time: stages as bars, how fast bytes went, and a slider that shows how it stood at any instant.
//!
//! Invariant: only recorded events and samples are drawn; each chart has its figures as a table.

use super::ask::ask;
use super::badge::status_badge;
use super::time::moment;
use crate::domain::migration::timeline::{Moment, Rate, Sample, Span, at, rates, spans};
use crate::domain::migration::{JobDetail, JobStatus};
use crate::domain::unit::{Bytes, Timestamp};
use crate::ui::format::{clock, count, duration, percent, rate, title};
use leptos::prelude::*;
use std::fmt::Write;

/// Width of the charts in their own units.
const WIDTH: f64 = 1_000.0;
/// Rows of the table of rates.
const ROWS_MAX: usize = 24;
/// Steps of the slider.
const STEPS: i64 = 1_000;

/// First and last instant that the charts show.
fn extent(d: &JobDetail, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let first = d.events.first()?.at;
    let last = d.events.last()?.at;
    let ended = d.job.finished_at.is_some() && spans(&d.events).last().is_none_or(|s| s.to.is_some());
    let end = if ended { last } else { now.max(last) };
    // A job that ended at once still has a width.
    Some((first, end.max(first.plus_micros(Timestamp::SECOND / 1_000))))
}

fn place(t: Timestamp, (from, to): (Timestamp, Timestamp)) -> f64 {
    let whole = to.since(from).max(1) as f64;
    (t.since(from) as f64 / whole * WIDTH).clamp(0.0, WIDTH)
}

/// Stages as bars, every run by itself.
#[must_use]
pub fn gantt(d: &JobDetail, now: Timestamp) -> AnyView {
    let Some(ends) = extent(d, now) else {
        return ().into_any();
    };
    let rows = spans(&d.events).into_iter().map(|s| row(&s, ends)).collect_view();
    let (from, to) = (clock(ends.0), clock(ends.1));
    view! {
        <div class="gantt" data-testid="gantt">
            <ol>{rows}</ol>
            <p class="gantt-axis small muted" aria-hidden="true"><span>{from}</span><span>{to}</span></p>
        </div>
    }
    .into_any()
}

fn row(s: &Span, ends: (Timestamp, Timestamp)) -> AnyView {
    let (x, end) = (place(s.from, ends), place(s.to.unwrap_or(ends.1), ends));
    // A stage of a blink is seen as well.
    let width = (end - x).max(4.0).min(WIDTH - x.min(WIDTH - 4.0));
    let x = x.min(WIDTH - 4.0);
    let took = s.to.unwrap_or(ends.1).since(s.from);
    let took = match s.to {
        Some(_) => length(took),
        None => format!("{} so far", length(took)),
    };
    let class = match s.status {
        JobStatus::Copying => "s1",
        JobStatus::Verifying => "s2",
        JobStatus::Switching => "s-switch",
        _ => "s3",
    };
    let run = (s.attempt > 1).then(|| format!(" run {}", s.attempt));
    view! {
        <li>
            <span class="gantt-name">{title(s.status.as_str())}<span class="muted">{run}</span></span>
            <svg viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
                <rect class="track" width="1000" height="10"></rect>
                <rect class=class x=format!("{x:.1}") width=format!("{width:.1}") height="10"></rect>
            </svg>
            <span class="num small">{took}</span>
        </li>
    }
    .into_any()
}

/// A length; below ten seconds with its fraction.
fn length(micros: i64) -> String {
    match micros {
        ..1_000_000 => format!("{} ms", micros.max(0) / 1_000),
        1_000_000..10_000_000 => format!("{:.1} s", micros as f64 / 1e6),
        _ => duration(micros / 1_000_000),
    }
}

/// How fast bytes went, from sample to sample.
#[must_use]
pub fn throughput(d: &JobDetail, now: Timestamp) -> AnyView {
    let seen = rates(&d.samples);
    let Some(ends) = extent(d, now) else {
        return ().into_any();
    };
    if seen.is_empty() {
        return view! { <p class="small muted">"No throughput to draw: it is sampled once a second, and there are not two samples of a stage yet."</p> }
            .into_any();
    }
    let top = seen.iter().map(|r| r.bytes_per_sec).max().unwrap_or(1).max(1);
    let of = |stage| {
        seen.iter()
            .filter(move |r: &&Rate| r.stage == stage)
            .copied()
            .collect::<Vec<_>>()
    };
    let (copied, verified) = (of(JobStatus::Copying), of(JobStatus::Verifying));
    let mean = |rates: &[Rate]| {
        let micros: i64 = rates.iter().map(|r| r.to.since(r.from)).sum();
        let bytes: f64 = rates
            .iter()
            .map(|r| r.bytes_per_sec as f64 * r.to.since(r.from) as f64 / 1e6)
            .sum();
        (micros > 0).then(|| rate((bytes / (micros as f64 / 1e6)) as i64))
    };
    let told: Vec<String> = [("copying", mean(&copied)), ("verifying", mean(&verified))]
        .into_iter()
        .filter_map(|(word, mean)| mean.map(|m| format!("{word} {m} on average")))
        .collect();
    let desc = format!(
        "{}; at most {}.",
        told.join(", "),
        rate(i64::try_from(top).unwrap_or(i64::MAX))
    );
    let says = format!("Throughput. {desc}");
    let (a, b) = (path(&copied, ends, top), path(&verified, ends, top));
    let (from, to) = (clock(ends.0), clock(ends.1));
    let peak = rate(i64::try_from(top).unwrap_or(i64::MAX));
    view! {
        <figure class="stack-s" data-testid="throughput">
            <p class="legend">
                <span><svg class="key" viewBox="0 0 10 10" aria-hidden="true"><rect class="s1" width="10" height="10" rx="2"></rect></svg>"copying"</span>
                <span><svg class="key" viewBox="0 0 10 10" aria-hidden="true"><rect class="s2" width="10" height="10" rx="2"></rect></svg>"verifying"</span>
            </p>
            <div class="chart low">
                <div class="y" aria-hidden="true"><span>{peak}</span><span>"0"</span></div>
                <svg role="img" aria-label=says viewBox="0 0 1000 100" preserveAspectRatio="none">
                    <title>"Throughput"</title>
                    <desc>{desc.clone()}</desc>
                    <path class="grid-line" fill="none" d="M0 0H1000M0 50H1000M0 100H1000"></path>
                    <path class="s1" d=a></path>
                    <path class="s2" d=b></path>
                </svg>
                <div class="x" aria-hidden="true"><span>{from}</span><span>{to}</span></div>
            </div>
            <figcaption class="small muted">{desc}</figcaption>
        </figure>
        <details class="quiet">
            <summary>"The same as a table"</summary>
            {table(&seen)}
        </details>
    }
    .into_any()
}

fn path(rates: &[Rate], ends: (Timestamp, Timestamp), top: u64) -> String {
    let mut d = String::new();
    for r in rates {
        let (x, end) = (place(r.from, ends), place(r.to, ends));
        let height = r.bytes_per_sec as f64 / top as f64 * 100.0;
        let width = (end - x).max(1.0);
        // Writing to a String cannot fail.
        let _ = write!(d, "M{x:.1} {:.1}h{width:.1}V100h-{width:.1}z", 100.0 - height);
    }
    d
}

fn table(seen: &[Rate]) -> AnyView {
    let step = seen.len().div_ceil(ROWS_MAX).max(1);
    let rows = seen
        .chunks(step)
        .filter_map(|chunk| {
            let (first, last) = (chunk.first()?, chunk.last()?);
            let (from, stage) = (clock(first.from), title(first.stage.as_str()));
            let span = length(last.to.since(first.from));
            let bytes: f64 = chunk
                .iter()
                .map(|r| r.bytes_per_sec as f64 * r.to.since(r.from) as f64)
                .sum();
            let micros: i64 = chunk.iter().map(|r| r.to.since(r.from)).sum();
            let speed = rate((bytes / micros.max(1) as f64) as i64);
            Some(view! { <tr><td>{from}</td><td>{stage}</td><td class="num">{span}</td><td class="num">{speed}</td></tr> })
        })
        .collect_view();
    view! {
        <div class="table-wrap" role="region" aria-label="Throughput" tabindex="0">
            <table>
                <thead><tr><th scope="col">"From (UTC)"</th><th scope="col">"Stage"</th><th scope="col" class="num">"For"</th><th scope="col" class="num">"Bytes a second"</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// A slider over an ended job: a form that shows the page at that instant, which the frame sends while the slider moves.
#[must_use]
pub fn replay(d: &JobDetail, chosen: Option<i64>) -> AnyView {
    let Some(ends) = extent(d, Timestamp(0)) else {
        return ().into_any();
    };
    let step = chosen.unwrap_or(STEPS).clamp(0, STEPS);
    let action = format!("/jobs/{}", d.job.id);
    let part = i128::from(ends.1.since(ends.0)) * i128::from(step) / i128::from(STEPS);
    let when = ends.0.plus_micros(i64::try_from(part).unwrap_or(0));
    let told = at(&d.events, &d.samples, when);
    let fields = view! {
        <label for="replay-at" class="small soft">"How it stood"</label>
        <input
            id="replay-at"
            name="at"
            type="range"
            min="0"
            max=STEPS.to_string()
            value=step.to_string()
            data-testid="replay-at"
            data-send=""
        />
        <button type="submit" class="no-js">"Show"</button>
    }
    .into_any();
    view! {
        <div class="replay">
            {ask(action, "", "Replay this job", fields)}
            <div aria-live="polite"><p class="row" data-testid="replayed">{moment(when)} {told.map(told_of)}</p></div>
        </div>
    }
    .into_any()
}

fn told_of(m: Moment) -> AnyView {
    let run = (m.attempt > 1).then(|| format!("run {}", m.attempt));
    let far = m.sample.map(|s: Sample| {
        format!(
            "{} of {} ({} %), {} of {} objects",
            s.bytes_done,
            s.bytes_total,
            percent(s.bytes_done.0, s.bytes_total.0.max(1)),
            count(s.objects_done),
            count(s.objects_total)
        )
    });
    let why = m.reason.filter(|_| far.is_none());
    view! { {status_badge(m.status)} <span class="small soft">{run} " " {far} {why}</span> }.into_any()
}

/// A limit in words.
#[must_use]
pub fn limit_line(bytes: Option<Bytes>, objects: Option<u32>) -> String {
    let parts: Vec<String> = [
        bytes.map(|b| format!("{b}/s")),
        objects.map(|n| format!("{n} objects/s")),
    ]
    .into_iter()
    .flatten()
    .collect();
    parts.join(", ")
}
