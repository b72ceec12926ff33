//! What a job's progress says: the server writes it first, and the browser writes it again as news come (`browser/meters.rs`).
//!
//! Invariant: pure, so that both write the same text. Each place is an element with the name of what it tells in `data-told`.

use crate::domain::migration::{JobStatus, Progress};
use crate::ui::format::{count, duration, percent, plural, rate, title};

/// What can be told of a progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Bytes done, of all.
    Amount,
    /// How fast it is and what is left.
    Pace,
    /// Objects, in a sentence.
    Counted,
    /// What a screen reader hears: stages and quarters, not every tick.
    Milestone,
}

impl Told {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Amount, Self::Pace, Self::Counted, Self::Milestone];

    /// The name of its place.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Amount => "amount",
            Self::Pace => "pace",
            Self::Counted => "counted",
            Self::Milestone => "milestone",
        }
    }

    /// Its text.
    #[must_use]
    pub fn of(self, status: JobStatus, p: &Progress) -> String {
        match self {
            Self::Amount => amount(status, p),
            Self::Pace => pace(status, p),
            Self::Counted => counted(status, p),
            Self::Milestone => milestone(status, p),
        }
    }
}

/// Percent of the present stage; an ended job is where it ended.
#[must_use]
pub fn fraction(status: JobStatus, p: &Progress) -> u64 {
    match status {
        JobStatus::Completed | JobStatus::Undone | JobStatus::Switching => 100,
        JobStatus::Queued | JobStatus::AwaitingApproval => 0,
        _ if p.bytes_total.0 > 0 => percent(p.bytes_done.0, p.bytes_total.0),
        _ => {
            let objects = |n: i64| u64::try_from(n).unwrap_or(0);
            percent(objects(p.objects_done), objects(p.objects_total))
        }
    }
}

fn amount(status: JobStatus, p: &Progress) -> String {
    match status {
        JobStatus::Queued | JobStatus::AwaitingApproval if p.bytes_total.0 == 0 => "not begun".into(),
        JobStatus::Completed | JobStatus::Undone => {
            format!("{} in {}", p.bytes_total, plural(p.objects_total, "object"))
        }
        JobStatus::Copying => format!("{} of {} copied", p.bytes_done, p.bytes_total),
        JobStatus::Verifying => format!("{} of {} verified", p.bytes_done, p.bytes_total),
        _ => format!("{} of {}", p.bytes_done, p.bytes_total),
    }
}

fn pace(status: JobStatus, p: &Progress) -> String {
    match status {
        JobStatus::Copying | JobStatus::Verifying => match p.eta_secs {
            Some(eta) => format!("{} · about {} left", rate(p.bytes_per_sec), duration(eta)),
            None => format!("{} %", fraction(status, p)),
        },
        JobStatus::Paused | JobStatus::Failed | JobStatus::Cancelled => format!("{} %", fraction(status, p)),
        _ => String::new(),
    }
}

/// What the present stage counts: the same bar means copied bytes in one stage and compared bytes in the next.
fn counted(status: JobStatus, p: &Progress) -> String {
    let objects = format!(
        "{} of {}",
        count(p.objects_done),
        plural(p.objects_total, "object")
    );
    let speed = rate(p.bytes_per_sec);
    match status {
        JobStatus::Copying => format!("{objects} copied and durable at the target, {speed}."),
        JobStatus::Verifying => format!("{objects} read back and compared, {speed}."),
        JobStatus::Switching => "Every object is verified; the catalog is being switched.".into(),
        JobStatus::Completed => format!(
            "{} copied, verified and switched.",
            plural(p.objects_total, "object")
        ),
        JobStatus::AwaitingApproval => "Waits until a person approves it; nothing was copied.".into(),
        JobStatus::Queued => "Waits for a mover.".into(),
        JobStatus::Failed | JobStatus::Cancelled => "The source was not changed and still serves.".into(),
        JobStatus::Paused => format!("{objects} are kept for when it is resumed."),
        JobStatus::Undone => "Readers are back at the source.".into(),
    }
}

fn milestone(status: JobStatus, p: &Progress) -> String {
    let (stage, quarter) = (title(status.as_str()), fraction(status, p) / 25 * 25);
    match status {
        JobStatus::Copying | JobStatus::Verifying if quarter > 0 => format!("{stage}: {quarter} percent"),
        _ => stage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::unit::Bytes;

    fn progress(done: u64) -> Progress {
        Progress {
            objects_done: 1,
            objects_total: 4,
            bytes_done: Bytes(done),
            bytes_total: Bytes(1_000),
            bytes_per_sec: 10,
            eta_secs: None,
        }
    }

    #[test]
    fn each_stage_counts_something_else() {
        let of = |status| Told::Amount.of(status, &progress(500));
        assert_eq!(of(JobStatus::Copying), "500 B of 1.00 kB copied");
        assert_eq!(of(JobStatus::Verifying), "500 B of 1.00 kB verified");
        assert_eq!(of(JobStatus::Completed), "1.00 kB in 4 objects");
        assert_eq!(
            Told::Pace.of(JobStatus::Paused, &progress(500)),
            "50 %",
            "an end is where it ended"
        );
    }

    #[test]
    fn a_screen_reader_hears_quarters() {
        let heard = |done| Told::Milestone.of(JobStatus::Copying, &progress(done));
        assert_eq!(heard(100), "Copying");
        assert_eq!(heard(260), "Copying: 25 percent");
        assert_eq!(heard(499), "Copying: 25 percent");
        assert_eq!(heard(500), "Copying: 50 percent");
    }
}
