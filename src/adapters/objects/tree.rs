//! The BLAKE3 of an object that is read in parts: each part's chaining value can be kept, and the whole put together from them.
//!
//! Invariant: every part but the last is as long as the others, a power of two of at least [`PART_MIN`] bytes, so that each is a
//! whole subtree. The result is that of hashing the bytes in one go.

use blake3::hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};

/// The smallest part: one chunk of the tree.
pub(super) const PART_MIN: u64 = blake3::CHUNK_LEN as u64;

/// The hash of a part that begins at `offset`.
pub(super) fn begin(offset: u64) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(offset);
    hasher
}

/// The chaining value of a part that was hashed whole.
pub(super) fn end(part: &blake3::Hasher) -> ChainingValue {
    part.finalize_non_root()
}

/// The chaining value of the part that begins at `offset`.
pub(super) fn chain_of<'a>(offset: u64, pieces: impl Iterator<Item = &'a [u8]>) -> ChainingValue {
    let mut hasher = begin(offset);
    for piece in pieces {
        hasher.update(piece);
    }
    end(&hasher)
}

/// The hash of the whole, in hex; `None` for fewer than two parts, which have no tree.
pub(super) fn root(chains: &[ChainingValue]) -> Option<String> {
    if chains.len() < 2 {
        return None;
    }
    let (left, right) = chains.split_at(half(chains.len()));
    let whole = merge_subtrees_root(&merged(left)?, &merged(right)?, Mode::Hash);
    Some(whole.to_hex().to_string())
}

fn merged(chains: &[ChainingValue]) -> Option<ChainingValue> {
    match chains {
        [] => None,
        [one] => Some(*one),
        many => {
            let (left, right) = many.split_at(half(many.len()));
            Some(merge_subtrees_non_root(
                &merged(left)?,
                &merged(right)?,
                Mode::Hash,
            ))
        }
    }
}

/// The left side of a tree is the largest power of two that leaves something for the right.
fn half(parts: usize) -> usize {
    parts.next_power_of_two() / 2
}

/// A chaining value as text.
pub(super) fn to_hex(chain: &ChainingValue) -> String {
    blake3::Hash::from_bytes(*chain).to_hex().to_string()
}

/// The chaining value of a text.
pub(super) fn from_hex(text: &str) -> Option<ChainingValue> {
    blake3::Hash::from_hex(text).ok().map(|hash| *hash.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_make_the_hash_of_the_whole() {
        let bytes: Vec<u8> = (0..70_000_u32).map(|i| (i * 31 % 251) as u8).collect();
        for part in [1024, 4096, 16_384] {
            for length in [
                part + 1,
                2 * part,
                3 * part - 1,
                3 * part,
                4 * part,
                bytes.len() - 1,
                bytes.len(),
            ] {
                let length = length.min(bytes.len());
                let chains: Vec<_> = bytes[..length]
                    .chunks(part)
                    .enumerate()
                    .map(|(i, piece)| {
                        from_hex(&to_hex(&chain_of((i * part) as u64, [piece].into_iter()))).unwrap()
                    })
                    .collect();
                let whole = blake3::hash(&bytes[..length]).to_hex().to_string();
                assert_eq!(root(&chains), Some(whole), "{length} bytes in parts of {part}");
            }
        }
        assert_eq!(root(&[chain_of(0, [&b"one"[..]].into_iter())]), None);
    }
}
