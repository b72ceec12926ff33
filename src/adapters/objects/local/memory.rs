//! Memory for bytes on their way.
//!
//! A device takes a call in stretches of memory that lie together, and most of a virtual machine's time goes into their number. So the
//! few buffers that are in use at once are cut from large pages, where the kernel has any: on such machines that doubles the rate.

use bytes::Bytes;
use memmap2::{Advice, MmapMut, MmapOptions};
use std::ops::Range;
use std::sync::{LazyLock, Mutex, PoisonError};

/// What offsets, lengths and memory must be multiples of: enough for every disk and file system of today that takes such calls at
/// all; one that wants more says so, and gets its bytes through memory.
pub(super) const BLOCK: usize = 4096;
/// The length of a buffer: nobody reads ahead of what is asked for at once.
pub(super) const LENGTH: usize = 1 << 20;
/// Buffers of large pages, which stay: as many as objects of one job are copied at once on disks.
const KEPT: usize = 8;
/// The longest buffer beside them, which does not stay.
const FURTHER: usize = 512 << 10;
/// For fewer bytes no large page is needed.
const FEW: usize = 128 << 10;
/// The large pages of today's processors.
const LARGE: usize = 2 << 20;

static IDLE: LazyLock<Mutex<Vec<&'static mut [u8]>>> = LazyLock::new(|| Mutex::new(pieces()));

/// Buffers that live as long as the process; none where the kernel gives none.
fn pieces() -> Vec<&'static mut [u8]> {
    let Ok(map) = MmapOptions::new().len(KEPT * LENGTH + LARGE).map_anon() else {
        return Vec::new();
    };
    let map = Box::leak(Box::new(map));
    let begin = map.as_ptr().align_offset(LARGE);
    // Small pages serve as well.
    if let Err(error) = map.advise_range(Advice::HugePage, begin, KEPT * LENGTH) {
        tracing::debug!(%error, "buffers are of small pages");
    }
    map[begin..begin + KEPT * LENGTH]
        .chunks_exact_mut(LENGTH)
        .collect()
}

/// Memory whose beginning and length are multiples of [`BLOCK`].
pub(super) struct Buffer(Held);

enum Held {
    Kept(&'static mut [u8]),
    Further {
        memory: Vec<u8>,
        begin: usize,
        length: usize,
    },
}

impl Buffer {
    /// One that nobody else uses, of about `wanted` bytes; what is in it is anything.
    pub(super) fn new(wanted: usize) -> Self {
        if wanted > FEW
            && let Some(kept) = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop()
        {
            return Self(Held::Kept(kept));
        }
        let length = wanted.clamp(1, FURTHER).next_multiple_of(BLOCK);
        let memory = vec![0; length + BLOCK];
        let begin = memory.as_ptr().align_offset(BLOCK);
        Self(Held::Further {
            memory,
            begin,
            length,
        })
    }

    pub(super) fn length(&self) -> usize {
        match &self.0 {
            Held::Kept(memory) => memory.len(),
            Held::Further { length, .. } => *length,
        }
    }

    pub(super) fn part(&mut self, span: Range<usize>) -> &mut [u8] {
        match &mut self.0 {
            Held::Kept(memory) => &mut memory[span],
            Held::Further { memory, begin, .. } => &mut memory[*begin + span.start..*begin + span.end],
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Held::Kept(memory) = &mut self.0 {
            let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push(std::mem::take(memory));
        }
    }
}

/// Memory for so many bytes, of which the system has it back as soon as nobody reads them: the allocator would keep as much for each
/// thread that ever had any.
pub(super) enum Filling {
    Mapped(MmapMut),
    Allocated(Vec<u8>),
}

impl Filling {
    pub(super) fn new(length: usize) -> Self {
        if length > FEW
            && let Ok(map) = MmapOptions::new().len(length).map_anon()
        {
            if let Err(error) = map.advise(Advice::HugePage) {
                tracing::trace!(%error, "of small pages");
            }
            return Self::Mapped(map);
        }
        Self::Allocated(vec![0; length])
    }

    pub(super) fn memory(&mut self) -> &mut [u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Allocated(memory) => memory,
        }
    }

    pub(super) fn full(self) -> Bytes {
        match self {
            Self::Mapped(map) => Bytes::from_owner(map),
            Self::Allocated(memory) => memory.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_is_what_comes_out() {
        for length in [0, 1, FEW, FEW + 1, (8 << 20) + 3] {
            let mut filling = Filling::new(length);
            assert_eq!(filling.memory().len(), length);
            filling.memory().fill(9);
            assert!(filling.full() == vec![9; length]);
        }
    }

    #[test]
    fn buffers_are_apart_and_aligned_however_many_there_are() {
        let wanted = [usize::MAX, LENGTH, FEW, 1, 0];
        let mut all: Vec<Buffer> = (0..20).map(|i| Buffer::new(wanted[i % 5])).collect();
        for (i, buffer) in all.iter_mut().enumerate() {
            let length = buffer.length();
            assert!(length.is_multiple_of(BLOCK));
            let memory = buffer.part(0..length);
            assert!((memory.as_ptr() as usize).is_multiple_of(BLOCK));
            memory.fill(u8::try_from(i).unwrap());
        }
        for (i, buffer) in all.iter_mut().enumerate() {
            let length = buffer.length();
            assert!(buffer.part(0..length).iter().all(|byte| usize::from(*byte) == i));
        }
    }
}
