//! Makes the topics that are absent, and looks at the broker every few seconds.

use super::Inner;
use super::sender::Producer;
use crate::ports::streams::Feed;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::FromClientConfig as _;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::Producer as _;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::watch;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(3);
/// Between two looks while it is away.
const SOON: Duration = Duration::from_secs(1);
/// A broker that does not answer within this is away.
const PATIENCE: Duration = Duration::from_secs(3);

/// Until `stop` is told.
pub(super) async fn watch(inner: &Inner, mut stop: watch::Receiver<bool>) {
    loop {
        let ready = *inner.seen.ready.borrow();
        let looked = if ready {
            look(inner).await
        } else {
            ensure(inner).await
        };
        let pause = match looked {
            Ok(()) => {
                inner.seen.up();
                inner.seen.ready.send_replace(true);
                EVERY
            }
            Err(why) => {
                inner.seen.down(&why);
                SOON
            }
        };
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Names of topics that are there; of one topic, or of all. The library asks in a way that blocks.
async fn names(producer: Producer, topic: Option<String>) -> Result<BTreeSet<String>, String> {
    let asked = tokio::task::spawn_blocking(move || {
        let found = producer.client().fetch_metadata(topic.as_deref(), PATIENCE)?;
        let there = found.topics().iter().filter(|topic| topic.error().is_none());
        Ok::<_, rdkafka::error::KafkaError>(there.map(|topic| topic.name().to_owned()).collect())
    });
    match asked.await {
        Ok(Ok(names)) => Ok(names),
        Ok(Err(error)) => Err(error.to_string()),
        Err(problem) => Err(problem.to_string()),
    }
}

async fn look(inner: &Inner) -> Result<(), String> {
    let topic = inner.plan.topic(Feed::MigrationStatus);
    names(inner.sender.producer(), Some(topic)).await.map(drop)
}

async fn ensure(inner: &Inner) -> Result<(), String> {
    let there = names(inner.sender.producer(), None).await?;
    let mut absent = Vec::new();
    for feed in Feed::ALL {
        for (name, partitions) in [
            (inner.plan.topic(feed), inner.plan.partitions),
            (inner.plan.dead_topic(feed), 1),
        ] {
            if !there.contains(&name) {
                absent.push((name, partitions));
            }
        }
    }
    if absent.is_empty() {
        return Ok(());
    }
    let admin: AdminClient<DefaultClientContext> =
        AdminClient::from_config(&inner.plan.client()).map_err(|error| error.to_string())?;
    // As many copies as the broker keeps of a topic by its own settings.
    let wanted: Vec<_> = absent
        .iter()
        .map(|(name, partitions)| NewTopic::new(name, *partitions, TopicReplication::Fixed(-1)))
        .collect();
    let options = AdminOptions::new()
        .request_timeout(Some(PATIENCE))
        .operation_timeout(Some(PATIENCE));
    let made = admin
        .create_topics(&wanted, &options)
        .await
        .map_err(|error| format!("topics cannot be made: {error}"))?;
    for result in made {
        match result {
            Ok(name) => tracing::info!(name, "the topic was absent and is made"),
            // Another process was faster.
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((name, code)) => {
                return Err(format!(
                    "the topic {name} is absent and cannot be made ({code}); make it, or allow this client to"
                ));
            }
        }
    }
    Ok(())
}
