//! Sends: an idempotent producer whose messages are acknowledged by all replicas.
//!
//! Invariant: `send` returns `Ok` only when the broker has every message, in order for each key. At most [`QUEUE_MAX`] messages wait in
//! the library; when that many do, the caller waits until one is gone: the relay's events wait in the log meanwhile, and messages that
//! came in wait at the broker. Nothing is dropped.

use super::{Ear, Plan, Seen};
use crate::ports::streams::{DeadLetter, Feed, Message, StreamError};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// Messages that wait in the library.
const QUEUE_MAX: &str = "10000";
/// Their bytes, in KiB.
const QUEUE_MAX_KIB: &str = "32768";
/// How long to wait when the queue is full.
const FULL_PAUSE: Duration = Duration::from_millis(20);
/// Reasons are for people.
const REASON_MAX_CHARS: usize = 500;

pub(super) type Producer = FutureProducer<Ear>;

/// The producer; another one takes its place when the broker has refused it for good.
pub(super) struct Sender {
    plan: Plan,
    seen: Arc<Seen>,
    producer: RwLock<Producer>,
}

/// A message as the library takes it.
pub(super) struct Record {
    topic: String,
    key: Option<Vec<u8>>,
    headers: OwnedHeaders,
    value: Vec<u8>,
}

impl Record {
    /// A message of the product's own.
    pub(super) fn of(plan: &Plan, message: Message) -> Self {
        let headers = OwnedHeaders::new_with_capacity(message.headers.len());
        Self {
            topic: plan.topic(message.feed),
            key: Some(message.key.into_bytes()),
            headers: message.headers.iter().fold(headers, |headers, (key, value)| {
                headers.insert(Header {
                    key,
                    value: Some(value.as_str()),
                })
            }),
            value: message.value,
        }
    }

    /// A message that cannot be used, as it came, with what is wrong and where it stood.
    pub(super) fn dead(plan: &Plan, feed: Feed, letter: DeadLetter) -> Self {
        let headers = OwnedHeaders::new_with_capacity(letter.message.headers.len() + 5);
        let headers = letter
            .message
            .headers
            .iter()
            .fold(headers, |headers, (key, value)| {
                headers.insert(Header {
                    key,
                    value: Some(value.as_slice()),
                })
            });
        let reason: String = letter.reason.chars().take(REASON_MAX_CHARS).collect();
        let added = [
            ("dim_error_code", letter.code),
            ("dim_error_reason", reason),
            ("dim_topic", plan.topic(feed)),
            ("dim_partition", letter.message.partition.to_string()),
            ("dim_offset", letter.message.offset.to_string()),
        ];
        Self {
            topic: plan.dead_topic(feed),
            key: letter.message.key,
            headers: added.iter().fold(headers, |headers, (key, value)| {
                headers.insert(Header {
                    key,
                    value: Some(value.as_str()),
                })
            }),
            value: letter.message.value,
        }
    }
}

impl Sender {
    pub(super) fn new(plan: &Plan, seen: Arc<Seen>) -> Result<Self, StreamError> {
        Ok(Self {
            producer: RwLock::new(producer(plan, &seen)?),
            plan: plan.clone(),
            seen,
        })
    }

    /// The present producer, for questions to the broker.
    pub(super) fn producer(&self) -> Producer {
        self.producer
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Sends and waits until the broker has all of them, however long it is away.
    pub(super) async fn send(&self, records: Vec<Record>) -> Result<(), StreamError> {
        let producer = self.producer();
        let mut sent = Vec::with_capacity(records.len());
        for record in records {
            let mut next = FutureRecord::<[u8], [u8]>::to(&record.topic)
                .payload(&record.value)
                .headers(record.headers);
            if let Some(key) = &record.key {
                next = next.key(key);
            }
            sent.push(loop {
                match producer.send_result(next) {
                    Ok(delivery) => break delivery,
                    Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                        tokio::time::sleep(FULL_PAUSE).await;
                        next = back;
                    }
                    Err((error, _)) => return Err(self.failed(&producer, &error)),
                }
            });
        }
        for delivery in sent {
            match delivery.await {
                Ok(Ok(_)) => {}
                Ok(Err((error, _))) => return Err(self.failed(&producer, &error)),
                Err(_) => return Err(StreamError("the producer was closed".to_owned())),
            }
        }
        Ok(())
    }

    fn failed(&self, producer: &Producer, error: &KafkaError) -> StreamError {
        if let Some((_, why)) = producer.client().fatal_error() {
            tracing::warn!(
                why,
                "the broker refuses this producer from now on; another one takes its place"
            );
            match self::producer(&self.plan, &self.seen) {
                Ok(fresh) => *self.producer.write().unwrap_or_else(PoisonError::into_inner) = fresh,
                Err(problem) => tracing::error!(%problem, "there is no producer"),
            }
        }
        StreamError(format!("messages were not sent: {error}"))
    }
}

fn producer(plan: &Plan, seen: &Arc<Seen>) -> Result<Producer, StreamError> {
    plan.client()
        .set("enable.idempotence", "true")
        .set("acks", "all")
        // A message waits as long as the broker is away: given up, it would be overtaken by the one after it.
        .set("message.timeout.ms", "0")
        .set("queue.buffering.max.messages", QUEUE_MAX)
        .set("queue.buffering.max.kbytes", QUEUE_MAX_KIB)
        .set("linger.ms", "2")
        .set("compression.type", "lz4")
        .create_with_context(Ear(seen.clone()))
        .map_err(|error| StreamError(format!("the client of the broker cannot be made: {error}")))
}
