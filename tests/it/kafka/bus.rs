//! The contract of the bus, held by the one of a single process and by the broker's, and what only the latter does: it wakes others.

use super::{PATIENCE, app, fresh, shared, until};
use data_in_motion::adapters::inproc::bus::InprocBus;
use data_in_motion::adapters::kafka::{Kafka, Plan};
use data_in_motion::adapters::sql::events;
use data_in_motion::domain::event::{DomainEvent, JobStatusEvent};
use data_in_motion::domain::id::{DatasetId, JobId};
use data_in_motion::domain::migration::{JobStatus, Progress};
use data_in_motion::ports::Bus;
use data_in_motion::ports::bus::{Topic, Wakeups};
use std::time::{Duration, Instant};
use tokio::time::timeout;

fn kafka(brokers: &str) -> Kafka {
    let plan = Plan {
        brokers: vec![brokers.to_owned()],
        topic_prefix: fresh("bus"),
        group: fresh("bus"),
        partitions: 1,
        session_secs: 10,
    };
    Kafka::new(plan).unwrap()
}

async fn heard(listener: &mut Box<dyn Wakeups>) -> bool {
    timeout(PATIENCE, listener.woken()).await.is_ok()
}

async fn is_quiet(listener: &mut Box<dyn Wakeups>) -> bool {
    timeout(Duration::from_millis(50), listener.woken())
        .await
        .is_err()
}

/// What every bus must do, whatever is behind it.
async fn holds_the_contract(bus: &dyn Bus) {
    // Nobody listens, and it returns at once.
    let began = Instant::now();
    for topic in Topic::ALL {
        bus.nudge(topic);
    }
    assert!(began.elapsed() < Duration::from_secs(1));
    for topic in Topic::ALL {
        let (mut first, mut second) = (bus.listen(topic), bus.listen(topic));
        let mut others: Vec<_> = Topic::ALL
            .into_iter()
            .filter(|t| *t != topic)
            .map(|t| bus.listen(t))
            .collect();
        assert!(is_quiet(&mut first).await, "nudges before it listened");
        // While nobody waits; more than one may become one.
        for _ in 0..3 {
            bus.nudge(topic);
        }
        assert!(heard(&mut first).await && heard(&mut second).await);
        assert!(is_quiet(&mut first).await, "merged");
        for other in &mut others {
            assert!(is_quiet(other).await, "another topic");
        }
        // A wait that is dropped loses nothing.
        drop(timeout(Duration::ZERO, first.woken()).await);
        bus.nudge(topic);
        drop(timeout(Duration::ZERO, second.woken()).await);
        assert!(heard(&mut first).await);
        // While somebody waits.
        let waiting = tokio::spawn(async move {
            let woken = heard(&mut first).await;
            (woken, first)
        });
        tokio::task::yield_now().await;
        bus.nudge(topic);
        assert!(waiting.await.unwrap().0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bus_of_one_process_holds_the_contract() {
    holds_the_contract(&InprocBus::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bus_of_a_broker_holds_the_contract_and_also_when_the_broker_is_away() {
    holds_the_contract(&kafka(shared().await)).await;
    // Nobody listens at that port.
    holds_the_contract(&kafka("127.0.0.1:1")).await;
}

fn stage(status: JobStatus) -> DomainEvent {
    DomainEvent::JobStatus(JobStatusEvent {
        seq: 0,
        job_id: JobId(7),
        dataset_id: DatasetId(1),
        dataset_name: "d".into(),
        status,
        progress: Progress::default(),
        reason: None,
        updated_at: 1_700_000_000,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_process_logs_wakes_the_listeners_of_another_through_the_broker_alone() {
    let (brokers, prefix) = (shared().await, fresh("wake"));
    // Two servers with databases of their own: nothing but the broker joins them.
    let teller = app(brokers, &prefix, &[("roles", "web")]).await;
    let hearer = app(brokers, &prefix, &[]).await;
    teller.listen().await;
    hearer.listen().await;
    let bus = hearer.app.bus();
    let (mut events, mut jobs) = (bus.listen(Topic::Events), bus.listen(Topic::Jobs));
    let store = teller.store().await;
    // A group that is not joined yet hears nothing, so it is said until it is heard.
    until("a wake-up of a job", async || {
        let mut tx = store.write().await.unwrap();
        events::append(&mut tx, vec![stage(JobStatus::Queued)])
            .await
            .unwrap();
        tx.commit().await.unwrap();
        timeout(Duration::from_millis(500), jobs.woken()).await.ok()
    })
    .await;
    until("a wake-up of a stage", async || {
        let mut tx = store.write().await.unwrap();
        events::append(&mut tx, vec![stage(JobStatus::Copying)])
            .await
            .unwrap();
        tx.commit().await.unwrap();
        timeout(Duration::from_millis(500), events.woken()).await.ok()
    })
    .await;
}
