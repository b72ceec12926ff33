//! The form of an encrypted object, and the only code that meets a key.
//!
//! ```text
//! object   = segment …                     1 MiB of the object each, the last one less; an empty object has one, of no bytes
//! segment  = header (96 bytes), chunk …    64 KiB of the object each, the last one less; a segment of no bytes has one, of no bytes
//! chunk    = ciphertext, tag (16 bytes)
//!
//! header   =  0  8  "dimseal1"
//!             8  8  id of the key          the first 8 bytes of DERIVE("data-in-motion 2026-11 key id", key)
//!            16 16  object                 drawn from the job's random name, its attempt, the object's key and the source's version;
//!                                          the same in all segments of the object, and in those of no other
//!            32 16  name                   the first 16 bytes of DERIVE("data-in-motion 2026-11 object name", key ‖ the object's key)
//!            48  8  length of the object, little-endian
//!            56  8  number of the segment, from 0, little-endian
//!            64 32  salt                   random, fresh for every segment that is ever written
//! subkey   = DERIVE("data-in-motion 2026-11 segment", key ‖ header)
//! chunk i  = ChaCha20-Poly1305 (RFC 8439) under the subkey, no associated data, with the nonce of STREAM (BE32):
//!            7 zero bytes ‖ i from 0 as 4 bytes, big-endian ‖ 1 in the last chunk of the segment, else 0
//! ```
//!
//! DERIVE is BLAKE3's `derive_key`, 32 bytes; ‖ puts bytes one after the other; the key has 32 bytes; an object's key is its name
//! below the dataset, as UTF-8.
//!
//! Invariant: no two plaintexts are ever encrypted under one subkey and nonce, since a segment that is sent again has a new salt,
//! whether or not its source is what it was. Every byte of the header is in the subkey, so that a segment that was moved to another
//! place, object, name or length does not authenticate; a truncated or lengthened object contradicts its own length. Nothing is
//! given out before it is authenticated. What is not hidden: names, sizes, times, modes and what else a store keeps of an object.
//!
//! The stored hash, by which a copy can be compared without its key, is the BLAKE3 of its segments' BLAKE3 hashes, 32 bytes each in
//! order: so it can be put together from parts that were sent at different times.

use crate::domain::encryption::{CHUNK, HEADER, KeyId, SEGMENT, TAG};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use rand::TryRngCore as _;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use std::sync::Arc;
use zeroize::Zeroizing;

const MAGIC: &[u8; 8] = b"dimseal1";
const OF_ID: &str = "data-in-motion 2026-11 key id";
const OF_NAME: &str = "data-in-motion 2026-11 object name";
const OF_OBJECT: &str = "data-in-motion 2026-11 object";
const OF_SEGMENT: &str = "data-in-motion 2026-11 segment";

const HEADER_LEN: usize = HEADER as usize;
const CHUNK_LEN: usize = CHUNK as usize;
const TAG_LEN: usize = TAG as usize;

/// What is wrong with an encrypted object, or with the key it is opened with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    /// No header of ours.
    #[error("is not encrypted by this program, or its head is damaged")]
    Foreign,
    /// Another key.
    #[error("is encrypted with the key {found}, not with {wanted}")]
    OtherKey { found: KeyId, wanted: KeyId },
    /// It was written under another name.
    #[error("was encrypted under another name")]
    OtherName,
    /// Segments of different objects, in another order, or of another length.
    #[error("has parts that do not belong together: segment {0} is another object's or another place's")]
    Mixed(u64),
    /// A tag does not fit.
    #[error("does not authenticate: chunk {chunk} of segment {segment} was changed")]
    Forged { segment: u64, chunk: u32 },
    /// It ends too early.
    #[error("ends too early, in or before segment {0}")]
    Short(u64),
    /// Bytes behind its end.
    #[error("has bytes behind its end")]
    Long,
    /// The machine gives no random bytes.
    #[error("cannot be encrypted: no random bytes are to be had ({0})")]
    NoRandom(String),
    /// The cipher refuses a key of the right length.
    #[error("meets a cipher that does not work on this machine")]
    NoCipher,
}

/// A key. Its bytes are overwritten when the last holder drops it, and have no text form.
#[derive(Clone)]
pub(crate) struct Key(Arc<Zeroizing<[u8; 32]>>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({})", self.id())
    }
}

impl Key {
    /// Of a text: 32 bytes in base64 or in hexadecimal digits; `None` for anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let mut bytes = Zeroizing::new([0; 32]);
        if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            for (i, byte) in bytes.iter_mut().enumerate() {
                *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
            }
            return Some(Self(Arc::new(bytes)));
        }
        let read = BASE64_STANDARD
            .decode(text)
            .or_else(|_| BASE64_URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')))
            .ok()
            .map(Zeroizing::new)?;
        if read.len() != bytes.len() {
            return None;
        }
        bytes.copy_from_slice(&read);
        Some(Self(Arc::new(bytes)))
    }

    /// What tells it from others.
    pub(crate) fn id(&self) -> KeyId {
        KeyId::of(self.id_bytes())
    }

    fn id_bytes(&self) -> [u8; 8] {
        first(&self.derive(OF_ID, &[]))
    }

    fn derive(&self, context: &str, of: &[u8]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key(context);
        hasher.update(&self.0[..]).update(of);
        *hasher.finalize().as_bytes()
    }

    fn name(&self, object_key: &str) -> [u8; 16] {
        first(&self.derive(OF_NAME, object_key.as_bytes()))
    }

    fn stream(&self, header: &[u8; HEADER_LEN]) -> Result<Stream, Broken> {
        let subkey = Zeroizing::new(self.derive(OF_SEGMENT, header));
        UnboundKey::new(&CHACHA20_POLY1305, &subkey[..])
            .map(|key| Stream(LessSafeKey::new(key)))
            .map_err(|_| Broken::NoCipher)
    }
}

/// The chunks of one segment: STREAM, whose nonces count and mark the last one.
struct Stream(LessSafeKey);

impl Stream {
    fn nonce(position: u32, last: bool) -> Nonce {
        let mut nonce = [0; 12];
        nonce[7..11].copy_from_slice(&position.to_be_bytes());
        nonce[11] = u8::from(last);
        Nonce::assume_unique_for_key(nonce)
    }

    /// Encrypts where the bytes are; the tag.
    fn seal(&self, position: u32, last: bool, chunk: &mut [u8]) -> Result<[u8; TAG_LEN], Broken> {
        let sealed = self
            .0
            .seal_in_place_separate_tag(Self::nonce(position, last), Aad::empty(), chunk);
        let mut tag = [0; TAG_LEN];
        tag.copy_from_slice(sealed.map_err(|_| Broken::NoCipher)?.as_ref());
        Ok(tag)
    }

    /// What a chunk opens to, when it authenticates.
    fn open<'c>(&self, position: u32, last: bool, chunk: &'c mut [u8]) -> Option<&'c [u8]> {
        let opened = self
            .0
            .open_in_place(Self::nonce(position, last), Aad::empty(), chunk);
        opened.ok().map(|bytes| &*bytes)
    }
}

fn first<const N: usize>(bytes: &[u8; 32]) -> [u8; N] {
    let mut some = [0; N];
    some.copy_from_slice(&bytes[..N]);
    some
}

/// The hash of what a store holds, put together from its segments'.
#[derive(Clone, Debug, Default)]
pub(crate) struct StoredHash(blake3::Hasher);

impl StoredHash {
    pub(crate) fn add(&mut self, segment: &blake3::Hash) {
        self.0.update(segment.as_bytes());
    }

    /// In hex.
    pub(crate) fn finish(&self) -> String {
        self.0.finalize().to_hex().to_string()
    }
}

/// A piece of an object, encrypted.
pub(crate) struct SealedPiece {
    /// As it is stored, a segment each.
    pub(crate) segments: Vec<Bytes>,
    /// Their hashes.
    pub(crate) hashes: Vec<blake3::Hash>,
}

/// Encrypts one object.
#[derive(Clone, Debug)]
pub(crate) struct Sealer {
    key: Key,
    object: [u8; 16],
    name: [u8; 16],
    length: u64,
}

impl Sealer {
    /// For the object `object_key` of `length` bytes. `of_write` must be another one for every other write, save one that goes on
    /// with this write.
    pub(crate) fn new(key: Key, object_key: &str, length: u64, of_write: &str) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(OF_OBJECT);
        for part in [object_key, of_write] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        Self {
            object: first(hasher.finalize().as_bytes()),
            name: key.name(object_key),
            key,
            length,
        }
    }

    /// Encrypts what stands at `offset`: whole segments, but for the object's last one.
    pub(crate) fn seal(&self, offset: u64, pieces: &[Bytes]) -> Result<SealedPiece, Broken> {
        debug_assert_eq!(offset % SEGMENT, 0);
        let mut rest = Pieces::new(pieces);
        let mut sealed = SealedPiece {
            segments: Vec::new(),
            hashes: Vec::new(),
        };
        let mut number = offset / SEGMENT;
        loop {
            let length = rest.left.min(SEGMENT);
            let segment = self.segment(number, length, &mut rest)?;
            sealed.hashes.push(blake3::hash(&segment));
            sealed.segments.push(segment.into());
            number += 1;
            if rest.left == 0 {
                return Ok(sealed);
            }
        }
    }

    fn header(&self, segment: u64) -> Result<[u8; HEADER_LEN], Broken> {
        let mut header = [0; HEADER_LEN];
        header[..8].copy_from_slice(MAGIC);
        header[8..16].copy_from_slice(&self.key.id_bytes());
        header[16..32].copy_from_slice(&self.object);
        header[32..48].copy_from_slice(&self.name);
        header[48..56].copy_from_slice(&self.length.to_le_bytes());
        header[56..64].copy_from_slice(&segment.to_le_bytes());
        rand::rngs::OsRng
            .try_fill_bytes(&mut header[64..])
            .map_err(|e| Broken::NoRandom(e.to_string()))?;
        Ok(header)
    }

    fn segment(&self, number: u64, length: u64, from: &mut Pieces<'_>) -> Result<Vec<u8>, Broken> {
        let header = self.header(number)?;
        let stream = self.key.stream(&header)?;
        let chunks = u32::try_from(length.div_ceil(CHUNK).max(1)).unwrap_or(u32::MAX);
        let mut out = Vec::with_capacity(HEADER_LEN + length as usize + chunks as usize * TAG_LEN);
        out.extend_from_slice(&header);
        let mut left = length as usize;
        for position in 0..chunks {
            let (now, start) = (left.min(CHUNK_LEN), out.len());
            from.take(now, &mut out);
            left -= now;
            let tag = stream.seal(position, position + 1 == chunks, &mut out[start..])?;
            out.extend_from_slice(&tag);
        }
        Ok(out)
    }
}

/// Bytes in pieces, taken from the front.
struct Pieces<'a> {
    pieces: std::slice::Iter<'a, Bytes>,
    now: &'a [u8],
    left: u64,
}

impl<'a> Pieces<'a> {
    fn new(pieces: &'a [Bytes]) -> Self {
        Self {
            left: pieces.iter().map(|piece| piece.len() as u64).sum(),
            pieces: pieces.iter(),
            now: &[],
        }
    }

    fn take(&mut self, mut count: usize, into: &mut Vec<u8>) {
        self.left -= count as u64;
        while count > 0 {
            if self.now.is_empty() {
                self.now = self.pieces.next().map_or(&[], |piece| &piece[..]);
                continue;
            }
            let (taken, rest) = self.now.split_at(count.min(self.now.len()));
            into.extend_from_slice(taken);
            self.now = rest;
            count -= taken.len();
        }
    }
}

/// A segment that is being opened.
struct Open {
    stream: Stream,
    position: u32,
    /// Bytes of the object that are still to come in it.
    left: u64,
}

/// Decrypts an object, or whole segments of one, as its bytes come in.
pub(crate) struct Opener {
    key: Key,
    name: Option<[u8; 16]>,
    object: Option<[u8; 16]>,
    length: Option<u64>,
    next: u64,
    /// The first segment that is not wanted any more.
    end: Option<u64>,
    open: Option<Open>,
    ended: bool,
    waiting: Vec<u8>,
    hasher: blake3::Hasher,
    stored: StoredHash,
}

impl Opener {
    /// For a whole object; of this name and length, where they are known.
    pub(crate) fn new(key: Key, object_key: Option<&str>, length: Option<u64>) -> Self {
        Self {
            name: object_key.map(|name| key.name(name)),
            key,
            object: None,
            length,
            next: 0,
            end: None,
            open: None,
            ended: false,
            waiting: Vec::new(),
            hasher: blake3::Hasher::new(),
            stored: StoredHash::default(),
        }
    }

    /// For some segments of one.
    pub(crate) fn part(key: Key, object_key: &str, length: u64, segments: std::ops::Range<u64>) -> Self {
        Self {
            next: segments.start,
            end: Some(segments.end),
            ..Self::new(key, Some(object_key), Some(length))
        }
    }

    /// What the next step needs.
    fn need(&self) -> usize {
        match &self.open {
            None => HEADER_LEN,
            Some(open) => open.left.min(CHUNK) as usize + TAG_LEN,
        }
    }

    /// Takes the next stored bytes and puts what they open to at the end of `out`.
    pub(crate) fn take(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Broken> {
        while !bytes.is_empty() {
            if self.ended {
                return Err(Broken::Long);
            }
            let (now, rest) = bytes.split_at((self.need() - self.waiting.len()).min(bytes.len()));
            self.waiting.extend_from_slice(now);
            self.hasher.update(now);
            bytes = rest;
            if self.waiting.len() == self.need() {
                self.step(out)?;
                self.waiting.clear();
            }
        }
        Ok(())
    }

    fn step(&mut self, out: &mut Vec<u8>) -> Result<(), Broken> {
        let Some(open) = &mut self.open else {
            return self.begin();
        };
        let length = open.left.min(CHUNK);
        let last = open.left == length;
        let forged = Broken::Forged {
            segment: self.next,
            chunk: open.position,
        };
        let opened = open.stream.open(open.position, last, &mut self.waiting);
        out.extend_from_slice(opened.ok_or(forged)?);
        open.position += 1;
        open.left -= length;
        if last {
            self.open = None;
            self.next += 1;
            self.stored.add(&self.hasher.finalize());
            self.hasher.reset();
            let all = self.length.map_or(1, |length| length.div_ceil(SEGMENT).max(1));
            self.ended = self.next >= self.end.unwrap_or(all);
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<(), Broken> {
        let mut header = [0; HEADER_LEN];
        header.copy_from_slice(&self.waiting);
        let number = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&header[at..at + 8]);
            u64::from_le_bytes(bytes)
        };
        if &header[..8] != MAGIC {
            return Err(Broken::Foreign);
        }
        if header[8..16] != self.key.id_bytes() {
            let mut found = [0; 8];
            found.copy_from_slice(&header[8..16]);
            return Err(Broken::OtherKey {
                found: KeyId::of(found),
                wanted: self.key.id(),
            });
        }
        let mut object = [0; 16];
        object.copy_from_slice(&header[16..32]);
        let (length, segment) = (number(48), number(56));
        if *self.object.get_or_insert(object) != object
            || *self.length.get_or_insert(length) != length
            || segment != self.next
        {
            return Err(Broken::Mixed(self.next));
        }
        if self.name.is_some_and(|name| header[32..48] != name) {
            return Err(Broken::OtherName);
        }
        let left = length
            .saturating_sub(segment.saturating_mul(SEGMENT))
            .min(SEGMENT);
        self.open = Some(Open {
            stream: self.key.stream(&header)?,
            position: 0,
            left,
        });
        Ok(())
    }

    /// Whether all of it came; the hash of what is stored.
    pub(crate) fn finish(self) -> Result<String, Broken> {
        if self.ended {
            Ok(self.stored.finish())
        } else {
            Err(Broken::Short(self.next))
        }
    }
}

#[cfg(test)]
mod tests;
