//! Encryption at copy: places that are encrypted, and the jobs that move data to and from them.

mod jobs;
mod place;
mod program;

use data_in_motion::domain::encryption::{Encryption, KeyId};
use data_in_motion::domain::location::CredentialRef;
use std::path::Path;

/// A key that every test may have: its bytes, and how they are written.
pub struct TestKey {
    pub bytes: [u8; 32],
    pub hex: String,
}

impl TestKey {
    pub fn new(seed: u8) -> Self {
        let bytes = *blake3::hash(&[b'k', b'e', b'y', seed]).as_bytes();
        Self {
            hex: bytes.iter().map(|b| format!("{b:02x}")).collect(),
            bytes,
        }
    }

    /// In the other spelling.
    pub fn base64(&self) -> String {
        use base64::Engine as _;
        base64::prelude::BASE64_STANDARD.encode(self.bytes)
    }

    /// Puts it into a file; the reference to that.
    pub fn file(&self, dir: &Path, name: &str) -> CredentialRef {
        let path = dir.join(name);
        std::fs::write(&path, format!("{}\n", self.base64())).unwrap();
        format!("file:{}", path.display()).parse().unwrap()
    }

    /// Its id, by the description of the form.
    pub fn id(&self) -> KeyId {
        let derived = blake3::derive_key("data-in-motion 2026-11 key id", &self.bytes);
        KeyId::of(derived[..8].try_into().unwrap())
    }

    /// What a copy says that is encrypted with it.
    pub fn encryption(&self, dir: &Path, name: &str) -> Encryption {
        Encryption {
            key_ref: Some(self.file(dir, name)),
            key_id: self.id(),
        }
    }

    /// Whether any spelling of it is somewhere in these bytes.
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        let spelt = [
            self.bytes.to_vec(),
            self.hex.clone().into_bytes(),
            self.hex.to_uppercase().into_bytes(),
            self.base64().trim_end_matches('=').as_bytes().to_vec(),
        ];
        spelt.iter().any(|s| bytes.windows(s.len()).any(|w| w == s))
    }
}

/// Bytes that look like nothing.
pub fn noise(length: usize, seed: u8) -> Vec<u8> {
    let mut out = vec![0; length];
    blake3::Hasher::new()
        .update(&[seed])
        .finalize_xof()
        .fill(&mut out);
    out
}
