//! How the role `recommender` is: from what its passes did, never assumed.

use super::Recommender;
use crate::domain::overview::{HealthStatus, PartHealth};
use crate::domain::unit::Timestamp;

impl Recommender {
    /// What the role is doing, from its own passes.
    #[must_use]
    pub fn health(&self) -> PartHealth {
        if !self.deps.options.roles.recommender {
            return part(
                HealthStatus::Disabled,
                "this process was started without the role recommender",
            );
        }
        let status = self.status();
        let now = self.deps.clock.now();
        let last = match &status.last {
            Some((at, pass)) => format!(
                "the last look was {} s ago: {} datasets in {} ms, {} with a new answer",
                now.since(*at) / Timestamp::SECOND,
                pass.datasets,
                pass.took.as_millis(),
                pass.changed
            ),
            None => "the first look has not ended yet".to_owned(),
        };
        match &status.failed {
            Some(error) => part(
                HealthStatus::Degraded,
                &format!("the present look broke off ({error}) and is made again; {last}"),
            ),
            None if status.is_late(now) => part(
                HealthStatus::Degraded,
                &format!("{last}; one a minute is normal, so recommendations may be out of date"),
            ),
            None => part(HealthStatus::Ok, &last),
        }
    }
}

fn part(status: HealthStatus, detail: &str) -> PartHealth {
    PartHealth {
        status,
        detail: detail.to_owned(),
    }
}
