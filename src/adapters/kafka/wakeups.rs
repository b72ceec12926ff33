//! Wakes whoever listens in this process when a message comes in. What the message says is not read: the database has it.

use super::{Ear, Kafka};
use crate::ports::bus::{Bus as _, Topic};
use crate::ports::streams::Feed;
use rdkafka::consumer::{Consumer as _, ConsumerContext, StreamConsumer};
use std::time::Duration;

/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(1);

impl ConsumerContext for Ear {}

/// Until it is dropped. A message that came before the group was joined is not heard of; whoever listens looks by itself now and then.
pub(super) async fn hear(kafka: Kafka, feed: Feed, group: String, topic: Topic) {
    kafka.ready().await;
    loop {
        if let Err(problem) = listen(&kafka, feed, &group, topic).await {
            tracing::debug!(%problem, "wake-ups of the broker are not heard; trying again");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn listen(
    kafka: &Kafka,
    feed: Feed,
    group: &str,
    topic: Topic,
) -> Result<(), rdkafka::error::KafkaError> {
    let plan = &kafka.inner.plan;
    let consumer: StreamConsumer<Ear> = plan
        .member(group)
        .set("auto.offset.reset", "latest")
        // For people who look at the group; nothing rests on it.
        .set("enable.auto.commit", "true")
        .set("queued.max.messages.kbytes", "1024")
        .set("queued.min.messages", "1000")
        .create_with_context(Ear(kafka.inner.seen.clone()))?;
    consumer.subscribe(&[&plan.topic(feed)])?;
    loop {
        match consumer.recv().await {
            Ok(_) => kafka.nudge(topic),
            Err(problem) => {
                tracing::debug!(%problem, "the broker does not answer");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
