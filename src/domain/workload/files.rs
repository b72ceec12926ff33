//! The demo's files: into which objects a dataset's bytes on disk are divided, and what stands in them.
//!
//! Invariant: sizes and contents are pure functions of seed, dataset and object, so that a hash of a file means the same on every
//! machine. Random bytes do not compress, and no two files are alike. Nothing is written here.

use super::Draw;
use crate::domain::unit::Bytes;

/// Catalog bytes for each byte on disk. The generated sizes add up to about 200 TB, which makes 100 MB of files: enough to watch a
/// copy, and written in a second.
pub const SCALE: u64 = 2_000_000;

/// Files of one directory; a dataset of more spreads them over several, so that moves meet trees and not only lists.
const FOLDER: u64 = 16;

/// Smallest and largest weight of a file within its dataset.
const WEIGHTS: (u64, u64) = (500, 1_500);

/// Keeps the streams of contents apart from those of the workload itself.
const CONTENT: u64 = 0x636f_6e74_656e_7473;

/// Bytes that stand on disk for a generated dataset: exactly one for each [`SCALE`] bytes of the catalog's.
#[must_use]
pub fn bytes_on_disk(catalog: Bytes) -> Bytes {
    Bytes(catalog.0 / SCALE)
}

/// A file to be written.
#[derive(Clone, Debug)]
pub struct PlannedFile {
    /// Its key below the dataset's directory.
    pub key: String,
    /// Its size.
    pub size: Bytes,
    /// Its content: fill a buffer of that size from a copy of this stream, in steps of whole multiples of eight bytes.
    pub content: Draw,
}

/// Divides `total` bytes of a dataset among at most `objects` files, none of them empty unless all is.
#[must_use]
pub fn planned_files(seed: u64, dataset: u32, total: Bytes, objects: u32) -> Vec<PlannedFile> {
    let objects = u64::from(objects).min(total.0).max(1);
    let stream = |object: u64| (u64::from(dataset) << 32) | object;
    let mut draw = Draw::new(seed ^ CONTENT, stream(u64::from(u32::MAX)));
    let weights: Vec<u64> = (0..objects).map(|_| draw.between(WEIGHTS.0, WEIGHTS.1)).collect();
    let all: u64 = weights.iter().sum();
    // Each file has one byte, and the rest goes by weight up to a running sum: nothing is lost to rounding.
    let rest = u128::from(total.0.saturating_sub(objects));
    let floor = u64::from(total.0 > 0);
    let (mut weight_so_far, mut bytes_so_far) = (0, 0);
    (0_u64..)
        .zip(weights)
        .map(|(object, weight)| {
            weight_so_far += weight;
            let upto = u64::try_from(rest * u128::from(weight_so_far) / u128::from(all)).unwrap_or(0);
            let size = Bytes(upto - bytes_so_far + floor);
            bytes_so_far = upto;
            let name = format!("part-{object:04}.bin");
            PlannedFile {
                key: if objects > FOLDER {
                    format!("{:02}/{name}", object / FOLDER)
                } else {
                    name
                },
                size,
                content: Draw::new(seed ^ CONTENT, stream(object)),
            }
        })
        .collect()
}
