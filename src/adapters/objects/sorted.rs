//! Puts the objects of a listing in key order without holding them all: sorted runs go to a file, and are read back together.
//!
//! Invariant: at most [`RUN`] objects are held, and one buffer for each run that is read back. The file has no name, so it is gone
//! with the process. Of two objects with one key, which a directory can show while it changes, one is kept.

use crate::domain::dataset::SkippedEntry;
use crate::domain::unit::Bytes;
use crate::ports::objects::{FoundObject, Listing, ObjectError};
use crate::ports::walk::{PAGE, Tally, Walk};
use futures::StreamExt;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Objects held at once; more go to the file.
const RUN: usize = 8192;
/// What is read at once of each run …
const BUFFER: usize = 16 << 10;
/// … and of all of them together, where they are many.
const BUFFERS: usize = 1 << 20;
/// Less at once would be a call for every few objects.
const BUFFER_LEAST: usize = 2 << 10;
/// Pages that wait to be taken.
const PAGES_AHEAD: usize = 2;

/// What makes the pages of a [`Walk`], on a thread of its own.
pub(super) struct Sorter {
    tally: Arc<Tally>,
    pages: mpsc::Sender<Result<Listing, ObjectError>>,
    run: Vec<FoundObject>,
    file: Option<File>,
    /// Where each run in the file begins and ends.
    runs: Vec<(u64, u64)>,
    left_out: Listing,
    /// Whether an empty object may stand for a directory, and whether there was an empty one.
    marks: bool,
    empty: bool,
    most: usize,
}

/// The walk's end: whoever wanted it has gone, or a page cannot be made.
pub(super) type Ended = Result<(), ObjectError>;

/// A walk whose objects `find` tells the sorter of, in any order. With `marks`, empty objects that stand for directories are left out.
pub(super) fn walk(marks: bool, find: impl FnOnce(&mut Sorter) -> Ended + Send + 'static) -> Walk {
    let tally = Arc::new(Tally::default());
    let (pages, taken) = mpsc::channel(PAGES_AHEAD);
    let mut sorter = Sorter {
        tally: tally.clone(),
        pages,
        run: Vec::new(),
        file: None,
        runs: Vec::new(),
        left_out: Listing::default(),
        marks,
        empty: false,
        most: RUN,
    };
    let work = tokio::task::spawn_blocking(move || {
        let pages = sorter.pages.clone();
        if let Err(problem) = find(&mut sorter).and_then(|()| sorter.end()) {
            // Nobody may be listening any more.
            drop(pages.blocking_send(Err(problem)));
        }
    });
    // A thread that panicked must not look like the end of the listing.
    let taken = futures::stream::unfold((taken, Some(work)), |(mut taken, work)| async move {
        match taken.recv().await {
            Some(page) => Some((page, (taken, work))),
            None => match work?.await {
                Ok(()) => None,
                Err(error) => {
                    let broken = ObjectError::Io(format!("a thread ended unexpectedly: {error}"));
                    Some((Err(broken), (taken, None)))
                }
            },
        }
    });
    Walk::new(taken.boxed(), tally)
}

fn broken(error: &std::io::Error) -> ObjectError {
    ObjectError::Io(format!(
        "a long listing is put in order in a file in {}: {error}",
        std::env::temp_dir().display()
    ))
}

impl Sorter {
    /// An object was found.
    pub(super) fn add(&mut self, object: FoundObject) -> Ended {
        self.tally.add(&object);
        self.empty |= object.size_bytes == Bytes::ZERO;
        self.run.push(object);
        if self.run.len() < self.most {
            return Ok(());
        }
        if self.pages.is_closed() {
            return Err(ObjectError::Stopped);
        }
        self.spill().map_err(|e| broken(&e))
    }

    /// An entry is no object.
    pub(super) fn skip(&mut self, path: String, reason: &str) {
        let entry = SkippedEntry {
            path,
            reason: reason.to_owned(),
        };
        self.left_out.add_left_out(vec![entry], 1, Vec::new());
    }

    /// A file's name is no text.
    pub(super) fn unnameable(&mut self, path: &str, reason: &str) {
        let entry = SkippedEntry {
            path: path.to_owned(),
            reason: reason.to_owned(),
        };
        self.left_out.add_left_out(Vec::new(), 0, vec![entry]);
        self.skip(path.to_owned(), reason);
    }

    /// How many objects and other entries were seen.
    pub(super) fn seen_any(&self) -> bool {
        self.tally.look().0 > 0 || self.left_out.skipped_count > 0
    }

    fn spill(&mut self) -> std::io::Result<()> {
        self.run.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        if self.file.is_none() {
            self.file = Some(tempfile::tempfile()?);
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        let from = file.seek(SeekFrom::End(0))?;
        let mut out = BufWriter::with_capacity(1 << 18, &mut *file);
        for object in self.run.drain(..) {
            write(&mut out, &object)?;
        }
        out.flush()?;
        drop(out);
        let to = file.stream_position()?;
        self.runs.push((from, to));
        Ok(())
    }

    /// Everything was found: hands out the pages.
    fn end(&mut self) -> Ended {
        self.run.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        let marks = if self.marks && self.empty {
            self.directory_marks()?
        } else {
            Vec::new()
        };
        for mark in &marks {
            self.skip(mark.clone(), "an empty object that stands for a directory");
        }
        self.left_out.skipped.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        let mut marks = marks.into_iter().peekable();
        let mut page = std::mem::take(&mut self.left_out);
        let run = std::mem::take(&mut self.run);
        let mut merged = self.merged(run.into_iter())?;
        while let Some(object) = merged.next().map_err(|e| broken(&e))? {
            if marks.next_if(|mark| *mark == object.key).is_some() {
                continue;
            }
            page.objects.push(object);
            if page.objects.len() == PAGE {
                self.hand_out(std::mem::take(&mut page))?;
            }
        }
        self.hand_out(page)
    }

    fn hand_out(&self, page: Listing) -> Ended {
        self.pages
            .blocking_send(Ok(page))
            .map_err(|_| ObjectError::Stopped)
    }

    /// Some tools keep an empty object for each "directory". Next to objects below it, it holds nothing that a move would lose.
    fn directory_marks(&self) -> Result<Vec<String>, ObjectError> {
        let mut found = Vec::new();
        // Each is the beginning of the one that follows it.
        let mut open: Vec<(String, bool)> = Vec::new();
        let mut merged = self.merged(self.run.iter().cloned())?;
        while let Some(object) = merged.next().map_err(|e| broken(&e))? {
            while open.last().is_some_and(|(key, _)| !object.key.starts_with(key)) {
                open.pop();
            }
            for (key, known) in &mut open {
                if !*known && object.key[key.len()..].starts_with('/') {
                    *known = true;
                    found.push(key.clone());
                }
            }
            if object.size_bytes == Bytes::ZERO {
                open.push((object.key, false));
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Everything in order: what is in the file, and what is held, which is in order already.
    fn merged<'a>(&'a self, held: impl Iterator<Item = FoundObject> + 'a) -> Result<Merged<'a>, ObjectError> {
        let mut sources: Vec<Source<'_>> = vec![Source::Memory(Box::new(held))];
        if let Some(file) = &self.file {
            let buffer = (BUFFERS / self.runs.len().max(1)).clamp(BUFFER_LEAST, BUFFER);
            for (at, end) in &self.runs {
                let part = Part {
                    file,
                    at: *at,
                    end: *end,
                };
                sources.push(Source::File(BufReader::with_capacity(buffer, part)));
            }
        }
        Merged::new(sources).map_err(|e| broken(&e))
    }
}

fn write(out: &mut impl Write, object: &FoundObject) -> std::io::Result<()> {
    for text in [&object.key, &object.fingerprint] {
        let length = u32::try_from(text.len()).map_err(std::io::Error::other)?;
        out.write_all(&length.to_le_bytes())?;
        out.write_all(text.as_bytes())?;
    }
    out.write_all(&object.size_bytes.0.to_le_bytes())
}

fn read(from: &mut impl Read) -> std::io::Result<FoundObject> {
    let mut text = || -> std::io::Result<String> {
        let mut length = [0; 4];
        from.read_exact(&mut length)?;
        let mut text = vec![0; u32::from_le_bytes(length) as usize];
        from.read_exact(&mut text)?;
        String::from_utf8(text).map_err(std::io::Error::other)
    };
    let (key, fingerprint) = (text()?, text()?);
    let mut size = [0; 8];
    from.read_exact(&mut size)?;
    Ok(FoundObject {
        key,
        size_bytes: Bytes(u64::from_le_bytes(size)),
        fingerprint,
    })
}

/// A run in the file.
struct Part<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = usize::try_from(self.end - self.at)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let read = self.file.read_at(&mut buffer[..most], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

enum Source<'a> {
    Memory(Box<dyn Iterator<Item = FoundObject> + 'a>),
    File(BufReader<Part<'a>>),
}

impl Source<'_> {
    fn next(&mut self) -> std::io::Result<Option<FoundObject>> {
        match self {
            Self::Memory(objects) => Ok(objects.next()),
            Self::File(part) if part.buffer().is_empty() && part.get_ref().at == part.get_ref().end => {
                Ok(None)
            }
            Self::File(part) => read(part).map(Some),
        }
    }
}

/// The next object of a source; the smallest key comes out of the heap first.
struct Head(FoundObject, usize);

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Head {}
impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Head {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (&self.0.key, self.1).cmp(&(&other.0.key, other.1))
    }
}

struct Merged<'a> {
    sources: Vec<Source<'a>>,
    heads: BinaryHeap<Reverse<Head>>,
}

impl<'a> Merged<'a> {
    fn new(sources: Vec<Source<'a>>) -> std::io::Result<Self> {
        let mut merged = Self {
            heads: BinaryHeap::with_capacity(sources.len()),
            sources,
        };
        for at in 0..merged.sources.len() {
            merged.refill(at)?;
        }
        Ok(merged)
    }

    fn refill(&mut self, at: usize) -> std::io::Result<()> {
        let next = self.sources[at].next()?;
        self.heads.extend(next.map(|object| Reverse(Head(object, at))));
        Ok(())
    }

    fn next(&mut self) -> std::io::Result<Option<FoundObject>> {
        let Some(Reverse(Head(object, at))) = self.heads.pop() else {
            return Ok(None);
        };
        self.refill(at)?;
        while let Some(Reverse(Head(same, at))) = self.heads.peek()
            && same.key == object.key
        {
            let at = *at;
            self.heads.pop();
            self.refill(at)?;
        }
        Ok(Some(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(key: &str, size: u64) -> FoundObject {
        FoundObject {
            key: key.to_owned(),
            size_bytes: Bytes(size),
            fingerprint: format!("print of {key}"),
        }
    }

    async fn sorted(objects: Vec<FoundObject>, most: usize, marks: bool) -> (Vec<usize>, Listing) {
        let mut walk = walk(marks, move |sorter| {
            sorter.most = most;
            objects.into_iter().try_for_each(|object| sorter.add(object))
        });
        let (mut sizes, mut whole) = (Vec::new(), Listing::default());
        while let Some(page) = walk.next().await.unwrap() {
            sizes.push(page.objects.len());
            whole.objects.extend(page.objects);
            whole.add_left_out(page.skipped, page.skipped_count, page.unnameable);
        }
        (sizes, whole)
    }

    #[tokio::test]
    async fn many_runs_come_out_in_key_order_in_small_pages() {
        let objects: Vec<_> = (0..5000_u64)
            .map(|n| object(&format!("{:05}/ü", n * 7919 % 5000), n))
            .collect();
        for most in [7, 1000, 100_000] {
            let (sizes, whole) = sorted(objects.clone(), most, false).await;
            assert!(sizes.iter().all(|size| *size <= PAGE), "{sizes:?}");
            let mut expected = objects.clone();
            expected.sort_by(|a, b| a.key.cmp(&b.key));
            assert_eq!(whole.objects, expected, "runs of {most}");
        }
    }

    #[tokio::test]
    async fn a_key_that_is_seen_twice_is_one_object() {
        let twice = vec![object("b", 1), object("a", 1), object("b", 1)];
        for most in [1, 2, 10] {
            let (_, whole) = sorted(twice.clone(), most, false).await;
            assert_eq!(whole.objects, [object("a", 1), object("b", 1)]);
        }
    }

    #[tokio::test]
    async fn marks_of_directories_are_told_from_empty_objects() {
        let objects = vec![
            object("a", 0),
            object("a!", 0),
            object("a/b", 0),
            object("a/b/c", 5),
            object("ab", 0),
            object("d", 3),
            object("d/e", 1),
        ];
        for most in [1, 3, 100] {
            let (_, whole) = sorted(objects.clone(), most, true).await;
            let keys: Vec<_> = whole.objects.iter().map(|o| o.key.as_str()).collect();
            assert_eq!(keys, ["a!", "a/b/c", "ab", "d", "d/e"]);
            assert_eq!(whole.skipped_count, 2);
            let skipped: Vec<_> = whole.skipped.iter().map(|s| s.path.as_str()).collect();
            assert_eq!(skipped, ["a", "a/b"]);
        }
        let (_, all) = sorted(objects, 100, false).await;
        assert_eq!((all.objects.len(), all.skipped_count), (7, 0));
    }

    #[tokio::test]
    async fn an_error_follows_nothing_and_is_not_the_end() {
        let mut broken = walk(false, |sorter| {
            sorter.add(object("a", 1))?;
            Err(ObjectError::Io("away".into()))
        });
        assert_eq!(broken.next().await, Err(ObjectError::Io("away".into())));
        let mut panicked = walk(false, |_| panic!("as if by a fault of ours"));
        assert!(matches!(panicked.next().await, Err(ObjectError::Io(_))));
    }
}
