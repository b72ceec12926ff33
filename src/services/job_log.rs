//! What this process said of a job lately: the last lines of its log that name the job, kept in memory for the job's page.
//!
//! Invariant: bounded, whatever happens: `JOBS_MAX` jobs of [`LINES_MAX`] lines each; the oldest line goes, and the job that was
//! spoken of longest ago. A mover that runs in another process has a log of its own.

use crate::domain::id::JobId;
use crate::domain::migration::LogLine;
use crate::domain::unit::Timestamp;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Lines kept of one job: about two screens.
pub const LINES_MAX: usize = 100;
/// Jobs that lines are kept of.
const JOBS_MAX: usize = 200;
/// Longest line in characters; the rest is cut off.
const TEXT_MAX_CHARS: usize = 500;

static LINES: Mutex<Option<Lines>> = Mutex::new(None);

#[derive(Default)]
struct Lines {
    of: HashMap<JobId, VecDeque<LogLine>>,
    /// Jobs by when they were last spoken of, the latest last.
    order: VecDeque<JobId>,
}

impl Lines {
    fn keep(&mut self, job: JobId, line: LogLine) {
        self.order.retain(|known| *known != job);
        self.order.push_back(job);
        let lines = self.of.entry(job).or_default();
        lines.push_back(line);
        if lines.len() > LINES_MAX {
            lines.pop_front();
        }
        if self.order.len() > JOBS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.of.remove(&oldest);
        }
    }
}

/// Keeps a line.
pub fn keep(job: JobId, at: Timestamp, level: &str, text: &str) {
    let line = LogLine {
        at,
        level: level.to_owned(),
        text: text.chars().take(TEXT_MAX_CHARS).collect(),
    };
    let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    lines.get_or_insert_default().keep(job, line);
}

/// The lines of a job, oldest first.
#[must_use]
pub fn of(job: JobId) -> Vec<LogLine> {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    lines
        .as_ref()
        .and_then(|lines| lines.of.get(&job))
        .map(|lines| lines.iter().cloned().collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(n: i64) -> LogLine {
        LogLine {
            at: Timestamp(n),
            level: "info".into(),
            text: format!("line {n}"),
        }
    }

    #[test]
    fn the_oldest_line_goes_and_the_job_spoken_of_longest_ago() {
        let mut lines = Lines::default();
        let last = i64::try_from(LINES_MAX).unwrap() + 5;
        for n in 1..=last {
            lines.keep(JobId(1), line(n));
        }
        let kept = &lines.of[&JobId(1)];
        assert_eq!(
            (kept.len(), kept[0].at, kept[LINES_MAX - 1].at),
            (LINES_MAX, Timestamp(6), Timestamp(last))
        );
        for job in 2..=i64::try_from(JOBS_MAX).unwrap() {
            lines.keep(JobId(job), line(1));
        }
        lines.keep(JobId(1), line(0));
        lines.keep(JobId(9_999), line(1));
        assert_eq!(lines.of.len(), JOBS_MAX);
        assert!(lines.of.contains_key(&JobId(1)) && !lines.of.contains_key(&JobId(2)));
    }
}
