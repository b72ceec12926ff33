//! A directory held open, from which every path is walked one name at a time without following a link.
//!
//! Invariant: nothing below the root is ever reached through a symbolic link, whoever exchanges what while we look.

use crate::ports::objects::{ObjectError, Prefix};
use rustix::fs::{AtFlags, Gid, Mode, OFlags, Stat, StatxFlags, Uid};
use rustix::io::Errno;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// An open directory; `path` is for messages only.
#[derive(Debug)]
pub(super) struct Dir {
    fd: OwnedFd,
    path: String,
}

impl Dir {
    /// The root of a location. Links in the operator's own path to it are followed.
    pub(super) fn root(prefix: &Prefix) -> Result<Self, ObjectError> {
        let Some(path) = prefix.root.local_path() else {
            return Err(ObjectError::NotSupported(format!(
                "objects at {}; only file:// addresses work",
                prefix.root
            )));
        };
        let fd = rustix::fs::open(&path, DIRECTORY, Mode::empty())
            .map_err(|e| failure(e, "open the directory", &path))?;
        Ok(Self { fd, path })
    }

    /// The directory of a prefix.
    pub(super) fn open(prefix: &Prefix) -> Result<Self, ObjectError> {
        Self::root(prefix)?.descend(&prefix.path)
    }

    /// For messages.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn child_path(&self, name: &str) -> String {
        format!("{}/{name}", self.path.trim_end_matches('/'))
    }

    /// One level down.
    pub(super) fn child(&self, name: &str) -> Result<Self, ObjectError> {
        let path = self.child_path(name);
        match rustix::fs::openat(&self.fd, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(fd) => Ok(Self { fd, path }),
            Err(e @ (Errno::NOTDIR | Errno::LOOP)) => {
                let link = self.stat(name).is_ok_and(|s| is_link(&s));
                Err(if link {
                    ObjectError::Unsafe(format!("{path} is a symbolic link, which is never followed"))
                } else {
                    failure(e, "open the directory", &path)
                })
            }
            Err(e) => Err(failure(e, "open the directory", &path)),
        }
    }

    /// Down a relative path; the empty one is this directory again.
    pub(super) fn descend(self, relative: &str) -> Result<Self, ObjectError> {
        let mut dir = self;
        for name in segments(relative)? {
            dir = dir.child(name)?;
        }
        Ok(dir)
    }

    /// Down a relative path, making what is missing, durably.
    pub(super) fn ensure(self, relative: &str) -> Result<Self, ObjectError> {
        let mut dir = self;
        for name in segments(relative)? {
            match rustix::fs::mkdirat(&dir.fd, name, Mode::from_raw_mode(0o777)) {
                Ok(()) => dir.sync()?,
                Err(Errno::EXIST) => {}
                Err(e) => return Err(failure(e, "make the directory", &dir.child_path(name))),
            }
            dir = dir.child(name)?;
        }
        Ok(dir)
    }

    /// What an entry is, itself: a link is a link.
    pub(super) fn stat(&self, name: &str) -> Result<Stat, Errno> {
        rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW)
    }

    /// What this directory is.
    pub(super) fn stat_self(&self) -> Result<Stat, ObjectError> {
        rustix::fs::fstat(&self.fd).map_err(|e| failure(e, "look at", &self.path))
    }

    /// What identifies this directory for ever. The number of an inode is soon given to another one, so the time of its birth, in
    /// nanoseconds, is part of it; where the file system does not keep that, the device is, whose number a reboot may change.
    pub(super) fn identity(&self) -> Result<String, ObjectError> {
        let stat = self.stat_self()?;
        let wanted = StatxFlags::BTIME;
        let born = rustix::fs::statx(&self.fd, "", AtFlags::EMPTY_PATH, wanted)
            .ok()
            .filter(|found| StatxFlags::from_bits_retain(found.stx_mask).contains(wanted));
        Ok(match born {
            Some(found) => {
                let at = found.stx_btime;
                format!("{}@{}.{:09}", stat.st_ino, at.tv_sec, at.tv_nsec)
            }
            None => format!("{}:{}", stat.st_dev, stat.st_ino),
        })
    }

    /// Nobody but the owner looks into it.
    pub(super) fn close_to_others(&self) -> Result<(), ObjectError> {
        rustix::fs::fchmod(&self.fd, Mode::RWXU).map_err(|e| failure(e, "set the mode of", &self.path))
    }

    /// Takes mode and owner over from another directory, so that a move opens nothing that was closed. Its owner may always write,
    /// since objects are still to come.
    pub(super) fn mirror(&self, like: &Self) -> Result<(), ObjectError> {
        let (own, theirs) = (self.stat_self()?, like.stat_self()?);
        let (uid, gid) = (theirs.st_uid, theirs.st_gid);
        // The owner can only be given away by a privileged process; the group by one of its members.
        if (own.st_uid, own.st_gid) != (uid, gid)
            && rustix::fs::fchown(&self.fd, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))).is_err()
            && rustix::fs::fchown(&self.fd, None, Some(Gid::from_raw(gid))).is_err()
        {
            tracing::debug!(directory = self.path, "the owner is not kept");
        }
        let mode = (theirs.st_mode & 0o3777) | 0o700;
        if self.stat_self()?.st_mode & 0o7777 != mode {
            rustix::fs::fchmod(&self.fd, Mode::from_raw_mode(mode))
                .map_err(|e| failure(e, "set the mode of", &self.path))?;
        }
        Ok(())
    }

    /// Opens a regular file for reading, never waiting for a pipe's other end.
    pub(super) fn file(&self, name: &str) -> Result<(File, Stat), ObjectError> {
        let path = self.child_path(name);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, name, flags, Mode::empty()).map_err(|e| match e {
            Errno::LOOP => ObjectError::Unsafe(format!("{path} is a symbolic link, which is never followed")),
            e => failure(e, "open", &path),
        })?;
        let stat = rustix::fs::fstat(&fd).map_err(|e| failure(e, "look at", &path))?;
        if !is_file(&stat) {
            return Err(ObjectError::Unsafe(format!("{path} is not a regular file")));
        }
        Ok((File::from(fd), stat))
    }

    /// Makes a new file; an old one of that name is an error.
    pub(super) fn new_file(&self, name: &str) -> Result<File, ObjectError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(&self.fd, name, flags, Mode::from_raw_mode(0o600))
            .map(File::from)
            .map_err(|e| failure(e, "make the file", &self.child_path(name)))
    }

    /// Opens a file of ours to go on writing it.
    pub(super) fn file_to_write(&self, name: &str) -> Result<File, ObjectError> {
        let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(&self.fd, name, flags, Mode::empty())
            .map(File::from)
            .map_err(|e| failure(e, "open", &self.child_path(name)))
    }

    /// Names in this directory as the file system has them, one at a time; `Err` holds one that is no text.
    pub(super) fn entries(
        &self,
    ) -> Result<impl Iterator<Item = Result<Result<String, String>, ObjectError>> + use<'_>, ObjectError>
    {
        let entries =
            rustix::fs::Dir::read_from(&self.fd).map_err(|e| failure(e, "list the directory", &self.path))?;
        Ok(entries.filter_map(|entry| {
            let entry = match entry {
                Ok(entry) => entry,
                Err(e) => return Some(Err(failure(e, "list the directory", &self.path))),
            };
            let name = entry.file_name();
            if name.to_bytes() == b"." || name.to_bytes() == b".." {
                return None;
            }
            Some(Ok(match name.to_str() {
                Ok(text) => Ok(text.to_owned()),
                Err(_) => Err(name.to_string_lossy().into_owned()),
            }))
        }))
    }

    /// Names in this directory, sorted; `Err` holds one that is no text.
    pub(super) fn names(&self) -> Result<Vec<Result<String, String>>, ObjectError> {
        let mut names = self.entries()?.collect::<Result<Vec<_>, _>>()?;
        names.sort_unstable();
        Ok(names)
    }

    /// The same directory, opened once more.
    pub(super) fn again(&self) -> Result<Self, ObjectError> {
        let fd = rustix::fs::openat(&self.fd, ".", DIRECTORY, Mode::empty())
            .map_err(|e| failure(e, "open the directory", &self.path))?;
        Ok(Self {
            fd,
            path: self.path.clone(),
        })
    }

    /// Removes a file or, with `directory`, an empty directory. What is gone already is fine.
    pub(super) fn remove(&self, name: &str, directory: bool) -> Result<(), Errno> {
        let flags = if directory {
            AtFlags::REMOVEDIR
        } else {
            AtFlags::empty()
        };
        match rustix::fs::unlinkat(&self.fd, name, flags) {
            Err(Errno::NOENT) => Ok(()),
            other => other,
        }
    }

    /// Makes the names in this directory durable.
    pub(super) fn sync(&self) -> Result<(), ObjectError> {
        rustix::fs::fsync(&self.fd).map_err(|e| failure(e, "sync the directory", &self.path))
    }
}

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

pub(super) fn is_link(stat: &Stat) -> bool {
    rustix::fs::FileType::from_raw_mode(stat.st_mode).is_symlink()
}

pub(super) fn is_file(stat: &Stat) -> bool {
    rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file()
}

pub(super) fn is_dir(stat: &Stat) -> bool {
    rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir()
}

/// The names of a relative path. A key that could lead elsewhere is refused.
pub(super) fn segments(relative: &str) -> Result<Vec<&str>, ObjectError> {
    if relative.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<&str> = relative.split('/').collect();
    if names
        .iter()
        .any(|n| n.is_empty() || *n == "." || *n == ".." || n.contains('\0'))
    {
        return Err(ObjectError::Unsafe(format!(
            "{relative:?} could lead out of its directory and is refused"
        )));
    }
    Ok(names)
}

/// Directory part and name of a key.
pub(super) fn split_key(key: &str) -> Result<(&str, &str), ObjectError> {
    segments(key)?;
    if key.is_empty() {
        return Err(ObjectError::Unsafe("an object without a name is refused".into()));
    }
    Ok(key.rsplit_once('/').unwrap_or(("", key)))
}

/// The system's answer as ours, naming what it was about.
pub(super) fn failure(errno: Errno, doing: &str, path: &str) -> ObjectError {
    let text = std::io::Error::from(errno);
    let message = format!("{doing} {path}: {text}");
    match errno {
        Errno::NOENT => ObjectError::NotFound(message),
        Errno::NOSPC | Errno::DQUOT | Errno::FBIG => ObjectError::Full(message),
        Errno::ACCESS | Errno::PERM | Errno::ROFS => ObjectError::Denied(message),
        Errno::NOTEMPTY | Errno::EXIST | Errno::BUSY => ObjectError::Occupied(message),
        Errno::LOOP => ObjectError::Unsafe(message),
        _ => ObjectError::Io(message),
    }
}

/// The same for `std::io`.
pub(super) fn io_failure(error: &std::io::Error, doing: &str, path: &str) -> ObjectError {
    match Errno::from_io_error(error) {
        Some(errno) => failure(errno, doing, path),
        None => ObjectError::Io(format!("{doing} {path}: {error}")),
    }
}
