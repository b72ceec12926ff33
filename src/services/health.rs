//! State of the process and of each part: looked at when asked, never assumed.

use super::mover::Mover;
use super::recommender::Recommender;
use super::{Deps, ServiceResult, relay};
use crate::adapters::sql::health as db;
use crate::domain::overview::{HealthReport, HealthStatus, PartHealth};
use crate::domain::unit::{Bytes, Timestamp};
use std::collections::BTreeMap;

/// Less free space than this on the data directory's disk is worth a warning: the database needs room for its log.
const DISK_LOW: Bytes = Bytes(500_000_000);

/// State of the parts. Cheap to clone.
#[derive(Clone)]
pub struct Health {
    deps: Deps,
    mover: Mover,
    recommender: Recommender,
    started_at: Timestamp,
}

impl Health {
    /// Over these parts; the process counts as started now.
    #[must_use]
    pub fn new(deps: &Deps, mover: &Mover, recommender: &Recommender) -> Self {
        Self {
            deps: deps.clone(),
            mover: mover.clone(),
            recommender: recommender.clone(),
            started_at: deps.clock.now(),
        }
    }

    /// Looks at every part.
    ///
    /// # Errors
    /// None today; a part that is down is an answer.
    pub async fn report(&self) -> ServiceResult<HealthReport> {
        let mut parts = BTreeMap::new();
        parts.insert("database".to_owned(), self.database().await);
        parts.insert("bus".to_owned(), self.bus().await);
        parts.insert("mover".to_owned(), self.mover.health().await);
        parts.insert("recommender".to_owned(), self.recommender.health());
        parts.insert("disk".to_owned(), self.disk());
        let status = parts.values().map(|p| p.status).max().unwrap_or(HealthStatus::Ok);
        Ok(HealthReport {
            status: if status == HealthStatus::Disabled {
                HealthStatus::Ok
            } else {
                status
            },
            parts,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: self.started_at,
        })
    }

    /// Looks at the database alone: without it no request can be served.
    pub async fn database(&self) -> PartHealth {
        match db::probe(&self.deps.store).await {
            Ok(text) => part(HealthStatus::Ok, &text),
            Err(error) => part(HealthStatus::Down, &error.to_string()),
        }
    }

    /// Without a broker nothing can be wrong with it. One that is away stops nothing here: events wait in the log.
    async fn bus(&self) -> PartHealth {
        let clients = format!("{} live clients", self.deps.live.subscribers());
        let Some(streams) = &self.deps.streams else {
            return part(HealthStatus::Ok, &format!("in this process, {clients}"));
        };
        let (name, state) = (streams.name(), streams.state());
        let waiting = match relay::waiting(&self.deps).await {
            Ok(waiting) => format!("{} events wait to be told to it", waiting.events),
            Err(problem) => format!("what waits to be told to it is not known: {problem}"),
        };
        if let Some(problem) = state.problem {
            let text =
                format!("{name} is away: {problem}; {waiting}, {clients}. HTTP, pages and moves go on");
            return part(HealthStatus::Degraded, &text);
        }
        if let Some(stuck) = state.stuck {
            return part(HealthStatus::Degraded, &format!("{name}: {stuck}"));
        }
        let behind: i64 = state.lag.iter().map(|lag| lag.messages).sum();
        let text = format!("{name}, {waiting}, {behind} messages not counted yet, {clients}");
        part(HealthStatus::Ok, &text)
    }

    fn disk(&self) -> PartHealth {
        match rustix::fs::statvfs(&self.deps.options.data_dir) {
            Ok(stat) => {
                let free = Bytes(stat.f_bavail.saturating_mul(stat.f_frsize));
                let text = format!("{free} free at {}", self.deps.options.data_dir.display());
                part(
                    if free < DISK_LOW {
                        HealthStatus::Degraded
                    } else {
                        HealthStatus::Ok
                    },
                    &text,
                )
            }
            Err(error) => part(
                HealthStatus::Down,
                &format!("cannot look at the data directory: {error}"),
            ),
        }
    }
}

fn part(status: HealthStatus, detail: &str) -> PartHealth {
    PartHealth {
        status,
        detail: detail.to_owned(),
    }
}
