//! A plain copy that promises the same, as fast as eight threads can: everything is read, written, made durable, and then read back
//! from the device and compared with the source, with no list of what is done, no hash and no way to go on after a kill. What is
//! large goes past the kernel's memory in both directions. It says what the promise costs on this disk, whoever keeps it.

use super::Failure;
use rustix::fs::{FallocateFlags, Mode, OFlags};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Copies at once.
const THREADS: usize = 8;
/// Large files go in spans of this size.
const SPAN: u64 = 64 << 20;
/// Bytes that are read and written at once.
const BLOCK: usize = 512 << 10;
/// What a device wants memory, offsets and lengths to be multiples of.
const ALIGNED: usize = 4096;

/// A file, or a span of a large one.
struct Piece {
    from: PathBuf,
    to: PathBuf,
    offset: u64,
    length: usize,
}

pub fn run(source: &Path, target: &Path) -> Result<(), Failure> {
    let mut pieces = Vec::new();
    list(source, target, &mut pieces)?;
    each(&pieces, copy)?;
    rustix::fs::syncfs(File::open(target)?)?;
    each(&pieces, compare)
}

fn list(source: &Path, target: &Path, pieces: &mut Vec<Piece>) -> Result<(), Failure> {
    std::fs::create_dir_all(target)?;
    for entry in std::fs::read_dir(source)? {
        let entry = entry?;
        let (from, to) = (entry.path(), target.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            list(&from, &to, pieces)?;
            continue;
        }
        let size = entry.metadata()?.len();
        for offset in (0..size.max(1)).step_by(usize::try_from(SPAN)?) {
            pieces.push(Piece {
                from: from.clone(),
                to: to.clone(),
                offset,
                length: usize::try_from(SPAN.min(size - offset))?,
            });
        }
    }
    Ok(())
}

/// What is done with a piece, with two blocks of memory of which the first is fit for the device.
type Work = fn(&Piece, &mut [u8], &mut [u8]) -> Result<(), Failure>;

fn each(pieces: &[Piece], work: Work) -> Result<(), Failure> {
    let next = AtomicUsize::new(0);
    let worker = || -> Result<(), Failure> {
        let (mut one, mut other) = (vec![0; BLOCK + ALIGNED], vec![0; BLOCK]);
        let begin = one.as_ptr().align_offset(ALIGNED);
        while let Some(piece) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
            work(piece, &mut one[begin..begin + BLOCK], &mut other)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(worker)).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| "a thread ended unexpectedly")?)
    })
}

fn open(path: &Path, flags: OFlags) -> Result<File, Failure> {
    Ok(rustix::fs::open(path, flags, Mode::from_raw_mode(0o644))?.into())
}

fn copy(piece: &Piece, block: &mut [u8], _: &mut [u8]) -> Result<(), Failure> {
    let read = File::open(&piece.from)?;
    let large = piece.length > BLOCK && piece.length.is_multiple_of(ALIGNED);
    let how = if large { OFlags::DIRECT } else { OFlags::empty() };
    let written = open(&piece.to, OFlags::WRONLY | OFlags::CREATE | how)?;
    if large {
        rustix::fs::fallocate(
            &written,
            FallocateFlags::empty(),
            piece.offset,
            piece.length as u64,
        )?;
    }
    for (at, length) in blocks(piece) {
        read.read_exact_at(&mut block[..length], at)?;
        written.write_all_at(&block[..length], at)?;
    }
    Ok(())
}

fn compare(piece: &Piece, block: &mut [u8], other: &mut [u8]) -> Result<(), Failure> {
    let source = File::open(&piece.from)?;
    let copy = open(&piece.to, OFlags::RDONLY | OFlags::DIRECT)?;
    for (at, length) in blocks(piece) {
        source.read_exact_at(&mut other[..length], at)?;
        let whole = length.next_multiple_of(ALIGNED);
        if copy.read_at(&mut block[..whole], at)? != length || block[..length] != other[..length] {
            return Err(format!("{} differs", piece.to.display()).into());
        }
    }
    Ok(())
}

fn blocks(piece: &Piece) -> impl Iterator<Item = (u64, usize)> {
    let (offset, length) = (piece.offset, piece.length);
    (0..length)
        .step_by(BLOCK)
        .map(move |at| (offset + at as u64, BLOCK.min(length - at)))
}
