//! The placement policy, brought to this morning: once a day for all datasets, and again when more of the past became known.
//!
//! Invariant: what is kept is a pure function of the accesses by day. A stream whose kept days are not the ones that are in the
//! database (a history was imported, events came late, a write broke off) is lived again from its first day. Without advice a
//! recommendation rests on the stated forecast alone.

use super::Recommender;
use super::choice::Choice;
use crate::adapters::sql::policy::{self as rows, StateRow, StreamRow};
use crate::adapters::sql::recommendation_inputs as inputs;
use crate::domain::id::DatasetId;
use crate::domain::placement::stream::{Member, Stream};
use crate::domain::price::dense;
use crate::domain::price::transfer::Priced;
use crate::domain::recommendation::problem::{Candidate, Guidance, Problem};
use crate::domain::recommendation::quote::HORIZON_DAYS;
use crate::domain::recommendation::solve::open_candidates;
use crate::domain::recommendation::{Confidence, PlacementRef};
use crate::domain::unit::{Bytes, Timestamp};
use crate::services::{ServiceError, ServiceResult};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Datasets that are read, and written, at a time.
const BATCH: usize = 256;
/// A fleet above this gets no advice: its states would take more than about 200 MB while a day passes.
const MOST_DATASETS: usize = 50_000;
/// Placements above this get no advice: the value tables grow with their square.
const MOST_CANDIDATES: usize = 12;
/// Days of history that some dataset must have before the policy says anything.
const FIRST_ADVICE_DAYS: i64 = 28;
/// Days of history that are lived through, as for the forecast.
const HISTORY_DAYS: i64 = 1_200;
/// Between two times that the past changed under the policy at least this, and twenty times what living through it took.
const REST: Duration = Duration::from_secs(5);
const REST_FACTOR: u32 = 20;

/// What the last advice was made from, and how long that took.
#[derive(Clone, Debug)]
pub(super) struct Guided {
    day: i64,
    places: String,
    datasets: i64,
    past: i64,
    at: Instant,
    took: Duration,
}

struct Subject {
    dataset: DatasetId,
    /// By placement: tenths of its reads that leave the location.
    outside_tenths: Vec<i64>,
    placements: Vec<PlacementRef>,
    files_per_gb: f64,
    member: Member,
}

impl Recommender {
    /// Brings the policy to this morning, when the day, the places or the known past have changed. True when advice changed.
    pub(super) async fn guide(&self, choice: &Arc<Choice>) -> ServiceResult<bool> {
        let began = Instant::now();
        let today = self.deps.clock.now().day();
        let (datasets, past) = {
            let mut conn = self.deps.store.reader().await?;
            inputs::known_past(&mut conn, Timestamp(today * Timestamp::DAY)).await?
        };
        let mut last = self.shared.guided.lock().await;
        if let Some(last) = &*last {
            let same = (last.day, &*last.places, last.datasets, last.past)
                == (today, choice.places(), datasets, past);
            let soon = last.day == today && last.at.elapsed() < (last.took * REST_FACTOR).max(REST);
            if same || soon {
                return Ok(false);
            }
        }
        let changed = self.live(choice, today, datasets).await?;
        *last = Some(Guided {
            day: today,
            places: choice.places().to_owned(),
            datasets,
            past,
            at: Instant::now(),
            took: began.elapsed(),
        });
        Ok(changed)
    }

    async fn live(&self, choice: &Arc<Choice>, today: i64, datasets: i64) -> ServiceResult<bool> {
        if usize::try_from(datasets).unwrap_or(usize::MAX) > MOST_DATASETS {
            tracing::warn!(
                datasets,
                most = MOST_DATASETS,
                "too many datasets for the policy; recommendations rest on the forecast alone"
            );
            return Ok(false);
        }
        let mut streams: BTreeMap<String, Vec<Subject>> = BTreeMap::new();
        for subject in self.subjects(choice, today).await? {
            let mut hash = blake3::Hasher::new();
            for place in &subject.placements {
                hash.update(format!("{}/{}\n", place.location_id, place.storage_class).as_bytes());
            }
            let name = hash.finalize().to_hex()[..16].to_owned();
            streams.entry(name).or_default().push(subject);
        }
        streams.retain(|_, members| {
            let first = members.iter().map(|s| s.member.first_day).min();
            first.is_some_and(|day| today - day >= FIRST_ADVICE_DAYS)
        });
        let mut changed = false;
        for (name, subjects) in streams {
            changed |= self.live_stream(name, subjects, today).await?;
        }
        let mut tx = self.deps.store.write().await?;
        rows::forget_before(&mut tx, today).await?;
        tx.commit().await?;
        Ok(changed)
    }

    /// Every dataset with a past and a choice.
    async fn subjects(&self, choice: &Arc<Choice>, today: i64) -> ServiceResult<Vec<Subject>> {
        let now = self.deps.clock.now();
        let grace_days = self.deps.options.grace_secs as f64 / 86_400.0;
        let since = now.plus_micros(-HISTORY_DAYS * Timestamp::DAY);
        let mut found = Vec::new();
        let mut after = DatasetId(0);
        loop {
            let mut snapshot = self.deps.store.snapshot().await?;
            let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
            let ids = inputs::ids(&mut snapshot, after, limit).await?;
            let Some(last) = ids.last() else { break };
            after = *last;
            let subjects = inputs::subjects(&mut snapshot, &ids).await?;
            let mut days = inputs::days(&mut snapshot, &ids, since).await?;
            let stays = inputs::stays(&mut snapshot, &ids, now).await?;
            drop(snapshot);
            for subject in subjects {
                let own = subject.dataset;
                let verdict = choice.verdict(&own);
                let dataset = verdict.applied_to(&own);
                let days = days.remove(&dataset.id).unwrap_or_default();
                let Some(current) = choice.current(&dataset) else {
                    continue;
                };
                let stay = stays.get(&dataset.id);
                let placed_at = stay.map_or(dataset.created_at, |s| s.placed_at);
                let problem = Problem {
                    dataset: &dataset,
                    current,
                    days_held: now.since(placed_at).max(0) / Timestamp::DAY,
                    days: &days,
                    readers: &choice.readers(
                        stay.map_or(dataset.location_id, |s| s.home),
                        stay.and_then(|s| s.readers.as_ref()),
                    ),
                    candidates: &choice.candidates(&dataset, &verdict),
                    guidance: None,
                    is_moving: false,
                    now,
                    horizon_days: HORIZON_DAYS,
                    grace_days,
                };
                found.extend(subject_of(&problem, today));
            }
        }
        Ok(found)
    }

    async fn live_stream(&self, name: String, mut subjects: Vec<Subject>, today: i64) -> ServiceResult<bool> {
        let kept = {
            let mut conn = self.deps.store.reader().await?;
            rows::stream(&mut conn, &name).await?
        };
        let (kept, states) = match kept {
            Some(row) => (Some(row), self.states(&name).await?),
            None => (None, Vec::new()),
        };
        let (stream, subjects, resumed) = tokio::task::spawn_blocking(move || {
            let standing_for_all = typical(&subjects);
            let problem = subjects[standing_for_all].member.problem.clone();
            let resumed = kept.and_then(|row| resume(&row, states, &mut subjects, today));
            let was_resumed = resumed.is_some();
            let mut stream = resumed.unwrap_or_else(|| {
                let first = subjects.iter().map(|s| s.member.first_day).min().unwrap_or(today);
                Stream::begin(&problem, first)
            });
            // The members are lent to the stream in the order of ids, which is always the same.
            let mut members: Vec<Member> = Vec::with_capacity(subjects.len());
            let mut rest = Vec::with_capacity(subjects.len());
            for s in subjects {
                rest.push((s.dataset, s.outside_tenths, s.placements, s.files_per_gb));
                members.push(s.member);
            }
            stream.advance(&problem, &mut members, today);
            let subjects: Vec<Subject> = rest
                .into_iter()
                .zip(members)
                .map(
                    |((dataset, outside_tenths, placements, files_per_gb), member)| Subject {
                        dataset,
                        outside_tenths,
                        placements,
                        files_per_gb,
                        member,
                    },
                )
                .collect();
            (stream, subjects, was_resumed)
        })
        .await
        .map_err(ServiceError::internal)?;
        tracing::debug!(
            stream = name,
            datasets = subjects.len(),
            resumed,
            "the policy has come to this morning"
        );
        let body = |e: serde_json::Error| ServiceError::internal(e);
        for batch in subjects.chunks(BATCH) {
            let mut tx = self.deps.store.write().await?;
            for subject in batch {
                let row = StateRow {
                    dataset: subject.dataset,
                    day: today,
                    body: serde_json::to_string(&subject.member.state).map_err(body)?,
                };
                let guidance = guidance(&stream, subject);
                rows::put_state(&mut tx, &name, &row, guidance.as_ref()).await?;
            }
            tx.commit().await?;
        }
        let row = StreamRow {
            id: name,
            day: today,
            consumed: consumed(&subjects, today),
            body: serde_json::to_string(&stream).map_err(body)?,
        };
        let mut tx = self.deps.store.write().await?;
        rows::put_stream(&mut tx, &row).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn states(&self, stream: &str) -> ServiceResult<Vec<StateRow>> {
        let mut all: Vec<StateRow> = Vec::new();
        loop {
            let after = all.last().map_or(DatasetId(0), |row| row.dataset);
            let mut conn = self.deps.store.reader().await?;
            let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
            let page = rows::states(&mut conn, stream, after, limit).await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }
}

/// The policy takes today's readers for those of the whole past: in steps that seldom change, so that it is seldom lived again.
fn tenths(share: f64) -> i64 {
    (share * 10.0).round() as i64
}

/// A dataset as the policy sees it; `None` without a past, a size or another place to be.
fn subject_of(p: &Problem<'_>, today: i64) -> Option<Subject> {
    let held = p.held();
    let past = || p.days.iter().filter(|d| d.start.day() <= today);
    let first_day = past()
        .filter(|d| d.reads + d.writes > 0)
        .map(|d| d.start.day())
        .min()?;
    if held.size_bytes == Bytes::ZERO {
        return None;
    }
    let mut open = open_candidates(p)?;
    if open.len() < 2 || open.len() > MOST_CANDIDATES {
        return None;
    }
    let place = |c: &Candidate<'_>| (c.placement.location_id, c.placement.storage_class.to_string());
    let here = place(&p.current);
    open.sort_by_key(|c| place(c));
    let hot = open.iter().position(|c| place(c) == here)?;
    let outside = |at: Priced<'_>| {
        let elsewhere = p
            .readers
            .iter()
            .filter(|r| r.provider != at.book.provider || r.region != at.book.region);
        tenths(elsewhere.map(|r| r.share).sum())
    };
    let outside_tenths: Vec<i64> = open.iter().filter_map(|c| Some(outside(c.at?))).collect();
    let choices: Vec<dense::Choice<'_>> = open
        .iter()
        .filter_map(|c| {
            let at = c.at?;
            Some(dense::Choice {
                name: c.placement.to_string(),
                at,
                location: c.placement.location_id.0,
                outside_share: outside(at) as f64 / 10.0,
            })
        })
        .collect();
    let problem = dense::problem(&choices, held, hot, p.grace_days).ok()?;
    let size = held.size_bytes.0 as f64;
    let reads = past()
        .filter(|d| d.reads > 0)
        .map(|d| (d.start.day(), d.read_bytes.0 as f64 / size));
    Some(Subject {
        dataset: p.dataset.id,
        outside_tenths,
        placements: open.iter().map(|c| c.placement.clone()).collect(),
        files_per_gb: held.object_count as f64 / held.size_bytes.as_gb(),
        member: Member {
            problem,
            first_day,
            reads: reads.collect(),
            days_held: u32::try_from(p.days_held).unwrap_or(0),
            state: None,
        },
    })
}

/// The dataset in the middle by files per GB.
fn typical(subjects: &[Subject]) -> usize {
    let mut order: Vec<usize> = (0..subjects.len()).collect();
    order.sort_by(|a, b| subjects[*a].files_per_gb.total_cmp(&subjects[*b].files_per_gb));
    order[order.len() / 2]
}

/// Tells pasts apart: dataset-days with a read before `day`, those whose evening has been lived, and where the readers are.
fn consumed(subjects: &[Subject], day: i64) -> i64 {
    let before = |s: &Subject| {
        let days = s.member.reads.iter().filter(|(on, _)| *on < day).count();
        i64::try_from(days).unwrap_or(i64::MAX)
    };
    let lived = subjects.iter().filter(|s| s.member.first_day <= day);
    lived.fold(0_i64, |sum, s| {
        let mark = s
            .outside_tenths
            .iter()
            .fold(s.dataset.0, |mark, t| mark.wrapping_mul(31).wrapping_add(*t));
        sum.wrapping_add(before(s)).wrapping_add(mark)
    })
}

/// The kept stream with its datasets' states, if it is whole and its past is the one that is known now.
fn resume(row: &StreamRow, states: Vec<StateRow>, subjects: &mut [Subject], today: i64) -> Option<Stream> {
    if row.day > today || consumed(subjects, row.day) != row.consumed {
        return None;
    }
    let stream: Stream = serde_json::from_str(&row.body).ok()?;
    let mut kept: BTreeMap<DatasetId, StateRow> = states.into_iter().map(|s| (s.dataset, s)).collect();
    for subject in subjects.iter_mut() {
        match kept.remove(&subject.dataset) {
            Some(state) if state.day == row.day => {
                subject.member.state = serde_json::from_str(&state.body).ok()?;
            }
            // One that is new since then is born on its day; one that had lived before must be lived again.
            None if subject.member.first_day > row.day => {}
            _ => {
                subjects.iter_mut().for_each(|s| s.member.state = None);
                return None;
            }
        }
    }
    Some(stream)
}

fn guidance(stream: &Stream, subject: &Subject) -> Option<Guidance> {
    let advice = stream.advice(&subject.member)?;
    let to = subject.placements.get(advice.to)?;
    Some(Guidance {
        location_id: to.location_id,
        storage_class: to.storage_class.clone(),
        cell: Some(format!(
            "datasets that are read and idle like this one were read {:.2} times in the quarter that followed",
            advice.quarter_reads
        )),
        confidence: advice.confidence.map(|c| Confidence {
            probability: c.chance,
            calibrated_on: if c.is_calibrated() {
                format!(
                    "calibrated on {} earlier proposals of this fleet, each judged after 90 days",
                    c.outcomes
                )
            } else {
                format!(
                    "not calibrated yet: drawn futures, {} earlier proposals judged so far",
                    c.outcomes
                )
            },
        }),
    })
}
