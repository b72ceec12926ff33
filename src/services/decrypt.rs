//! One encrypted object that is at hand, decrypted without a catalog or a server.
//!
//! Invariant: only authenticated bytes are handed on, and `Ok` means that they were all.

use crate::domain::encryption::KeyId;
use crate::domain::location::CredentialRef;
use crate::ports::unseal::Unseal;
use std::io::{Read, Write};
use std::sync::Arc;

/// What is read at once.
const STEP: usize = 1 << 20;

/// What was decrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decrypted {
    /// The key that it was encrypted with.
    pub key_id: KeyId,
    /// Bytes of the object.
    pub bytes: u64,
    /// Their BLAKE3, in hex.
    pub blake3: String,
}

/// Decrypts objects with keys behind references.
#[derive(Clone)]
pub struct Decrypter(Arc<dyn Unseal>);

impl Decrypter {
    /// By this means.
    #[must_use]
    pub fn new(unseal: Arc<dyn Unseal>) -> Self {
        Self(unseal)
    }

    /// Decrypts what is read, and writes it; of this name below its dataset, where that is to be checked.
    ///
    /// # Errors
    /// Why there is no key, what does not authenticate, or what could not be read or written. What was written until then is not the
    /// object.
    pub fn run(
        &self,
        key: &CredentialRef,
        name: Option<&str>,
        from: &mut dyn Read,
        to: &mut dyn Write,
    ) -> Result<Decrypted, String> {
        let (key_id, mut object) = self.0.begin(key, name)?;
        let (mut stored, mut out) = (vec![0; STEP], Vec::new());
        let mut hasher = blake3::Hasher::new();
        let mut bytes = 0;
        loop {
            let read = match from.read(&mut stored) {
                Ok(0) => break,
                Ok(read) => read,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(format!("it cannot be read: {e}")),
            };
            out.clear();
            object.take(&stored[..read], &mut out)?;
            hasher.update(&out);
            bytes += out.len() as u64;
            to.write_all(&out)
                .map_err(|e| format!("what it opens to cannot be written: {e}"))?;
        }
        object.finish()?;
        to.flush()
            .map_err(|e| format!("what it opens to cannot be written: {e}"))?;
        Ok(Decrypted {
            key_id,
            bytes,
            blake3: hasher.finalize().to_hex().to_string(),
        })
    }
}
