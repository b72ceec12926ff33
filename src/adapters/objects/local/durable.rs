//! Making staged objects durable: one flush of the file system for many, one of each file for few.
//!
//! Invariant: on return the bytes and the names of all keys are on the device. Only file systems whose flush is known to wait for
//! bytes and names, and to tell of errors, are flushed as a whole; on any other each file and each directory is.

use super::dir::{Dir, failure, split_key};
use crate::ports::objects::{ObjectError, Prefix};
use rustix::fs::Advice;
use std::collections::BTreeSet;
use std::fs::File;
use std::num::NonZeroU64;

/// Keys from which on one flush is cheaper than many, although it writes what others have written to the same disk as well.
const MANY: usize = 16;
/// Files that are flushed at once: the device answers several as fast as one.
const AT_ONCE: usize = 8;
/// Bytes from which on a copy flushes its own file, at once and beside the others.
pub(super) const ALONE: u64 = 4 << 20;

/// After how many written bytes the device is told to begin with them.
const AHEAD: u64 = 8 << 20;

/// Lets the device begin with the bytes of a file while more of them are read, so that the flush at the end has little to wait for.
pub(super) struct Ahead<'a> {
    out: &'a File,
    begun: u64,
    at: u64,
}

impl<'a> Ahead<'a> {
    /// Of what is written from an offset on.
    pub(super) fn new(out: &'a File, offset: u64) -> Self {
        Self {
            out,
            begun: offset,
            at: offset,
        }
    }

    /// So many bytes more were written.
    pub(super) fn wrote(&mut self, bytes: usize) {
        self.at += bytes as u64;
        let waiting = self.at - self.begun;
        if waiting < AHEAD {
            return;
        }
        // Pages that are not needed are written at once and kept until they are. Best effort: the flush does what this does not.
        if let Err(errno) =
            rustix::fs::fadvise(self.out, self.begun, NonZeroU64::new(waiting), Advice::DontNeed)
        {
            tracing::trace!(%errno, "writing ahead is refused");
        }
        self.begun = self.at;
    }
}

/// ext2 to ext4, XFS, Btrfs, F2FS, tmpfs, overlayfs.
const WHOLE: [i64; 6] = [
    0xEF53,
    0x5846_5342,
    0x9123_683E,
    0xF2F5_2010,
    0x0102_1994,
    0x794C_7630,
];

/// Makes the objects with these keys durable.
pub(super) fn sync(data: &Prefix, keys: &[String]) -> Result<(), ObjectError> {
    let mut folders = BTreeSet::new();
    for key in keys {
        folders.insert(split_key(key)?.0);
    }
    let root = Dir::open(data)?;
    if keys.len() >= MANY && is_flushed_whole(&root) {
        return rustix::fs::syncfs(&root).map_err(|e| failure(e, "make durable what is in", root.path()));
    }
    each(data, keys)?;
    for folder in folders {
        Dir::open(data)?.descend(folder)?.sync()?;
    }
    Ok(())
}

fn is_flushed_whole(dir: &Dir) -> bool {
    rustix::fs::fstatfs(dir).is_ok_and(|stat| WHOLE.contains(&stat.f_type))
}

fn each(data: &Prefix, keys: &[String]) -> Result<(), ObjectError> {
    let share = keys.len().div_ceil(AT_ONCE).max(1);
    std::thread::scope(|scope| {
        let threads: Vec<_> = keys
            .chunks(share)
            .map(|keys| scope.spawn(move || keys.iter().try_for_each(|key| one(data, key))))
            .collect();
        threads.into_iter().try_for_each(|thread| {
            thread
                .join()
                .unwrap_or_else(|_| Err(ObjectError::Io("a thread ended unexpectedly".into())))
        })
    })
}

fn one(data: &Prefix, key: &str) -> Result<(), ObjectError> {
    let (folder, name) = split_key(key)?;
    let (file, _) = Dir::open(data)?.descend(folder)?.file(name)?;
    rustix::fs::fsync(&file).map_err(|e| failure(e, "make durable the object", key))
}
