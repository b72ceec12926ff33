//! Copying one object.
//!
//! Invariant: a row, not a name, says that a staged object is whole; it is durable once `sync` was told of it. Half ones are in the
//! partial directory, under names that are never used twice, but for small ones, which are soon written again.

use super::device::Reader;
use super::dir::{Dir, failure, io_failure, segments, split_key};
use super::durable::ALONE;
use super::listing::fingerprint;
use super::share::{self, one_file_system};
use crate::adapters::objects::Throttle;
use crate::adapters::objects::throttle::rest;
use crate::ports::objects::{Copied, FoundObject, Meter, ObjectError, Prefix, Staging};
use rustix::fs::{Gid, Mode, Stat, Timespec, Timestamps, Uid};
use std::fs::File;
use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Bytes that are read, hashed and written in one go: they stay in a core's own cache between the three.
pub(super) const CHUNK: usize = 256 << 10;

static NEXT_PARTIAL: AtomicU64 = AtomicU64::new(0);

/// Mode and modification time, as the target has them: what a verify compares besides the content.
pub(super) fn metadata(stat: &Stat) -> String {
    format!(
        "mode={:o} mtime={}.{:09}",
        stat.st_mode & 0o777,
        stat.st_mtime,
        stat.st_mtime_nsec
    )
}

/// What is kept of a file besides its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::adapters::objects) struct FileMeta {
    /// Permission bits.
    pub(in crate::adapters::objects) mode: u32,
    /// Modification time, whole seconds.
    pub(in crate::adapters::objects) mtime_secs: i64,
    /// And nanoseconds.
    pub(in crate::adapters::objects) mtime_nanos: i64,
}

impl FileMeta {
    pub(super) fn of(stat: &Stat) -> Self {
        Self {
            mode: stat.st_mode & 0o777,
            mtime_secs: stat.st_mtime,
            mtime_nanos: stat.st_mtime_nsec as i64,
        }
    }
}

/// Gives a whole file its name in the staging area.
pub(super) fn put_in_place(
    partial_dir: &Dir,
    partial: &str,
    out: &File,
    data: &Dir,
    name: &str,
    content_hash: String,
) -> Result<Copied, ObjectError> {
    rustix::fs::renameat(partial_dir, partial, data, name)
        .map_err(|e| failure(e, "put in place", &data.child_path(name)))?;
    let stat = rustix::fs::fstat(out).map_err(|e| failure(e, "look at", &data.child_path(name)))?;
    Ok(copied(&stat, content_hash))
}

fn copied(stat: &Stat, content_hash: String) -> Copied {
    Copied {
        content_hash: Some(content_hash),
        metadata: metadata(stat),
        fingerprint: fingerprint(stat),
        checksum: None,
        stored: None,
    }
}

pub(super) fn partial_name() -> String {
    format!(
        "{}-{}",
        std::process::id(),
        NEXT_PARTIAL.fetch_add(1, Ordering::Relaxed)
    )
}

/// Gives a written file its mode and time, and makes a large one durable. Small ones are made durable together, by `sync`.
pub(super) fn finish(
    out: &File,
    meta: &FileMeta,
    accessed: Option<Timespec>,
    key: &str,
    length: u64,
) -> Result<(), ObjectError> {
    rustix::fs::fchmod(out, Mode::from_raw_mode(meta.mode))
        .map_err(|e| failure(e, "set the mode of", key))?;
    let modified = Timespec {
        tv_sec: meta.mtime_secs,
        tv_nsec: meta.mtime_nanos,
    };
    let times = Timestamps {
        last_access: accessed.unwrap_or(modified),
        last_modification: modified,
    };
    rustix::fs::futimens(out, &times).map_err(|e| failure(e, "set the times of", key))?;
    if length >= ALONE {
        rustix::fs::fsync(out).map_err(|e| failure(e, "make durable the object", key))?;
    }
    Ok(())
}

/// Streams `file` through the hash and `sink`; returns hash and length.
pub(super) fn stream(
    file: &mut impl Read,
    sink: impl FnMut(&[u8]) -> Result<(), ObjectError>,
    path: &str,
    size_hint: u64,
    throttle: Option<&Throttle>,
    meter: &Meter,
) -> Result<(String, u64), ObjectError> {
    let mut hasher = blake3::Hasher::new();
    let length = stream_into(&mut hasher, file, sink, path, size_hint, throttle, meter)?;
    Ok((hasher.finalize().to_hex().to_string(), length))
}

/// The same with a hash that was begun; returns the length.
pub(super) fn stream_into(
    hasher: &mut blake3::Hasher,
    file: &mut impl Read,
    mut sink: impl FnMut(&[u8]) -> Result<(), ObjectError>,
    path: &str,
    size_hint: u64,
    throttle: Option<&Throttle>,
    meter: &Meter,
) -> Result<u64, ObjectError> {
    let most = throttle.map_or(CHUNK, |t| t.chunk(CHUNK));
    let wanted = usize::try_from(size_hint.saturating_add(1)).unwrap_or(most);
    let mut buffer = vec![0; wanted.clamp(512, most.max(512))];
    let mut length = 0;
    let asked = Instant::now();
    loop {
        if meter.is_stopped() {
            return Err(ObjectError::Stopped);
        }
        let now = meter.chunk(buffer.len());
        let read = file
            .read(&mut buffer[..now])
            .map_err(|e| io_failure(&e, "read", path))?;
        if read == 0 {
            return Ok(length);
        }
        if length == 0
            && let Some(reads) = meter.reads()
        {
            reads.first_byte(asked.elapsed());
        }
        let bytes = &buffer[..read];
        hasher.update(bytes);
        sink(bytes)?;
        length += read as u64;
        if let Some(throttle) = throttle {
            throttle.pass(read as u64, meter)?;
        }
        if let Some(until) = meter.add(read as u64) {
            rest(until, meter)?;
        }
    }
}

/// Copies one object into the staging area.
pub(super) fn copy(
    source: &Prefix,
    staging: &Staging,
    object: &FoundObject,
    throttle: Option<&Throttle>,
    meter: &Meter,
) -> Result<Copied, ObjectError> {
    let (folder, name) = split_key(&object.key)?;
    let from = Dir::open(source)?
        .descend(folder)
        .map_err(gone_is_changed(&object.key))?;
    let (file, before) = unchanged(&from, name, object)?;
    let partial_dir = Dir::open(&staging.partial())?;
    let partial = partial_name();
    let out = partial_dir.new_file(&partial)?;
    let may_share = staging.may_share;
    let written = write_whole(&file, &out, &before, object, may_share, throttle, meter);
    let done = written.and_then(|hash| {
        still_unchanged(&file, object)?;
        let data = mirrored(Dir::open(source)?, Dir::open(&staging.data())?, folder)?;
        put_in_place(&partial_dir, &partial, &out, &data, name, hash)
    });
    if done.is_err()
        && let Err(errno) = partial_dir.remove(&partial, false)
    {
        tracing::warn!(%errno, object = object.key, "a partial object stays until the job is cleaned up");
    }
    done
}

/// A folder of the source and its like in the staging area.
pub(super) struct FromTo {
    from: Dir,
    to: Dir,
}

impl FromTo {
    /// Opens both; the one in the staging area is made where it is missing. `key` is an object of the folder.
    pub(super) fn open(
        source: &Prefix,
        staging: &Staging,
        folder: &str,
        key: &str,
    ) -> Result<Self, ObjectError> {
        let from = Dir::open(source)?.descend(folder).map_err(gone_is_changed(key))?;
        let to = mirrored(Dir::open(source)?, Dir::open(&staging.data())?, folder)?;
        Ok(Self { from, to })
    }
}

/// Copies a small object to its own name at once. Whatever a killed mover left there goes first.
pub(super) fn at_its_name(
    at: &FromTo,
    name: &str,
    object: &FoundObject,
    throttle: Option<&Throttle>,
    meter: &Meter,
) -> Result<Copied, ObjectError> {
    let key = &object.key;
    let (file, before) = unchanged(&at.from, name, object)?;
    let out = match at.to.new_file(name) {
        Err(ObjectError::Occupied(_)) => {
            at.to
                .remove(name, false)
                .map_err(|e| failure(e, "replace", &at.to.child_path(name)))?;
            at.to.new_file(name)?
        }
        out => out?,
    };
    let written = write_whole(&file, &out, &before, object, false, throttle, meter);
    let done = written.and_then(|hash| {
        still_unchanged(&file, object)?;
        let stat = rustix::fs::fstat(&out).map_err(|e| failure(e, "look at", key))?;
        Ok(copied(&stat, hash))
    });
    if done.is_err()
        && let Err(errno) = at.to.remove(name, false)
    {
        tracing::warn!(%errno, object = key, "a half object stays until it is copied again or the job is cleaned up");
    }
    done
}

/// Opens an object of the source, as it was listed.
fn unchanged(from: &Dir, name: &str, object: &FoundObject) -> Result<(File, Stat), ObjectError> {
    let (file, before) = from.file(name).map_err(gone_is_changed(&object.key))?;
    if fingerprint(&before) != object.fingerprint {
        return Err(ObjectError::Changed(object.key.clone()));
    }
    Ok((file, before))
}

/// The source as it is now, by the handle that was read: a write during the copy shows.
fn still_unchanged(file: &File, object: &FoundObject) -> Result<(), ObjectError> {
    let after = rustix::fs::fstat(file).map_err(|e| failure(e, "look at", &object.key))?;
    if fingerprint(&after) != object.fingerprint {
        return Err(ObjectError::Changed(object.key.clone()));
    }
    Ok(())
}

fn gone_is_changed(key: &str) -> impl Fn(ObjectError) -> ObjectError + use<'_> {
    move |e| match e {
        ObjectError::NotFound(_) | ObjectError::Unsafe(_) => ObjectError::Changed(key.to_owned()),
        e => e,
    }
}

/// The directory of an object in the staging area, made where it is missing; each one on the way is as open as that of the source.
pub(super) fn mirrored(mut from: Dir, mut to: Dir, folder: &str) -> Result<Dir, ObjectError> {
    to.mirror(&from)?;
    for name in segments(folder)? {
        to = to.ensure(name)?;
        from = from.child(name)?;
        to.mirror(&from)?;
    }
    Ok(to)
}

fn write_whole(
    file: &File,
    out: &File,
    before: &Stat,
    object: &FoundObject,
    may_share: bool,
    throttle: Option<&Throttle>,
    meter: &Meter,
) -> Result<String, ObjectError> {
    let key = &object.key;
    let size = object.size_bytes.0;
    let not_written = |e: std::io::Error| io_failure(&e, "write the object", key);
    let mut into = if may_share && one_file_system(file, out) {
        let shared = share::whole(file, out, size);
        share::Into::new(file, out, (0, size), shared)
    } else {
        share::Into::written(out, (0, size))
    }
    .map_err(not_written)?;
    let put = |bytes: &[u8]| into.put(bytes).map_err(not_written);
    // All others say where they read and write: only this reading moves the handle on.
    let mut reading = Reader::of_source(file, 0, size);
    let (hash, length) = stream(&mut reading, put, key, size, throttle, meter)?;
    if length != size {
        return Err(ObjectError::Changed(key.clone()));
    }
    into.end().map_err(not_written)?;
    like_source(out, before, key, length)?;
    Ok(hash)
}

/// Gives a written file what its source is besides its bytes.
pub(super) fn like_source(out: &File, before: &Stat, key: &str, length: u64) -> Result<(), ObjectError> {
    let own = rustix::fs::fstat(out).map_err(|e| failure(e, "look at", key))?;
    // The owner can only be kept by a privileged process; the bytes matter more.
    if (own.st_uid, own.st_gid) != (before.st_uid, before.st_gid)
        && rustix::fs::fchown(
            out,
            Some(Uid::from_raw(before.st_uid)),
            Some(Gid::from_raw(before.st_gid)),
        )
        .is_err()
    {
        tracing::debug!(object = key, "the owner is not kept");
    }
    let accessed = Timespec {
        tv_sec: before.st_atime,
        tv_nsec: before.st_atime_nsec as i64,
    };
    finish(out, &FileMeta::of(before), Some(accessed), key, length)
}

/// Reads an object of a source for its hash.
pub(super) fn hash(
    at: &Prefix,
    object: &FoundObject,
    throttle: Option<&Throttle>,
    meter: &Meter,
) -> Result<String, ObjectError> {
    let changed = || ObjectError::Changed(object.key.clone());
    let (folder, name) = split_key(&object.key)?;
    let (mut file, before) = Dir::open(at)?.descend(folder)?.file(name)?;
    if fingerprint(&before) != object.fingerprint {
        return Err(changed());
    }
    let size = object.size_bytes.0;
    let (hash, length) = stream(&mut file, |_| Ok(()), &object.key, size, throttle, meter)?;
    let after = rustix::fs::fstat(&file).map_err(|e| failure(e, "look at", &object.key))?;
    if length != size || fingerprint(&after) != object.fingerprint {
        return Err(changed());
    }
    Ok(hash)
}
