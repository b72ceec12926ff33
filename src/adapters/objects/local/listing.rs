//! Listing a directory tree as objects, with a fingerprint for each.
//!
//! Invariant: every entry is an object, a directory, or named with the reason why it is left out; nothing is silently lost.

use super::dir::{Dir, is_dir, is_file, is_link};
use crate::adapters::objects::sorted::{Ended, Sorter};
use crate::domain::unit::Bytes;
use crate::ports::objects::{FoundObject, ObjectError, STAGING_MARK};
use rustix::fs::{FileType, Stat};
use rustix::io::Errno;

/// As long as a fingerprint is as a rule.
const FINGERPRINT: usize = 80;

/// Deeper trees are refused: each level holds an open directory.
const DEPTH_MAX: usize = 128;

/// Device, inode, size, modification and change time: a file for which these are the same was not changed. Written seven
/// times for each object of a move (four listings, three looks while it is copied), so without the general formatting.
pub(super) fn fingerprint(stat: &Stat) -> String {
    let mut text = String::with_capacity(FINGERPRINT);
    let mut digits = itoa::Buffer::new();
    for number in [stat.st_dev, stat.st_ino] {
        text.push_str(digits.format(number));
        text.push(':');
    }
    text.push_str(digits.format(stat.st_size));
    for (secs, nanos) in [
        (stat.st_mtime, stat.st_mtime_nsec),
        (stat.st_ctime, stat.st_ctime_nsec),
    ] {
        text.push(':');
        text.push_str(digits.format(secs));
        text.push('.');
        // With a digit in front, so that there are nine behind it.
        text.push_str(&digits.format(1_000_000_000 + nanos)[1..]);
    }
    text
}

pub(super) fn size(stat: &Stat) -> Bytes {
    Bytes(u64::try_from(stat.st_size).unwrap_or(0))
}

/// Tells `found` of everything below `dir`, in the order in which the file system has it.
pub(super) fn list(dir: &Dir, found: &mut Sorter) -> Ended {
    walk(dir, "", 0, found)
}

/// The first objects below `dir`, at most so many, in the order in which the file system has them.
pub(super) fn first(dir: &Dir, most: usize) -> Result<Vec<FoundObject>, ObjectError> {
    let mut objects = Vec::new();
    let mut dirs = vec![(dir.again()?, String::new())];
    while let Some((dir, prefix)) = dirs.pop() {
        for name in dir.entries()? {
            let Ok(name) = name? else { continue };
            let Ok(stat) = dir.stat(&name) else { continue };
            if is_dir(&stat) && dirs.len() < DEPTH_MAX {
                dirs.extend(dir.child(&name).map(|child| (child, format!("{prefix}{name}/"))));
            } else if is_file(&stat) {
                objects.push(object(format!("{prefix}{name}"), &stat));
            }
            if objects.len() == most {
                return Ok(objects);
            }
        }
    }
    Ok(objects)
}

fn object(key: String, stat: &Stat) -> FoundObject {
    FoundObject {
        key,
        size_bytes: size(stat),
        fingerprint: fingerprint(stat),
    }
}

fn walk(dir: &Dir, prefix: &str, depth: usize, found: &mut Sorter) -> Ended {
    if depth > DEPTH_MAX {
        return Err(ObjectError::Unsafe(format!(
            "{} lies more than {DEPTH_MAX} directories deep",
            dir.path()
        )));
    }
    for name in dir.entries()? {
        let name = match name? {
            Ok(name) => name,
            Err(shown) => {
                found.unnameable(&format!("{prefix}{shown}"), "its name is not UTF-8 text");
                continue;
            }
        };
        let key = format!("{prefix}{name}");
        let stat = match dir.stat(&name) {
            Ok(stat) => stat,
            // Gone since its name was read: as if it had never been there.
            Err(Errno::NOENT) => continue,
            Err(e) => return Err(super::dir::failure(e, "look at", &dir.child_path(&name))),
        };
        if is_file(&stat) {
            found.add(object(key, &stat))?;
        } else if is_dir(&stat) {
            if name.starts_with(STAGING_MARK) {
                found.skip(key, "belongs to a running move");
                continue;
            }
            match dir.child(&name) {
                Ok(child) => walk(&child, &format!("{key}/"), depth + 1, found)?,
                Err(ObjectError::NotFound(_)) => {}
                Err(e) => return Err(e),
            }
        } else {
            found.skip(key, what_else(&stat));
        }
    }
    Ok(())
}

fn what_else(stat: &Stat) -> &'static str {
    if is_link(stat) {
        return "symbolic link, never followed";
    }
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Fifo => "named pipe",
        FileType::Socket => "socket",
        FileType::CharacterDevice | FileType::BlockDevice => "device",
        _ => "not a regular file",
    }
}
