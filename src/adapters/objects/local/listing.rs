//! Listing a directory tree as objects, with a fingerprint for each.
//!
//! Invariant: every entry is an object, a directory, or named with the reason why it is left out; nothing is silently lost.

use super::dir::{Dir, is_dir, is_file, is_link};
use crate::domain::dataset::SkippedEntry;
use crate::domain::unit::Bytes;
use crate::ports::objects::{FoundObject, Listing, ObjectError, STAGING_MARK};
use rustix::fs::{FileType, Stat};
use rustix::io::Errno;

const SKIPPED_SHOWN: usize = 100;
/// Deeper trees are refused: each level holds an open directory.
const DEPTH_MAX: usize = 128;

/// Device, inode, size, modification and change time: a file for which these are the same was not changed.
pub(super) fn fingerprint(stat: &Stat) -> String {
    format!(
        "{}:{}:{}:{}.{:09}:{}.{:09}",
        stat.st_dev,
        stat.st_ino,
        stat.st_size,
        stat.st_mtime,
        stat.st_mtime_nsec,
        stat.st_ctime,
        stat.st_ctime_nsec
    )
}

pub(super) fn size(stat: &Stat) -> Bytes {
    Bytes(u64::try_from(stat.st_size).unwrap_or(0))
}

/// Lists `dir`.
pub(super) fn list(dir: &Dir) -> Result<Listing, ObjectError> {
    let mut listing = Listing::default();
    walk(dir, "", 0, &mut listing)?;
    listing.objects.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    Ok(listing)
}

fn skip(listing: &mut Listing, path: String, reason: &str) {
    listing.skipped_count += 1;
    if listing.skipped.len() < SKIPPED_SHOWN {
        listing.skipped.push(SkippedEntry {
            path,
            reason: reason.to_owned(),
        });
    }
}

fn walk(dir: &Dir, prefix: &str, depth: usize, listing: &mut Listing) -> Result<(), ObjectError> {
    if depth > DEPTH_MAX {
        return Err(ObjectError::Unsafe(format!(
            "{} lies more than {DEPTH_MAX} directories deep",
            dir.path()
        )));
    }
    for name in dir.names()? {
        let name = match name {
            Ok(name) => name,
            Err(shown) => {
                let path = format!("{prefix}{shown}");
                listing.unnameable.push(SkippedEntry {
                    path: path.clone(),
                    reason: "its name is not UTF-8 text".into(),
                });
                skip(listing, path, "its name is not UTF-8 text");
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
            listing.objects.push(FoundObject {
                key,
                size_bytes: size(&stat),
                fingerprint: fingerprint(&stat),
            });
        } else if is_dir(&stat) {
            if name.starts_with(STAGING_MARK) {
                skip(listing, key, "belongs to a running move");
                continue;
            }
            match dir.child(&name) {
                Ok(child) => walk(&child, &format!("{key}/"), depth + 1, listing)?,
                Err(ObjectError::NotFound(_)) => {}
                Err(e) => return Err(e),
            }
        } else {
            skip(listing, key, what_else(&stat));
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
