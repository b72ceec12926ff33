//! Named places between the steps of a move, and of counting messages, where a test kills or holds the process.
//!
//! Invariant: on a server that was started without `kill-at` and `pause-at` a point costs one look at an empty list. Every point of
//! [`Point::ALL`] is passed by some move, retirement, undo or cancel, so that a test can go through them all.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

macro_rules! points {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)* ; $($(#[$other_doc:meta])* $other:ident = $other_word:literal,)*) => {
        /// A place between two steps.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Point { $($(#[$doc])* $name,)* $($(#[$other_doc])* $other,)* }

        impl Point {
            /// Every point of a move, in the order of a job's life.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
            /// Points of other work.
            pub const OTHERS: &[Self] = &[$(Self::$other,)*];

            /// Its name on the command line.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* $(Self::$other => $other_word,)* }
            }
        }
    };
}

points! {
    /// The job is taken, nothing is done.
    Claimed = "claimed",
    /// The directories that will be made are remembered, none is made.
    StagingRecorded = "staging-recorded",
    /// The staging directories stand, their row does not say which they are.
    StagingMade = "staging-made",
    /// The source is listed, the manifest is not written.
    SourceListed = "source-listed",
    /// A part of the manifest is written.
    ManifestBatch = "manifest-batch",
    /// The manifest is whole.
    ManifestWhole = "manifest-whole",
    /// Bytes are on their way to the target.
    Copying = "copying",
    /// An object is copied; neither it nor its row is durable.
    ObjectCopied = "object-copied",
    /// The objects of a group are durable, their rows are not.
    GroupSynced = "group-synced",
    /// The rows of a group are durable.
    GroupRecorded = "group-recorded",
    /// Everything is copied, the job still says copying.
    CopyFinished = "copy-finished",
    /// Bytes are being read back.
    Verifying = "verifying",
    /// An object was read back, its row is not written.
    ObjectVerified = "object-verified",
    /// Everything was read back, the job still says verifying.
    VerifyFinished = "verify-finished",
    /// The job says switching, nothing is renamed.
    SwitchBegun = "switch-begun",
    /// The data stands at its final place, the catalog does not know.
    Renamed = "renamed",
    /// The empty staging directories are gone.
    StagingRemoved = "staging-removed",
    /// All statements of the switch were made, nothing is committed.
    SwitchInTransaction = "switch-in-transaction",
    /// The switch is committed, nobody was told.
    Switched = "switched",
    /// The source changed: what was renamed stands in the staging area again.
    RenamedBack = "renamed-back",
    /// The job is to be copied again, nothing of it is changed yet.
    SourceChanged = "source-changed",
    /// A cancelled job's files are gone, the job does not say cancelled yet.
    CancelCleaned = "cancel-cleaned",
    /// The undo is committed, the target's copy stands.
    Undone = "undone",
    /// The retained source is found fit to be deleted.
    RetireChecked = "retire-checked",
    /// The deletion is announced, nothing is deleted.
    RetireBegun = "retire-begun",
    /// A part of a copy is deleted.
    RemovedBatch = "removed-batch",
    /// All of it is deleted, its row does not say so.
    Removed = "removed",
    ;
    /// Messages of a stream are counted and committed with their offsets; the broker does not know.
    StreamCounted = "stream-counted",
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Kill,
    Pause,
}

#[derive(Debug)]
struct Trap {
    point: Point,
    deed: Deed,
    /// Passes that are still let through.
    left: AtomicU64,
}

/// The points at which this process is to be killed or held. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Failpoints {
    traps: Arc<[Trap]>,
    dir: PathBuf,
}

impl Failpoints {
    /// Whether a word of `--inject` is for the failpoints.
    #[must_use]
    pub fn is_word(word: &str) -> bool {
        ["kill-at", "pause-at"].contains(&word.split('=').next().unwrap_or(""))
    }

    /// Reads `kill-at=NAME[:N]` and `pause-at=NAME[:N]`: at the N-th pass, the first when left out. A held process makes the file
    /// `paused-at-NAME` in `dir` and goes on when somebody removes it.
    ///
    /// # Errors
    /// A sentence that names the word that cannot be used, and the points.
    pub fn parse(words: &[String], dir: &Path) -> Result<Self, String> {
        let traps = words
            .iter()
            .map(|word| read(word))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            traps: traps.into(),
            dir: dir.to_owned(),
        })
    }

    /// Passes a point: mostly nothing happens.
    pub async fn pass(&self, point: Point) {
        for trap in self.traps.iter().filter(|t| t.point == point) {
            // The last of the passes that are counted down is the one that is caught.
            if trap.left.fetch_sub(1, Ordering::AcqRel) != 1 {
                continue;
            }
            match trap.deed {
                Deed::Kill => kill(),
                Deed::Pause => self.hold(point).await,
            }
        }
    }

    async fn hold(&self, point: Point) {
        let file = self.dir.join(format!("paused-at-{}", point.as_str()));
        if let Err(error) = std::fs::write(&file, "remove this file to let the server go on\n") {
            tracing::error!(%error, "cannot hold the server at {}", point.as_str());
            return;
        }
        tracing::warn!("held at {}; remove {} to go on", point.as_str(), file.display());
        while file.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn read(word: &str) -> Result<Trap, String> {
    let refused = || {
        let names: Vec<_> = Point::ALL
            .iter()
            .chain(Point::OTHERS)
            .map(|p| p.as_str())
            .collect();
        format!(
            "{word:?} names no point; write kill-at=NAME[:N] or pause-at=NAME[:N] with one of {}",
            names.join(", ")
        )
    };
    let (deed, place) = word.split_once('=').ok_or_else(refused)?;
    let (name, count) = match place.split_once(':') {
        Some((name, count)) => (name, count.parse().ok().filter(|n| *n > 0).ok_or_else(refused)?),
        None => (place, 1),
    };
    Ok(Trap {
        point: Point::ALL
            .iter()
            .chain(Point::OTHERS)
            .copied()
            .find(|p| p.as_str() == name)
            .ok_or_else(refused)?,
        deed: match deed {
            "kill-at" => Deed::Kill,
            "pause-at" => Deed::Pause,
            _ => return Err(refused()),
        },
        left: AtomicU64::new(count),
    })
}

/// Ends this process as if it were killed from outside: no destructor, no handler, no buffer written.
fn kill() {
    let gone = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    tracing::error!(?gone, "the process could not be killed; it aborts");
    std::process::abort();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_and_unknown_ones_refused_with_the_list() {
        let dir = Path::new("/");
        let two = ["kill-at=renamed:3".to_owned(), "pause-at=claimed".into()];
        let points = Failpoints::parse(&two, dir).unwrap();
        assert_eq!(points.traps[0].left.load(Ordering::Relaxed), 3);
        assert_eq!(points.traps[1].deed, Deed::Pause);
        for bad in [
            "kill-at=nowhere",
            "kill-at=renamed:0",
            "kill-at",
            "kill-at=renamed:x",
        ] {
            let error = Failpoints::parse(&[bad.to_owned()], dir).unwrap_err();
            assert!(error.contains("switch-in-transaction"), "{error}");
        }
        assert!(Failpoints::is_word("kill-at=x") && !Failpoints::is_word("fail-copy=2"));
    }

    #[tokio::test]
    async fn only_the_nth_pass_is_caught() {
        let dir = tempfile::tempdir().unwrap();
        let points = Failpoints::parse(&["pause-at=renamed:2".to_owned()], dir.path()).unwrap();
        points.pass(Point::Renamed).await;
        let file = dir.path().join("paused-at-renamed");
        assert!(!file.exists());
        let held = tokio::spawn({
            let points = points.clone();
            async move { points.pass(Point::Renamed).await }
        });
        while !file.exists() {
            tokio::task::yield_now().await;
        }
        std::fs::remove_file(&file).unwrap();
        held.await.unwrap();
        points.pass(Point::Renamed).await;
    }
}
