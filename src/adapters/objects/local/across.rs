//! The disk's side of a copy between it and another kind of store: a file, or a part of it, is read into memory; one that comes is
//! written into the staging area.
//!
//! Invariant: what is read is of the version that was listed, before and after; a half file that came never gets an object's name.

use super::copy::{CHUNK, FileMeta, finish, partial_name, put_in_place, stream};
use super::device::Reader;
use super::dir::{Dir, failure, io_failure, split_key};
use super::listing::fingerprint;
use super::memory::Filling;
use crate::adapters::objects::Throttle;
use crate::adapters::objects::throttle::rest;
use crate::ports::objects::{Copied, FoundObject, Meter, ObjectError, Prefix, Staging};
use bytes::Bytes;
use std::io::{Read, Seek, SeekFrom, Write};
use std::time::Instant;

/// A file, or a part of it, in memory.
pub(in crate::adapters::objects) struct ReadFile {
    pub(in crate::adapters::objects) bytes: Bytes,
    pub(in crate::adapters::objects) meta: FileMeta,
}

/// Reads an object, or `(offset, length)` of it, for a copy to another kind of store.
pub(in crate::adapters::objects) fn read_file(
    source: &Prefix,
    object: &FoundObject,
    range: Option<(u64, u64)>,
    throttle: Option<&Throttle>,
    meter: &Meter,
) -> Result<ReadFile, ObjectError> {
    let changed = || ObjectError::Changed(object.key.clone());
    let gone_is_changed = |e: ObjectError| match e {
        ObjectError::NotFound(_) | ObjectError::Unsafe(_) => changed(),
        e => e,
    };
    let (folder, name) = split_key(&object.key)?;
    let from = Dir::open(source)?.descend(folder).map_err(gone_is_changed)?;
    let (mut file, before) = from.file(name).map_err(gone_is_changed)?;
    if fingerprint(&before) != object.fingerprint {
        return Err(changed());
    }
    let (offset, length) = range.unwrap_or((0, object.size_bytes.0));
    let mut bytes = Filling::new(usize::try_from(length).map_err(|_| changed())?);
    let most = throttle.map_or(CHUNK, |t| t.chunk(CHUNK));
    file.seek(SeekFrom::Start(offset))
        .map_err(|e| io_failure(&e, "read", &object.key))?;
    let mut reading = Reader::of_source(&file, offset, length);
    let (mut at, mut rest_of_it) = (offset, bytes.memory());
    let asked = Instant::now();
    while !rest_of_it.is_empty() {
        let now = meter.chunk(most).min(rest_of_it.len());
        let (piece, later) = rest_of_it.split_at_mut(now);
        rest_of_it = later;
        if meter.is_stopped() {
            return Err(ObjectError::Stopped);
        }
        match reading.read_exact(piece) {
            Ok(()) => {}
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => return Err(changed()),
            Err(e) => return Err(io_failure(&e, "read", &object.key)),
        }
        if at == offset
            && let Some(reads) = meter.reads()
        {
            reads.first_byte(asked.elapsed());
        }
        at += piece.len() as u64;
        if let Some(throttle) = throttle {
            throttle.pass(piece.len() as u64, meter)?;
        }
        if let Some(until) = meter.add(piece.len() as u64) {
            rest(until, meter)?;
        }
    }
    if throttle.is_none()
        && !meter.was_held()
        && let Some(reads) = meter.reads()
    {
        reads.whole(length, asked.elapsed());
    }
    let after = rustix::fs::fstat(&file).map_err(|e| failure(e, "look at", &object.key))?;
    if fingerprint(&after) != object.fingerprint {
        return Err(changed());
    }
    Ok(ReadFile {
        bytes: bytes.full(),
        meta: FileMeta::of(&after),
    })
}

/// Writes an object that comes from another kind of store into the staging area. Its bytes were counted where they were read.
pub(in crate::adapters::objects) fn receive(
    staging: &Staging,
    object: &FoundObject,
    from: &mut impl Read,
    meta: &FileMeta,
) -> Result<Copied, ObjectError> {
    let (folder, name) = split_key(&object.key)?;
    let partial_dir = Dir::open(&staging.partial())?;
    let partial = partial_name();
    let mut out = partial_dir.new_file(&partial)?;
    let key = &object.key;
    let (uncounted, size) = (Meter::default(), object.size_bytes.0);
    let written = stream(
        from,
        |bytes| {
            out.write_all(bytes)
                .map_err(|e| io_failure(&e, "write the object", key))
        },
        key,
        size,
        None,
        &uncounted,
    );
    let done = written.and_then(|(hash, length)| {
        if length != size {
            return Err(ObjectError::Io(format!(
                "the object {key:?} ended after {length} of {size} bytes"
            )));
        }
        finish(&out, meta, None, key, length)?;
        let data = Dir::open(&staging.data())?.ensure(folder)?;
        put_in_place(&partial_dir, &partial, &out, &data, name, hash)
    });
    if done.is_err()
        && let Err(errno) = partial_dir.remove(&partial, false)
    {
        tracing::warn!(%errno, object = object.key, "a partial object stays until the job is cleaned up");
    }
    done
}
