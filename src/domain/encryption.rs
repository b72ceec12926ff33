//! What is known of the encryption of a copy: where its key is found, what tells that key from others, and how large objects become.
//!
//! Invariant: no key is ever here, only a reference to it and its id. That a copy is encrypted belongs to the copy: what is set on
//! a location holds for what is written there later. How objects are encrypted is written down in `adapters::objects::sealed`.

use crate::domain::location::CredentialRef;
use crate::domain::unit::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Bytes of an object that are encrypted under one subkey.
pub const SEGMENT: u64 = 1 << 20;
/// Bytes that are authenticated together.
pub const CHUNK: u64 = 1 << 16;
/// What a chunk grows by.
pub const TAG: u64 = 16;
/// What a segment begins with.
pub const HEADER: u64 = 96;

/// A whole segment as it is stored.
pub const STORED_SEGMENT: u64 = HEADER + SEGMENT + SEGMENT / CHUNK * TAG;

/// What tells a key from others and gives nothing of it away: 16 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct KeyId(String);

impl KeyId {
    /// Of these bytes.
    #[must_use]
    pub fn of(bytes: [u8; 8]) -> Self {
        Self(format!("{:016x}", u64::from_be_bytes(bytes)))
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is no key's id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the id of a key is 16 hexadecimal digits")]
pub struct KeyIdError;

impl FromStr for KeyId {
    type Err = KeyIdError;
    fn from_str(text: &str) -> Result<Self, KeyIdError> {
        match u64::from_str_radix(text, 16) {
            Ok(id) if text.len() == 16 && !text.starts_with('+') => Ok(Self::of(id.to_be_bytes())),
            _ => Err(KeyIdError),
        }
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// How a copy is encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Encryption {
    /// Where the key is found, `env:NAME` or `file:PATH`; absent where it is not at hand, so that only what the store holds can be
    /// compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_ref: Option<CredentialRef>,
    /// Which key it must be.
    pub key_id: KeyId,
}

impl fmt::Display for Encryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key_ref {
            Some(reference) => write!(f, "the key {} ({})", self.key_id, reference.as_str()),
            None => write!(f, "the key {}", self.key_id),
        }
    }
}

/// How large an object is once it is encrypted.
#[must_use]
pub fn stored_bytes(plain: Bytes) -> Bytes {
    let segments = plain.0.div_ceil(SEGMENT).max(1);
    // A whole segment has whole chunks, so that they can be counted over all; an empty object has one empty chunk.
    let chunks = plain.0.div_ceil(CHUNK).max(1);
    Bytes(plain.0.saturating_add(segments * HEADER + chunks * TAG))
}

/// How large an encrypted object was before; `None` for a size that no encrypted object has.
#[must_use]
pub fn plain_bytes(stored: Bytes) -> Option<Bytes> {
    let (whole, rest) = (stored.0 / STORED_SEGMENT, stored.0 % STORED_SEGMENT);
    let last = if rest == 0 {
        0
    } else {
        let body = rest.checked_sub(HEADER)?;
        body.checked_sub(body.div_ceil(CHUNK + TAG) * TAG)?
    };
    let plain = Bytes(whole * SEGMENT + last);
    (stored_bytes(plain) == stored).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_go_there_and_back_at_every_boundary() {
        for base in [
            0,
            1,
            CHUNK,
            2 * CHUNK,
            SEGMENT,
            2 * SEGMENT,
            8 * SEGMENT,
            7 * SEGMENT + 3 * CHUNK,
        ] {
            for plain in base.saturating_sub(2)..base + 3 {
                let stored = stored_bytes(Bytes(plain));
                assert_eq!(plain_bytes(stored), Some(Bytes(plain)), "{plain}");
            }
        }
        assert_eq!(stored_bytes(Bytes(0)), Bytes(HEADER + TAG));
        assert_eq!(stored_bytes(Bytes(SEGMENT)), Bytes(STORED_SEGMENT));
        for none in [0, 1, HEADER, HEADER + TAG - 1, STORED_SEGMENT + HEADER + TAG] {
            assert_eq!(plain_bytes(Bytes(none)), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn a_size_has_one_stored_size_at_most(stored in 0_u64..1 << 33) {
            if let Some(plain) = plain_bytes(Bytes(stored)) {
                prop_assert_eq!(stored_bytes(plain), Bytes(stored));
            }
        }

        #[test]
        fn larger_objects_are_stored_larger(plain in 0_u64..1 << 40) {
            prop_assert!(stored_bytes(Bytes(plain)) < stored_bytes(Bytes(plain + 1)));
            prop_assert_eq!(plain_bytes(stored_bytes(Bytes(plain))), Some(Bytes(plain)));
        }
    }

    #[test]
    fn ids_are_digits_alone() {
        let id = KeyId::of([0, 1, 2, 3, 4, 5, 6, 0xff]);
        assert_eq!(id.as_str(), "00010203040506ff");
        assert_eq!(id.as_str().parse(), Ok(id));
        for bad in [
            "",
            "00",
            "+010203040506ff",
            "0001020304050 ff",
            "00010203040506fg",
        ] {
            assert!(bad.parse::<KeyId>().is_err(), "{bad}");
        }
    }
}
