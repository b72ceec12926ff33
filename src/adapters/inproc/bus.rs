//! The bus of one process: a watched counter for each topic.
//!
//! Invariant: a nudge between two waits is seen by the second, since the counter has changed. Carries no data.

use crate::ports::bus::{Bus, Topic, Wakeups};
use async_trait::async_trait;
use tokio::sync::watch;

/// Wake-ups inside one process.
#[derive(Debug)]
pub struct InprocBus {
    counters: Vec<(Topic, watch::Sender<u64>)>,
}

impl Default for InprocBus {
    fn default() -> Self {
        Self {
            counters: Topic::ALL.map(|topic| (topic, watch::Sender::new(0))).into(),
        }
    }
}

impl InprocBus {
    fn counter(&self, topic: Topic) -> &watch::Sender<u64> {
        let found = self.counters.iter().find(|(t, _)| *t == topic);
        &found.expect("Topic::ALL names every topic").1
    }
}

impl Bus for InprocBus {
    fn nudge(&self, topic: Topic) {
        self.counter(topic).send_modify(|n| *n = n.wrapping_add(1));
    }

    fn listen(&self, topic: Topic) -> Box<dyn Wakeups> {
        Box::new(Counter(self.counter(topic).subscribe()))
    }
}

struct Counter(watch::Receiver<u64>);

#[async_trait]
impl Wakeups for Counter {
    async fn woken(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_nudge_while_nobody_waits_is_seen_by_the_next_wait() {
        let bus = InprocBus::default();
        let mut events = bus.listen(Topic::Events);
        let mut jobs = bus.listen(Topic::Jobs);
        bus.nudge(Topic::Events);
        bus.nudge(Topic::Events);
        events.woken().await;
        let soon = Duration::from_millis(20);
        assert!(
            tokio::time::timeout(soon, events.woken()).await.is_err(),
            "merged"
        );
        assert!(
            tokio::time::timeout(soon, jobs.woken()).await.is_err(),
            "another topic"
        );
    }
}
