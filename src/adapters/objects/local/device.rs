//! Reading and writing past the page cache: what is read comes from the device for certain, what other programs keep in memory stays
//! there, and no processor is spent on pages that nobody will look at.
//!
//! Invariant: what the file system will not do this way is done through memory, with the same bytes in the end; what is read back then
//! comes from the device as far as the kernel drops the pages when it is asked.

use super::disks::{self, Disk};
use super::memory::{BLOCK, Buffer};
use rustix::fs::{Advice, FallocateFlags, OFlags};
use rustix::io::{Errno, ReadWriteFlags, preadv2};
use std::borrow::Borrow;
use std::fs::File;
use std::io::{IoSliceMut, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Objects below this size are written through memory: one flush makes many of them durable, which costs less than waiting for each.
const LEAST: u64 = 1 << 20;

/// Tells the kernel how an open file is read or written from now on; whether it does.
fn past_cache(file: &File, yes: bool) -> bool {
    rustix::fs::fcntl_getfl(file)
        .and_then(|mut flags| {
            flags.set(OFlags::DIRECT, yes);
            rustix::fs::fcntl_setfl(file, flags)
        })
        .is_ok()
}

fn refuses(error: &std::io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::INVAL)
}

/// So that the bytes come from the device rather than from memory. Best effort: the kernel keeps pages that are in use.
fn forget_pages(file: &File) {
    if let Err(errno) = rustix::fs::fadvise(file, 0, None, Advice::DontNeed) {
        tracing::debug!(%errno, "the page cache is not dropped");
    }
}

/// Whether a page of a file is in memory already: then it is read from there soonest.
fn is_cached(file: &File, offset: u64) -> bool {
    // Or the kernel would begin to read ahead because it was asked.
    let advised = |advice| rustix::fs::fadvise(file, 0, None, advice).is_ok();
    if !advised(Advice::Random) {
        return true;
    }
    let mut byte = [0];
    let asked = preadv2(
        file,
        &mut [IoSliceMut::new(&mut byte)],
        offset,
        ReadWriteFlags::NOWAIT,
    );
    advised(Advice::Normal);
    !matches!(asked, Err(Errno::AGAIN))
}

/// Reads a file from its device.
pub(super) struct Reader<F> {
    file: F,
    direct: bool,
    /// What is asked for at once: beyond the file's end the kernel would fill memory with zeros.
    once: usize,
    /// Taken with the first byte.
    buffer: Option<Buffer>,
    /// What of the buffer was read and is not handed on yet.
    waiting: Range<usize>,
}

impl<F: Borrow<File>> Reader<F> {
    /// What was written, from its beginning, and not from memory; `size` is how long it is thought to be.
    pub(super) fn of_copy(file: F, size: u64) -> Self {
        let reader = Self::new(file, size, |_| true);
        if !reader.direct {
            forget_pages(reader.file.borrow());
        }
        reader
    }

    /// What is to be copied, from where the file stands, which is at `offset`; what is in memory, and what is small, from there.
    pub(super) fn of_source(file: F, offset: u64, size: u64) -> Self {
        Self::new(file, size, |file| {
            size >= LEAST && offset.is_multiple_of(BLOCK as u64) && !is_cached(file, offset)
        })
    }

    fn new(file: F, size: u64, wanted: impl FnOnce(&File) -> bool) -> Self {
        let open = file.borrow();
        let direct =
            disks::of(open).is_some_and(|disk| disk.takes_direct()) && wanted(open) && past_cache(open, true);
        Self {
            file,
            direct,
            // One byte more, so that the end shows without another call.
            once: usize::try_from(size.saturating_add(1)).unwrap_or(usize::MAX),
            buffer: None,
            waiting: 0..0,
        }
    }

    /// Lets the device begin, where that can be.
    pub(super) fn begin(&self, key: &str) {
        if !self.direct
            && let Err(errno) = rustix::fs::fadvise(self.file.borrow(), 0, None, Advice::WillNeed)
        {
            tracing::debug!(%errno, object = key, "it is not read ahead");
        }
    }

    fn go_through_memory(&mut self) {
        self.direct = false;
        past_cache(self.file.borrow(), false);
    }
}

impl<F: Borrow<File>> Read for Reader<F> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.waiting.is_empty() && self.direct {
            let buffer = self.buffer.get_or_insert_with(|| Buffer::new(self.once));
            let length = buffer.length();
            match self.file.borrow().read(buffer.part(0..length)) {
                Ok(read) => {
                    self.waiting = 0..read;
                    // The end of the file; were it not, what follows could not be read this way.
                    if read % BLOCK != 0 {
                        self.go_through_memory();
                    }
                    if read == 0 {
                        return Ok(0);
                    }
                }
                Err(error) if refuses(&error) => {
                    self.go_through_memory();
                    forget_pages(self.file.borrow());
                }
                Err(error) => return Err(error),
            }
        }
        let Some(buffer) = self.buffer.as_mut().filter(|_| !self.waiting.is_empty()) else {
            return self.file.borrow().read(out);
        };
        let now = self.waiting.len().min(out.len());
        let span = self.waiting.start..self.waiting.start + now;
        out[..now].copy_from_slice(buffer.part(span));
        self.waiting.start += now;
        Ok(now)
    }
}

/// Writes a span of a file to its device.
pub(super) struct Writer<'a> {
    out: &'a File,
    disk: Arc<Disk>,
    at: u64,
    buffer: Buffer,
    used: usize,
    direct: bool,
    /// Bytes of the span that have their place on the disk and are not written yet.
    reserved: u64,
}

impl<'a> Writer<'a> {
    /// Takes the place for `length` bytes at an offset. `None` where they are better written through memory.
    ///
    /// # Errors
    /// A disk that has no room for them.
    pub(super) fn new(out: &'a File, at: u64, length: u64) -> std::io::Result<Option<Self>> {
        if length < LEAST || !at.is_multiple_of(BLOCK as u64) {
            return Ok(None);
        }
        let Some(disk) = disks::of(out).filter(|disk| disk.takes_direct()) else {
            return Ok(None);
        };
        if !past_cache(out, true) {
            return Ok(None);
        }
        // With a place of its own each write is one to the device alone; found piece by piece, the places cost half the speed.
        let reserved = match rustix::fs::fallocate(out, FallocateFlags::empty(), at, length) {
            Ok(()) => length,
            Err(errno @ (Errno::NOSPC | Errno::DQUOT)) => return Err(errno.into()),
            Err(errno) => {
                tracing::debug!(%errno, "no place is taken ahead");
                0
            }
        };
        disk.reserve(reserved);
        Ok(Some(Self {
            out,
            disk,
            at,
            buffer: Buffer::new(usize::MAX),
            used: 0,
            direct: true,
            reserved,
        }))
    }

    /// The bytes that follow those of the last call.
    pub(super) fn put(&mut self, mut bytes: &[u8]) -> std::io::Result<()> {
        while !bytes.is_empty() {
            let length = self.buffer.length();
            let (now, later) = bytes.split_at(bytes.len().min(length - self.used));
            self.buffer
                .part(self.used..self.used + now.len())
                .copy_from_slice(now);
            self.used += now.len();
            bytes = later;
            if self.used == length {
                self.write(0..length)?;
                self.used = 0;
            }
        }
        Ok(())
    }

    /// Writes what is left. It is durable once the file is flushed.
    pub(super) fn end(mut self) -> std::io::Result<()> {
        let whole = self.used - self.used % BLOCK;
        self.write(0..whole)?;
        self.go_through_memory();
        self.write(whole..self.used)
    }

    fn write(&mut self, span: Range<usize>) -> std::io::Result<()> {
        let length = span.len() as u64;
        let bytes = self.buffer.part(span);
        match self.out.write_all_at(bytes, self.at) {
            // Also what is left of a short write, whose place is no multiple any more: all of it is written again.
            Err(error) if self.direct && refuses(&error) => {
                past_cache(self.out, false);
                self.direct = false;
                self.out.write_all_at(bytes, self.at)?;
            }
            done => done?,
        }
        self.at += length;
        let written = length.min(self.reserved);
        self.reserved -= written;
        self.disk.release(written);
        Ok(())
    }

    fn go_through_memory(&mut self) {
        if self.direct {
            self.direct = false;
            past_cache(self.out, false);
        }
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        self.go_through_memory();
        self.disk.release(self.reserved);
    }
}

#[cfg(test)]
mod tests {
    use super::super::memory::LENGTH;
    use super::*;
    use std::io::{Seek, SeekFrom};

    fn pattern(length: usize) -> Vec<u8> {
        (0..length).map(|i| (i * 31 % 251) as u8).collect()
    }

    /// On a disk, where there is one; `/tmp` may be memory.
    fn place() -> tempfile::TempDir {
        tempfile::tempdir_in("/var/tmp")
            .or_else(|_| tempfile::tempdir())
            .unwrap()
    }

    #[test]
    fn whatever_is_written_is_read_again() {
        let place = place();
        let least = LEAST as usize;
        for length in [
            least,
            least + 1,
            least + BLOCK,
            3 * LENGTH,
            3 * LENGTH + 4095,
            2 * LENGTH + 77,
        ] {
            let (bytes, path) = (pattern(length), place.path().join(length.to_string()));
            let out = File::create(&path).unwrap();
            if let Some(mut writer) = Writer::new(&out, 0, length as u64).unwrap() {
                for piece in bytes.chunks(100_003) {
                    writer.put(piece).unwrap();
                }
                writer.end().unwrap();
            } else {
                out.write_all_at(&bytes, 0).unwrap();
            }
            out.sync_all().unwrap();
            for piece in [1000, 256 << 10, 3 << 20] {
                let mut reader = Reader::of_copy(File::open(&path).unwrap(), length as u64);
                let mut read = Vec::new();
                let mut once = vec![0; piece];
                loop {
                    let now = reader.read(&mut once).unwrap();
                    if now == 0 {
                        break;
                    }
                    read.extend_from_slice(&once[..now]);
                }
                assert!(read == bytes, "{length} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn a_file_of_any_length_is_read_to_its_end_whatever_was_thought_of_it() {
        let place = place();
        let path = place.path().join("file");
        for length in [0, 1, 4095, 4096, 4097, 16 << 10, LENGTH - 1, LENGTH, LENGTH + 1] {
            std::fs::write(&path, pattern(length)).unwrap();
            for thought in [0, 1, length, length + 1, 2 * length] {
                let mut read = Vec::new();
                Reader::of_copy(File::open(&path).unwrap(), thought as u64)
                    .read_to_end(&mut read)
                    .unwrap();
                assert!(read == pattern(length), "{length}, thought to be {thought}");
            }
        }
    }

    #[test]
    fn a_source_is_read_the_same_from_memory_and_from_the_device() {
        let place = place();
        let path = place.path().join("file");
        let bytes = pattern(3 * LENGTH + 4097);
        std::fs::write(&path, &bytes).unwrap();
        for begin in [0, LENGTH, LENGTH + BLOCK, LENGTH + 1] {
            for cached in [true, false] {
                let mut file = File::open(&path).unwrap();
                file.sync_all().unwrap();
                if cached {
                    std::fs::read(&path).unwrap();
                } else {
                    forget_pages(&file);
                }
                file.seek(SeekFrom::Start(begin as u64)).unwrap();
                let length = bytes.len() - begin - 4096;
                let reader = Reader::of_source(&file, begin as u64, length as u64);
                let mut read = Vec::new();
                reader.take(length as u64).read_to_end(&mut read).unwrap();
                assert!(read == bytes[begin..begin + length], "from {begin}, {cached}");
            }
        }
    }

    #[test]
    fn a_span_in_the_middle_leaves_the_rest_alone() {
        let place = place();
        let path = place.path().join("file");
        let before = pattern(4 << 20);
        std::fs::write(&path, &before).unwrap();
        let out = File::options().write(true).open(&path).unwrap();
        let new = vec![7; (1 << 20) + 5];
        if let Some(mut writer) = Writer::new(&out, 1 << 20, new.len() as u64).unwrap() {
            writer.put(&new).unwrap();
            writer.end().unwrap();
        } else {
            out.write_all_at(&new, 1 << 20).unwrap();
        }
        let read = std::fs::read(&path).unwrap();
        assert!(read[..1 << 20] == before[..1 << 20]);
        assert!(read[1 << 20..][..new.len()] == new);
        assert!(read[(1 << 20) + new.len()..] == before[(1 << 20) + new.len()..]);
    }

    #[test]
    fn what_was_reserved_and_not_written_is_released() {
        let place = place();
        let out = File::create(place.path().join("file")).unwrap();
        let Some(disk) = disks::of(&out).filter(|disk| disk.takes_direct()) else {
            return;
        };
        // More than all other tests of this file may have reserved.
        let much = 1 << 30;
        let mut writer = Writer::new(&out, 0, much).unwrap().unwrap();
        if disk.reserved() < much {
            return; // A file system that takes no place ahead.
        }
        writer.put(&[1; LENGTH]).unwrap();
        drop(writer);
        assert!(disk.reserved() < much / 2, "{}", disk.reserved());
    }
}
