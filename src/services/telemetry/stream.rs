//! Messages of a broker, counted in one transaction with the offsets up to which they were read.
//!
//! Invariant: rows and offsets are committed together or not at all, and an offset moves only from the value that the reader knew. So
//! a reader that was killed, was frozen or lost its partition counts nothing twice, whatever the broker remembers; and what cannot be
//! counted lies among the dead letters, with the reason, before the offset passes it.

use super::Telemetry;
use super::group;
use super::queue::Batch as Counted;
use crate::adapters::sql::{StoreError, streams};
use crate::domain::access::{AccessEvent, IngestReport, Refusal};
use crate::domain::unit::Timestamp;
use crate::ports::bus::Topic;
use crate::ports::streams::{Arrived, Batch, DeadLetter, Feed, Intake, Taken};
use crate::services::mover::Point;
use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// An event has some hundred bytes; what is larger is no event.
const VALUE_MAX: usize = 64 * 1024;
/// An id that is longer is kept as its hash.
const ID_MAX: usize = 200;
/// Between two attempts while the database or the broker is away.
const PAUSE: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// What one attempt came to.
enum Attempt {
    Counted(IngestReport),
    Overtaken,
    /// Messages that name datasets which are not there, by their place in the batch.
    Refused(Vec<(usize, Refusal)>),
}

#[async_trait]
impl Intake for Telemetry {
    async fn positions(&self, reader: &str, topic: &str) -> Result<BTreeMap<i32, i64>, String> {
        let looked = async {
            let mut conn = self.deps.store.reader().await?;
            streams::offsets(&mut conn, reader, topic).await
        };
        looked.await.map_err(|problem| problem.to_string())
    }

    async fn take(&self, batch: Batch) -> Taken {
        let now = self.deps.clock.now();
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for (place, message) in batch.messages.iter().enumerate() {
            let read = read(message).and_then(|event| event.check(now).map(|()| event));
            match read {
                Ok(event) => good.push((i64::try_from(place).unwrap_or(i64::MAX), event)),
                Err(refusal) => bad.push((place, refusal)),
            }
        }
        let mut dead = bad.len();
        let mut pauses = PAUSE.into_iter().chain(std::iter::repeat(PAUSE[PAUSE.len() - 1]));
        loop {
            if !bad.is_empty() {
                match self.bury(&batch, &bad).await {
                    Ok(()) => bad.clear(),
                    Err(problem) => {
                        tracing::warn!(%problem, "messages that cannot be counted cannot be put aside; trying again");
                        tokio::time::sleep(pauses.next().unwrap_or(PAUSE[0])).await;
                        continue;
                    }
                }
            }
            match self.attempt(&batch, &good).await {
                Ok(Attempt::Counted(report)) => {
                    self.deps.meter.ingested(
                        report.accepted,
                        report.duplicates,
                        i64::try_from(dead).unwrap_or(0),
                    );
                    self.deps.options.failpoints.pass(Point::StreamCounted).await;
                    self.deps.live.nudge();
                    self.deps.bus.nudge(Topic::Recommendations);
                    return Taken::Counted;
                }
                Ok(Attempt::Overtaken) => {
                    self.deps.meter.overtaken();
                    return Taken::Overtaken;
                }
                Ok(Attempt::Refused(more)) => {
                    let gone: BTreeSet<_> = more.iter().map(|(place, _)| *place).collect();
                    good.retain(|(place, _)| !usize::try_from(*place).is_ok_and(|p| gone.contains(&p)));
                    dead += more.len();
                    bad = more;
                }
                Err(problem) => {
                    tracing::warn!(%problem, "messages cannot be counted, and none was; trying again");
                    tokio::time::sleep(pauses.next().unwrap_or(PAUSE[0])).await;
                }
            }
        }
    }
}

impl Telemetry {
    async fn attempt(&self, batch: &Batch, good: &[(i64, AccessEvent)]) -> Result<Attempt, StoreError> {
        let mut tx = self.deps.store.write().await?;
        for step in &batch.steps {
            let names = (batch.reader.as_str(), batch.topic.as_str());
            if !streams::advance(&mut tx, names, step.partition, step.from, step.to).await? {
                tx.rollback().await?;
                return Ok(Attempt::Overtaken);
            }
        }
        let known = group::look_up(&mut tx, good.iter()).await?;
        let refused: Vec<_> = good
            .iter()
            .filter(|(_, event)| group::resolve(&known, &event.dataset_id).is_none())
            .map(|(place, event)| {
                let place = usize::try_from(*place).unwrap_or(usize::MAX);
                (place, Refusal::unknown_dataset(&event.dataset_id))
            })
            .collect();
        if !refused.is_empty() {
            tx.rollback().await?;
            return Ok(Attempt::Refused(refused));
        }
        let counted = Counted {
            events: good.to_vec(),
            report: IngestReport::default(),
            past: false,
        };
        let now = self.deps.clock.now();
        let (reports, _) = group::apply(&mut tx, &known, vec![counted], now).await?;
        tx.commit().await?;
        Ok(Attempt::Counted(reports.into_iter().next().unwrap_or_default()))
    }

    async fn bury(&self, batch: &Batch, bad: &[(usize, Refusal)]) -> Result<(), String> {
        let Some(streams) = &self.deps.streams else {
            return Err("there is no broker".to_owned());
        };
        let letters: Vec<_> = bad
            .iter()
            .filter_map(|(place, refusal)| {
                Some(DeadLetter {
                    message: batch.messages.get(*place)?.clone(),
                    code: refusal.kind.as_str().to_owned(),
                    reason: refusal.reason.clone(),
                })
            })
            .collect();
        let count = letters.len();
        streams
            .bury(Feed::AccessEvents, letters)
            .await
            .map_err(|problem| problem.to_string())?;
        self.deps.meter.buried(Feed::AccessEvents.as_str(), count);
        Ok(())
    }
}

/// The event of a message. One that names no identity of its own has that of its CloudEvents attributes, where it has those; one
/// that says no time happened when it was sent.
fn read(message: &Arrived) -> Result<AccessEvent, Refusal> {
    if message.value.is_empty() {
        return Err(Refusal::unreadable("the message has no value"));
    }
    if message.value.len() > VALUE_MAX {
        return Err(Refusal::unreadable(&format!(
            "the message has {} bytes; an event has at most {VALUE_MAX}",
            message.value.len()
        )));
    }
    let mut event: AccessEvent = serde_json::from_slice(&message.value)
        .map_err(|problem| Refusal::unreadable(&format!("the value is no access event: {problem}")))?;
    if event.event_id.is_none() && event.producer.is_none() {
        event.event_id = message
            .header("ce_source")
            .zip(message.header("ce_id"))
            .filter(|(_, id)| !id.is_empty())
            .map(|(source, id)| identity(source, id));
    }
    event.occurred_at = event
        .occurred_at
        .or(message.sent_at.filter(|at| *at > Timestamp(0)));
    Ok(event)
}

fn identity(source: &str, id: &str) -> String {
    let whole = format!("{source}#{id}");
    if whole.len() <= ID_MAX {
        return whole;
    }
    format!("blake3:{}", blake3::hash(whole.as_bytes()).to_hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(value: &str, headers: &[(&str, &str)]) -> Arrived {
        Arrived {
            partition: 0,
            offset: 7,
            key: None,
            headers: headers
                .iter()
                .map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec()))
                .collect(),
            value: value.as_bytes().to_vec(),
            sent_at: Some(Timestamp(1_700_000_000_000_000)),
        }
    }

    #[test]
    fn an_event_without_an_identity_has_that_of_its_envelope() {
        let plain = r#"{"dataset_id":1,"op":"read","size_bytes":5}"#;
        let envelope = [("ce_id", "17"), ("ce_source", "/reader/3")];
        let event = read(&message(plain, &envelope)).unwrap();
        assert_eq!(event.event_id.as_deref(), Some("/reader/3#17"));
        assert_eq!(event.occurred_at, Some(Timestamp(1_700_000_000_000_000)));
        assert_eq!(read(&message(plain, &envelope[..1])).unwrap().event_id, None);
        let own = r#"{"dataset_id":1,"op":"read","size_bytes":5,"producer":"p","sequence":3,"occurred_at":1600000000}"#;
        let event = read(&message(own, &envelope)).unwrap();
        assert_eq!(event.event_id, None);
        assert_ne!(event.occurred_at, Some(Timestamp(1_700_000_000_000_000)));
        let long = "s".repeat(300);
        let event = read(&message(plain, &[("ce_id", "17"), ("ce_source", &long)])).unwrap();
        assert!(event.event_id.unwrap().len() < ID_MAX);
    }

    #[test]
    fn what_is_no_event_says_why() {
        for (value, word) in [
            ("", "no value"),
            ("{", "EOF"),
            ("[]", "no access event"),
            (r#"{"op":"read"}"#, "missing"),
        ] {
            let refusal = read(&message(value, &[])).unwrap_err();
            assert!(refusal.reason.contains(word), "{value}: {}", refusal.reason);
        }
        let huge = " ".repeat(VALUE_MAX + 1);
        assert!(read(&message(&huge, &[])).unwrap_err().reason.contains("bytes"));
    }
}
