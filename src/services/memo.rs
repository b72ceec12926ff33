//! Answers that hold until something is written: sums and counts over all rows, which pages ask for far more often than they change.
//!
//! Invariant: an answer is given again only while the number of commits is the one that it was computed at, so that whoever writes and
//! then asks sees what was written; and for a second at most, so that a write of another program is seen although word of it was lost.
//! At most [`KEPT`] answers are kept; when another is to be kept they are all forgotten.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Filters of a day are fewer.
const KEPT: usize = 256;
/// An answer that is older is computed again.
const HOLDS: Duration = Duration::from_secs(1);

/// Remembered answers by what was asked. Cheap to clone; clones remember together.
#[derive(Debug)]
pub(super) struct Memo<T>(Arc<Mutex<Kept<T>>>);

#[derive(Debug)]
struct Kept<T> {
    commits: u64,
    answers: HashMap<String, (Instant, T)>,
}

impl<T> Clone for Memo<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Kept {
            commits: 0,
            answers: HashMap::new(),
        })))
    }
}

impl<T: Clone> Memo<T> {
    /// What is known, or what `ask` answers. `commits` is the number of commits before anything was read.
    pub(super) async fn get<E>(
        &self,
        commits: u64,
        question: &str,
        ask: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        if let Some(known) = self.known(commits, question) {
            return Ok(known);
        }
        let asked = Instant::now();
        let answer = ask.await?;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.commits != commits || kept.answers.len() >= KEPT {
            kept.answers.clear();
            kept.commits = commits;
        }
        kept.answers.insert(question.to_owned(), (asked, answer.clone()));
        Ok(answer)
    }

    fn known(&self, commits: u64, question: &str) -> Option<T> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (asked, answer) = kept.answers.get(question)?;
        (kept.commits == commits && asked.elapsed() < HOLDS).then(|| answer.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_holds_until_the_next_commit() {
        let memo = Memo::default();
        let ask = async |commits, question: &str, answer| {
            memo.get(commits, question, async { Ok::<i64, ()>(answer) })
                .await
                .unwrap()
        };
        assert_eq!(ask(1, "a", 10).await, 10);
        assert_eq!(ask(1, "a", 11).await, 10);
        assert_eq!(ask(1, "b", 12).await, 12);
        assert_eq!(ask(2, "a", 13).await, 13);
        // A slow answer of an older state does not stand in for the newer one.
        assert_eq!(ask(1, "a", 14).await, 14);
        assert_eq!(ask(2, "a", 15).await, 15);
    }

    #[tokio::test]
    async fn no_more_than_so_many_are_kept() {
        let memo = Memo::default();
        for i in 0..KEPT + 10 {
            memo.get(1, &i.to_string(), async { Ok::<_, ()>(i) })
                .await
                .unwrap();
        }
        assert!(memo.0.lock().unwrap().answers.len() <= KEPT);
    }
}
