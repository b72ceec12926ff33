//! Whether an encrypted object that is read back is what it must be.
//!
//! Invariant: with the key every byte is authenticated and the object compared with what was read at its source; without it what is
//! stored is compared with what was sent.

use super::format::{Key, Opener, StoredHash};
use super::keys::told;
use crate::domain::encryption::STORED_SEGMENT;
use crate::ports::objects::{Expected, ObjectError};

/// Reads along.
pub(in crate::adapters::objects) struct Judge {
    expected: Expected,
    shown: String,
    reading: Reading,
}

enum Reading {
    /// Opened; the hash of what comes out.
    Opened(Box<Opener>, Box<blake3::Hasher>, Vec<u8>),
    /// Unopened: the segments' hashes, the present one and how much of it came.
    Closed(Box<StoredHash>, Box<blake3::Hasher>, u64),
}

impl Judge {
    /// Of `expected`, which is what the object was before; read at `shown`.
    pub(in crate::adapters::objects) fn new(
        key: Option<Key>,
        expected: &Expected,
        shown: String,
    ) -> Result<Self, ObjectError> {
        let reading = match key {
            Some(key) => {
                let opener = Opener::new(key, Some(&expected.key), Some(expected.size_bytes.0));
                Reading::Opened(Box::new(opener), Box::default(), Vec::new())
            }
            None if expected.stored_hash.is_none() => {
                return Err(ObjectError::Key(format!(
                    "the object {:?} at {shown} is encrypted, its key is not at hand, and no hash of what is stored is known",
                    expected.key
                )));
            }
            None => Reading::Closed(Box::default(), Box::default(), 0),
        };
        Ok(Self {
            expected: expected.clone(),
            shown,
            reading,
        })
    }

    /// The next bytes as they are stored.
    pub(in crate::adapters::objects) fn take(&mut self, mut bytes: &[u8]) -> Result<(), ObjectError> {
        match &mut self.reading {
            Reading::Opened(opener, hasher, out) => {
                out.clear();
                opener
                    .take(bytes, out)
                    .map_err(|broken| told(&broken, &self.expected.key, &self.shown))?;
                hasher.update(out);
            }
            Reading::Closed(stored, hasher, came) => {
                while !bytes.is_empty() {
                    let wanted = (STORED_SEGMENT - *came).min(bytes.len() as u64);
                    let (now, rest) = bytes.split_at(wanted as usize);
                    hasher.update(now);
                    *came += wanted;
                    bytes = rest;
                    if *came == STORED_SEGMENT {
                        stored.add(&hasher.finalize());
                        hasher.reset();
                        *came = 0;
                    }
                }
            }
        }
        Ok(())
    }

    /// What all of it comes to.
    pub(in crate::adapters::objects) fn verdict(self) -> Result<(), ObjectError> {
        let key = &self.expected.key;
        let differs = |what: &str| {
            ObjectError::Mismatch(format!("the object {key:?} read back from {} {what}", self.shown))
        };
        let stored = match self.reading {
            Reading::Opened(opener, hasher, _) => {
                let stored = opener
                    .finish()
                    .map_err(|broken| told(&broken, key, &self.shown))?;
                let hash = hasher.finalize().to_hex();
                match &self.expected.content_hash {
                    Some(wanted) if *wanted != hash.as_str() => {
                        return Err(differs("differs from what was read at the source"));
                    }
                    _ => stored,
                }
            }
            Reading::Closed(mut stored, hasher, came) => {
                if came > 0 {
                    stored.add(&hasher.finalize());
                }
                stored.finish()
            }
        };
        match &self.expected.stored_hash {
            Some(wanted) if *wanted != stored => Err(differs("is stored otherwise than it was written")),
            _ => Ok(()),
        }
    }
}
