//! Large objects on disks: written in parts into one file that outlives its writer, so that a copy that was killed goes on.
//!
//! Invariant: a part is told of only once its bytes are durable in the file, and is believed later only when they still make its
//! chaining value. The file gets its object's name only when it is whole.

use super::copy::{FileMeta, finish, like_source, mirrored, put_in_place, stream_into};
use super::device::Reader;
use super::dir::{Dir, failure, io_failure, split_key};
use super::listing::fingerprint;
use super::share;
use crate::adapters::objects::{Throttle, tree};
use crate::domain::encryption::{SEGMENT, STORED_SEGMENT, stored_bytes};
use crate::domain::unit::Bytes;
use crate::ports::objects::{self, Copied, FoundObject, Meter, ObjectError, Prefix, Staging, Upload};
use rustix::io::Errno;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

/// Objects over this size go in parts of it.
pub(in crate::adapters::objects) const PART: u64 = 64 << 20;
const _: () = assert!(PART >= crate::ports::objects::WHOLE_UP_TO.0);
/// The most rows that one object may have.
const PARTS_MAX: u64 = 10_000;
/// How the names of such files begin; other partial files end with their writer.
const MARK: &str = "parts-";

/// The size of parts: a power of two, so that each is a whole subtree of the hash.
pub(in crate::adapters::objects) fn part_bytes(size: u64) -> u64 {
    size.div_ceil(PARTS_MAX).next_power_of_two().max(PART)
}

/// The file that a version of an object is written to.
pub(in crate::adapters::objects) fn file_name(object: &FoundObject) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(object.key.as_bytes());
    hasher.update(&[0]);
    hasher.update(object.fingerprint.as_bytes());
    format!("{MARK}{}", &hasher.finalize().to_hex()[..32])
}

/// Whether a partial file may be gone on with.
pub(super) fn outlives(name: &str) -> bool {
    name.starts_with(MARK)
}

/// Removes the files that nobody goes on with; how many.
pub(super) fn abandon(staging: &Staging, keep: &[String]) -> Result<u64, ObjectError> {
    let dir = match Dir::open(&staging.partial()) {
        Ok(dir) => dir,
        Err(ObjectError::NotFound(_)) => return Ok(0),
        Err(e) => return Err(e),
    };
    let mut count = 0;
    for name in dir.names()?.into_iter().flatten() {
        if outlives(&name) && !keep.contains(&name) {
            dir.remove(&name, false)
                .map_err(|e| failure(e, "remove", &dir.child_path(&name)))?;
            count += 1;
        }
    }
    Ok(count)
}

/// Makes the file, empty.
pub(in crate::adapters::objects) fn begin(staging: &Staging, name: &str) -> Result<(), ObjectError> {
    let dir = Dir::open(&staging.partial())?;
    match dir.remove(name, false) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(e) => return Err(failure(e, "remove", &dir.child_path(name))),
    }
    drop(dir.new_file(name)?);
    dir.sync()
}

/// Forgets the file.
pub(in crate::adapters::objects) fn remove(staging: &Staging, name: &str) -> Result<(), ObjectError> {
    let dir = Dir::open(&staging.partial())?;
    match dir.remove(name, false) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(e) => Err(failure(e, "remove", &dir.child_path(name))),
    }
}

/// The parts that are in the file as they were told of; `None` when there is no file.
pub(in crate::adapters::objects) fn still_good(
    staging: &Staging,
    object: &FoundObject,
    upload: &Upload,
    meter: &Meter,
) -> Result<Option<Vec<objects::Part>>, ObjectError> {
    let mut file = match Dir::open(&staging.partial())?.file(&upload.id) {
        Ok((file, _)) => file,
        Err(ObjectError::NotFound(_)) => return Ok(None),
        Err(e) => return Err(e),
    };
    let mut good = Vec::new();
    for part in &upload.parts {
        let offset = u64::from(part.number) * upload.part_bytes.0;
        let length = upload
            .part_bytes
            .0
            .min(object.size_bytes.0.saturating_sub(offset));
        file.seek(SeekFrom::Start(offset))
            .map_err(|e| io_failure(&e, "read", &object.key))?;
        let mut hasher = subtree(offset);
        let mut span = (&mut file).take(length);
        let read = stream_into(
            &mut hasher,
            &mut span,
            |_| Ok(()),
            &object.key,
            length,
            None,
            meter,
        )?;
        if read == length && length > 0 && tree::to_hex(&tree::end(&hasher)) == part.chain {
            good.push(part.clone());
        }
    }
    Ok(Some(good))
}

fn subtree(offset: u64) -> blake3::Hasher {
    tree::begin(offset)
}

/// Writes a part that is read from `from` and makes it durable; its chaining value.
pub(in crate::adapters::objects) fn write_part(
    staging: &Staging,
    object: &FoundObject,
    name: &str,
    (offset, length): (u64, u64),
    from: &mut impl Read,
    throttle: Option<&Throttle>,
    meter: &Meter,
) -> Result<String, ObjectError> {
    let out = Dir::open(&staging.partial())?.file_to_write(name)?;
    let key = &object.key;
    let not_written = |e: std::io::Error| io_failure(&e, "write the object", key);
    let mut hasher = subtree(offset);
    let mut into = share::Into::written(&out, (offset, length)).map_err(not_written)?;
    let sink = |bytes: &[u8]| into.put(bytes).map_err(not_written);
    let read = stream_into(&mut hasher, from, sink, key, length, throttle, meter)?;
    if read != length {
        return Err(ObjectError::Io(format!(
            "the object {key:?} ended after {} of {} bytes",
            offset + read,
            object.size_bytes.0
        )));
    }
    into.end().map_err(not_written)?;
    rustix::fs::fdatasync(&out).map_err(|e| failure(e, "make durable the object", key))?;
    Ok(tree::to_hex(&tree::end(&hasher)))
}

/// Writes pieces one after the other.
pub(in crate::adapters::objects) fn write_at(
    staging: &Staging,
    key: &str,
    name: &str,
    mut at: u64,
    pieces: &[bytes::Bytes],
) -> Result<(), ObjectError> {
    let out = Dir::open(&staging.partial())?.file_to_write(name)?;
    for piece in pieces {
        out.write_all_at(piece, at)
            .map_err(|e| io_failure(&e, "write the object", key))?;
        at += piece.len() as u64;
    }
    Ok(())
}

/// Makes what was written durable.
pub(in crate::adapters::objects) fn settle(
    staging: &Staging,
    key: &str,
    name: &str,
) -> Result<(), ObjectError> {
    let out = Dir::open(&staging.partial())?.file_to_write(name)?;
    rustix::fs::fdatasync(&out).map_err(|e| failure(e, "make durable the object", key))
}

/// The hashes of the segments that stand where a part of an encrypted object does; the last one may be short. `None` when there is
/// no file.
pub(in crate::adapters::objects) fn segment_hashes(
    staging: &Staging,
    key: &str,
    name: &str,
    plain: std::ops::Range<u64>,
    meter: &Meter,
) -> Result<Option<Vec<blake3::Hash>>, ObjectError> {
    let mut file = match Dir::open(&staging.partial())?.file(name) {
        Ok((file, _)) => file,
        Err(ObjectError::NotFound(_)) => return Ok(None),
        Err(e) => return Err(e),
    };
    file.seek(SeekFrom::Start(plain.start / SEGMENT * STORED_SEGMENT))
        .map_err(|e| io_failure(&e, "read", key))?;
    let mut hashes = Vec::new();
    let mut at = plain.start;
    while at < plain.end {
        let length = stored_bytes(Bytes(SEGMENT.min(plain.end - at))).0;
        let mut hasher = blake3::Hasher::new();
        let mut span = (&mut file).take(length);
        let read = stream_into(&mut hasher, &mut span, |_| Ok(()), key, length, None, meter)?;
        if read != length {
            break;
        }
        hashes.push(hasher.finalize());
        at += SEGMENT;
    }
    Ok(Some(hashes))
}

/// Opens the source of a copy while it is what the manifest says.
fn open_source(source: &Prefix, object: &FoundObject) -> Result<(File, rustix::fs::Stat), ObjectError> {
    let changed = |e: ObjectError| match e {
        ObjectError::NotFound(_) | ObjectError::Unsafe(_) => ObjectError::Changed(object.key.clone()),
        e => e,
    };
    let (folder, name) = split_key(&object.key)?;
    let from = Dir::open(source)?.descend(folder).map_err(changed)?;
    let (file, stat) = from.file(name).map_err(changed)?;
    if fingerprint(&stat) == object.fingerprint {
        Ok((file, stat))
    } else {
        Err(ObjectError::Changed(object.key.clone()))
    }
}

/// Lets the whole file share the blocks of its source, durably, where the file system can; whether it does.
pub(super) fn share(
    source: &Prefix,
    staging: &Staging,
    object: &FoundObject,
    name: &str,
) -> Result<bool, ObjectError> {
    if !staging.may_share {
        return Ok(false);
    }
    let (file, _) = open_source(source, object)?;
    let out = Dir::open(&staging.partial())?.file_to_write(name)?;
    if !share::whole(&file, &out, object.size_bytes.0) {
        return Ok(false);
    }
    unchanged(&file, object)?;
    rustix::fs::fsync(&out).map_err(|e| failure(e, "make durable the object", &object.key))?;
    Ok(true)
}

/// A part of a file of this machine.
pub(super) struct Part {
    /// The file that it is written to.
    pub(super) name: String,
    /// Its offset and length.
    pub(super) span: (u64, u64),
    /// Whether that file shares its source's blocks, so that only the hash is missing.
    pub(super) shared: bool,
}

/// Copies a part of a file of this machine; its chaining value.
pub(super) fn copy_part(
    source: &Prefix,
    staging: &Staging,
    object: &FoundObject,
    part: &Part,
    throttle: Option<&Throttle>,
    meter: &Meter,
) -> Result<String, ObjectError> {
    let (key, (offset, length)) = (&object.key, part.span);
    let (mut file, _) = open_source(source, object)?;
    file.seek(SeekFrom::Start(offset))
        .map_err(|e| io_failure(&e, "read", key))?;
    let from = file.try_clone().map_err(|e| io_failure(&e, "read", key))?;
    let out = Dir::open(&staging.partial())?.file_to_write(&part.name)?;
    let not_written = |e: std::io::Error| io_failure(&e, "write the object", key);
    let mut into = if staging.may_share && share::one_file_system(&from, &out) {
        share::Into::new(&from, &out, part.span, part.shared)
    } else {
        share::Into::written(&out, part.span)
    }
    .map_err(not_written)?;
    let put = |bytes: &[u8]| into.put(bytes).map_err(not_written);
    let mut hasher = subtree(offset);
    let mut span = Reader::of_source(&file, offset, length).take(length);
    let read = stream_into(&mut hasher, &mut span, put, key, length, throttle, meter)?;
    unchanged(&file, object)?;
    if read != length {
        return Err(ObjectError::Changed(key.clone()));
    }
    into.end().map_err(not_written)?;
    if !part.shared {
        rustix::fs::fdatasync(&out).map_err(|e| failure(e, "make durable the object", key))?;
    }
    Ok(tree::to_hex(&tree::end(&hasher)))
}

fn unchanged(file: &File, object: &FoundObject) -> Result<(), ObjectError> {
    let after = rustix::fs::fstat(file).map_err(|e| failure(e, "look at", &object.key))?;
    if fingerprint(&after) == object.fingerprint {
        Ok(())
    } else {
        Err(ObjectError::Changed(object.key.clone()))
    }
}

/// Puts the whole file in place, with what its source is.
pub(in crate::adapters::objects) fn end_copy(
    source: &Prefix,
    staging: &Staging,
    object: &FoundObject,
    name: &str,
    hash: String,
) -> Result<Copied, ObjectError> {
    let (_, stat) = open_source(source, object)?;
    let dir = Dir::open(&staging.partial())?;
    let out = dir.file_to_write(name)?;
    like_source(&out, &stat, &object.key, object.size_bytes.0)?;
    let (folder, last) = split_key(&object.key)?;
    let data = mirrored(Dir::open(source)?, Dir::open(&staging.data())?, folder)?;
    put_in_place(&dir, name, &out, &data, last, hash)
}

/// The same for an object that came from elsewhere.
pub(in crate::adapters::objects) fn end_receive(
    staging: &Staging,
    object: &FoundObject,
    name: &str,
    meta: &FileMeta,
    hash: String,
) -> Result<Copied, ObjectError> {
    let dir = Dir::open(&staging.partial())?;
    let out = dir.file_to_write(name)?;
    finish(&out, meta, None, &object.key, object.size_bytes.0)?;
    let (folder, last) = split_key(&object.key)?;
    let data = Dir::open(&staging.data())?.ensure(folder)?;
    put_in_place(&dir, name, &out, &data, last, hash)
}
