//! Copies on one file system without carrying the bytes through this process: their blocks are shared with the source where the file
//! system can do that, else the kernel copies them. Large ones go past its memory instead, on disks that take that.
//!
//! Invariant: never a hard link; the copy is a file of its own, which a later write to the source does not reach. What was shared or
//! copied by the kernel is hashed from the source and read back at the target like any other copy. Whatever the kernel will not do
//! is written here, and all of it stands in the file once `end` has returned.

use super::device::Writer;
use super::durable::Ahead;
use rustix::fs::{copy_file_range, fstat, ioctl_ficlone};
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Files below this size are written: asking for each costs more than its bytes.
const LEAST: u64 = 128 * 1024;

/// Makes `out` share all blocks of `file`; whether it does.
pub(super) fn whole(file: &File, out: &File, size: u64) -> bool {
    size >= LEAST && ioctl_ficlone(out, file).is_ok()
}

/// Puts what was just read from one file into another.
pub(super) struct Into<'a> {
    out: &'a File,
    at: u64,
    ahead: Ahead<'a>,
    way: Way<'a>,
}

enum Way<'a> {
    /// It is there already.
    Shared,
    /// The kernel copies from this file.
    Kernel(&'a File),
    /// It is written to the device.
    Device(Box<Writer<'a>>),
    /// It is written through memory.
    Written,
}

impl<'a> Into<'a> {
    /// So many bytes from an offset on; `shared` when all of it is there already.
    pub(super) fn new(
        from: &'a File,
        out: &'a File,
        (at, length): (u64, u64),
        shared: bool,
    ) -> std::io::Result<Self> {
        let way = if shared {
            Way::Shared
        } else {
            to_device(out, at, length)?.unwrap_or(Way::Kernel(from))
        };
        Ok(Self::by(way, out, at))
    }

    /// The same for a copy whose bytes must be its own.
    pub(super) fn written(out: &'a File, (at, length): (u64, u64)) -> std::io::Result<Self> {
        let way = to_device(out, at, length)?.unwrap_or(Way::Written);
        Ok(Self::by(way, out, at))
    }

    fn by(way: Way<'a>, out: &'a File, at: u64) -> Self {
        Self {
            out,
            at,
            ahead: Ahead::new(out, at),
            way,
        }
    }

    /// The bytes that follow those of the last call.
    pub(super) fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if let Way::Device(writer) = &mut self.way {
            return writer.put(bytes);
        }
        let end = self.at + bytes.len() as u64;
        if let Way::Kernel(from) = self.way {
            let few = (bytes.len() as u64) < LEAST;
            if few || !self.by_kernel(from, end)? {
                self.out
                    .write_all_at(&bytes[bytes.len() - (end - self.at) as usize..], self.at)?;
            }
        } else if matches!(self.way, Way::Written) {
            self.out.write_all_at(bytes, self.at)?;
        }
        self.at = end;
        self.ahead.wrote(bytes.len());
        Ok(())
    }

    /// All bytes were put.
    pub(super) fn end(self) -> std::io::Result<()> {
        match self.way {
            Way::Device(writer) => writer.end(),
            Way::Shared | Way::Kernel(_) | Way::Written => Ok(()),
        }
    }

    /// Lets the kernel copy up to an offset; `false` when it stops before, and is not asked again.
    fn by_kernel(&mut self, source: &File, end: u64) -> std::io::Result<bool> {
        while self.at < end {
            let (mut from, mut to) = (self.at, self.at);
            let left = usize::try_from(end - self.at).unwrap_or(usize::MAX);
            match copy_file_range(source, Some(&mut from), self.out, Some(&mut to), left) {
                Ok(copied) if copied > 0 => self.at += copied as u64,
                // A full disk is one for a write as well, which tells it.
                Ok(_) | Err(_) => {
                    self.way = Way::Written;
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

fn to_device(out: &File, at: u64, length: u64) -> std::io::Result<Option<Way<'_>>> {
    Ok(Writer::new(out, at, length)?.map(|writer| Way::Device(Box::new(writer))))
}

/// Whether two open files or directories are on one file system.
pub(super) fn one_file_system(a: impl std::os::fd::AsFd, b: impl std::os::fd::AsFd) -> bool {
    matches!((fstat(a), fstat(b)), (Ok(a), Ok(b)) if a.st_dev == b.st_dev)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn files() -> (tempfile::TempDir, File, File, Vec<u8>) {
        let dir = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..700_001_u32).map(|i| (i * 31 % 251) as u8).collect();
        std::fs::write(dir.path().join("from"), &bytes).unwrap();
        let from = File::open(dir.path().join("from")).unwrap();
        let out = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(dir.path().join("out"))
            .unwrap();
        (dir, from, out, bytes)
    }

    fn read(dir: &tempfile::TempDir) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut file = File::open(dir.path().join("out")).unwrap();
        file.read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn every_way_puts_the_same_bytes() {
        for way in [0, 1, 2] {
            let (dir, from, out, bytes) = files();
            let shared = way == 0 && whole(&from, &out, bytes.len() as u64);
            let span = (0, bytes.len() as u64);
            let mut into = if way == 2 {
                Into::written(&out, span)
            } else {
                Into::new(&from, &out, span, shared)
            }
            .unwrap();
            for piece in bytes.chunks(300_000) {
                into.put(piece).unwrap();
            }
            into.end().unwrap();
            assert!(read(&dir) == bytes, "{way}");
            assert!(one_file_system(&from, &out));
            use std::os::unix::fs::MetadataExt;
            assert_eq!(out.metadata().unwrap().nlink(), 1);
            assert_ne!(out.metadata().unwrap().ino(), from.metadata().unwrap().ino());
        }
    }

    #[test]
    fn what_the_kernel_will_not_copy_is_written() {
        let (dir, from, _out, bytes) = files();
        // The kernel does not copy into a file that only appends.
        let out = File::options().append(true).open(dir.path().join("out")).unwrap();
        let mut into = Into::new(&from, &out, (0, bytes.len() as u64), false).unwrap();
        for piece in bytes.chunks(300_000) {
            into.put(piece).unwrap();
        }
        into.end().unwrap();
        assert!(read(&dir) == bytes);
    }
}
