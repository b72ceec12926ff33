//! A look at some datasets: load what their answers rest on, solve, keep what is new.
//!
//! Invariant: everything of a look is read at one instant, and a dataset that changed before its answer is kept is left for the next
//! look. Head, body, the dataset's own columns and the event change in one transaction.

use super::Recommender;
use super::choice::Choice;
use crate::adapters::sql::recommendation_inputs::{self as inputs, Seen, Stay, Subject};
use crate::adapters::sql::recommendations::{self as rows, Marks};
use crate::adapters::sql::{events, jobs, policy};
use crate::domain::access::AccessBucket;
use crate::domain::event::{DomainEvent, RecommendationLogged};
use crate::domain::id::DatasetId;
use crate::domain::recommendation::change::{change, is_news, is_same_answer};
use crate::domain::recommendation::problem::{Guidance, Problem};
use crate::domain::recommendation::quote::HORIZON_DAYS;
use crate::domain::recommendation::solve::solve;
use crate::domain::recommendation::{Reason, Recommendation};
use crate::domain::unit::Timestamp;
use crate::services::{Deps, ServiceError, ServiceResult};
use std::collections::HashMap;
use std::sync::Arc;

/// Days of history that are looked at: of older reads the longest memory keeps less than a twentieth.
pub(super) const HISTORY_DAYS: i64 = 1_200;
/// How often a dataset that changes under the look is looked at again at once.
const ATTEMPTS: u32 = 3;

/// What one answer is made from.
struct Input {
    subject: Subject,
    days: Vec<AccessBucket>,
    stay: Stay,
    is_moving: bool,
    stored: Option<Recommendation>,
    guidance: Option<Guidance>,
}

/// What a look did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Looked {
    /// Datasets whose answer was computed and still stood.
    pub(super) datasets: u64,
    /// Of them, those with a new version.
    pub(super) changed: u64,
}

impl Recommender {
    /// The recommendation of one dataset, looked at now.
    pub(super) async fn look_at_one(&self, id: DatasetId) -> ServiceResult<Recommendation> {
        for _ in 0..ATTEMPTS {
            let choice = self.choice().await?;
            let (now, answers) = self.answers(&choice, &[id]).await?;
            let Some((input, fresh)) = answers.first() else {
                return Err(ServiceError::not_found("dataset", id));
            };
            // Most looks find what is stored: a page view then writes nothing.
            if let (Some(stored), Some(fresh)) = (&input.stored, fresh)
                && change(Some(stored), fresh).is_none()
            {
                return Ok(stored.clone());
            }
            if self.keep(&choice, answers, now).await?.datasets > 0 {
                let mut conn = self.deps.store.reader().await?;
                if let Some(stored) = rows::of(&mut conn, &[id]).await?.remove(&id) {
                    return Ok(stored);
                }
            }
        }
        Err(ServiceError::conflict(
            "dataset_changing",
            format!(
                "the dataset {id} changes again and again while its recommendation is made; ask again in a moment"
            ),
        ))
    }

    pub(super) async fn choice(&self) -> ServiceResult<Arc<Choice>> {
        let mut conn = self.deps.store.reader().await?;
        Ok(Arc::new(Choice::load(&mut conn, &self.deps.prices).await?))
    }

    /// What [`Self::look_at_one`] would give, without writing anything: a stored version that still holds, or the new one.
    pub(super) async fn peek(&self, choice: &Arc<Choice>, id: DatasetId) -> ServiceResult<Recommendation> {
        let (_, mut answers) = self.answers(choice, &[id]).await?;
        let gone = || ServiceError::not_found("dataset", id);
        let (input, fresh) = answers.pop().ok_or_else(gone)?;
        let fresh = fresh.ok_or_else(gone)?;
        let is_new = change(input.stored.as_ref(), &fresh).is_some();
        Ok(input.stored.filter(|_| !is_new).unwrap_or(fresh))
    }

    /// Looks at these datasets and keeps what is new.
    pub(super) async fn look(&self, choice: &Arc<Choice>, ids: &[DatasetId]) -> ServiceResult<Looked> {
        let (now, answers) = self.answers(choice, ids).await?;
        self.keep(choice, answers, now).await
    }

    async fn answers(
        &self,
        choice: &Arc<Choice>,
        ids: &[DatasetId],
    ) -> ServiceResult<(Timestamp, Vec<(Input, Option<Recommendation>)>)> {
        let now = self.deps.clock.now();
        let inputs = load(&self.deps, ids, now).await?;
        let grace_days = self.deps.options.grace_secs as f64 / 86_400.0;
        let shared = choice.clone();
        // Hundreds of answers take some tens of milliseconds, which would hold a thread that serves requests.
        let answers = tokio::task::spawn_blocking(move || {
            let answer = |input: Input| {
                let fresh = answer(&shared, &input, now, grace_days);
                (input, fresh)
            };
            inputs.into_iter().map(answer).collect()
        })
        .await
        .map_err(ServiceError::internal)?;
        Ok((now, answers))
    }

    async fn keep(
        &self,
        choice: &Choice,
        answers: Vec<(Input, Option<Recommendation>)>,
        now: Timestamp,
    ) -> ServiceResult<Looked> {
        let seen = Seen {
            choice: choice.digest(),
            day: now.day(),
        };
        let ids: Vec<DatasetId> = answers.iter().map(|(i, _)| i.subject.dataset.id).collect();
        let mut looked = Looked::default();
        let mut news = Vec::new();
        let mut tx = self.deps.store.write().await?;
        let present = inputs::generations(&mut tx, &ids).await?;
        for (input, fresh) in answers {
            let (dataset, Some(mut fresh)) = (&input.subject.dataset, fresh) else {
                continue;
            };
            if present.get(&dataset.id) != Some(&dataset.generation) {
                continue;
            }
            looked.datasets += 1;
            let marks = Marks {
                generation: dataset.generation,
                last_access: input.subject.last_access,
                seen,
            };
            let Some(because) = change(input.stored.as_ref(), &fresh) else {
                rows::mark(&mut tx, dataset.id, marks).await?;
                continue;
            };
            looked.changed += 1;
            fresh.changed_because = because;
            let same = input
                .stored
                .as_ref()
                .is_some_and(|old| is_same_answer(old, &fresh));
            rows::put(&mut tx, &fresh, marks, same).await?;
            if is_news(input.stored.as_ref(), &fresh) {
                news.push(logged(&fresh));
            }
        }
        let told = !news.is_empty();
        events::append(&mut tx, news).await?;
        tx.commit().await?;
        if told {
            self.deps.live.nudge();
        }
        Ok(looked)
    }
}

/// Everything of a look, read at one instant.
async fn load(deps: &Deps, ids: &[DatasetId], now: Timestamp) -> ServiceResult<Vec<Input>> {
    let mut snapshot = deps.store.snapshot().await?;
    let subjects = inputs::subjects(&mut snapshot, ids).await?;
    let since = now.plus_micros(-HISTORY_DAYS * Timestamp::DAY);
    let mut days = inputs::days(&mut snapshot, ids, since).await?;
    let mut stays = inputs::stays(&mut snapshot, ids, now).await?;
    let moving = jobs::live_of(&mut snapshot, ids).await?;
    let mut stored: HashMap<_, _> = rows::of(&mut snapshot, ids).await?;
    // Until the policy has come to this morning, yesterday's word holds.
    let mut guidance = policy::guidance(&mut snapshot, ids, now.day() - 1).await?;
    Ok(subjects
        .into_iter()
        .map(|subject| {
            let id = subject.dataset.id;
            Input {
                days: days.remove(&id).unwrap_or_default(),
                stay: stays.remove(&id).unwrap_or(Stay {
                    placed_at: subject.dataset.created_at,
                    home: subject.dataset.location_id,
                    copies: 1,
                    readers: None,
                }),
                is_moving: moving.contains_key(&id),
                stored: stored.remove(&id),
                guidance: guidance.remove(&id),
                subject,
            }
        })
        .collect())
}

/// `None` when the dataset's location has gone from the choice: the next look knows more.
fn answer(choice: &Choice, input: &Input, now: Timestamp, grace_days: f64) -> Option<Recommendation> {
    let own = &input.subject.dataset;
    let verdict = choice.verdict(own);
    let dataset = &verdict.applied_to(own);
    let current = choice.current(dataset)?;
    let broken = [
        choice
            .broken(dataset, &verdict)
            .map(|rule| format!("it stands on {}, but {rule}", dataset.location_name)),
        verdict.too_few(input.stay.copies),
    ];
    let mut answer = solve(&Problem {
        dataset,
        current,
        days_held: now.since(input.stay.placed_at).max(0) / Timestamp::DAY,
        days: &input.days,
        readers: &choice.readers(input.stay.home, input.stay.readers.as_ref()),
        candidates: &choice.candidates(dataset, &verdict),
        guidance: input.guidance.as_ref(),
        is_moving: input.is_moving,
        now,
        horizon_days: HORIZON_DAYS,
        grace_days,
    });
    let broken = broken
        .into_iter()
        .flatten()
        .map(|rule| Reason::RuleBroken { rule });
    answer.reasons.splice(0..0, broken);
    Some(answer)
}

fn logged(r: &Recommendation) -> DomainEvent {
    DomainEvent::Recommendation(RecommendationLogged {
        seq: 0,
        dataset_id: r.dataset_id,
        dataset_name: r.dataset_name.to_string(),
        action: r.action.as_str().to_owned(),
        proposed: r.proposed.as_ref().map(ToString::to_string),
        monthly_saving_nanousd: r.monthly_saving_nanousd,
        reason: r.changed_because.clone(),
        updated_at: r.updated_at.unix_secs(),
    })
}
