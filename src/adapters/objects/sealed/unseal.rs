//! Decrypting one object that is at hand, without a catalog.

use super::format::Opener;
use super::keys::Keys;
use crate::domain::encryption::KeyId;
use crate::domain::location::CredentialRef;
use crate::ports::unseal::{Unseal, Unsealed};

/// Opens objects with keys behind references.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unsealing;

impl Unseal for Unsealing {
    fn begin(&self, key: &CredentialRef, name: Option<&str>) -> Result<(KeyId, Box<dyn Unsealed>), String> {
        let key = Keys::read(key)?;
        Ok((key.id(), Box::new(Opening(Opener::new(key, name, None)))))
    }
}

struct Opening(Opener);

impl Unsealed for Opening {
    fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        self.0.take(bytes, out).map_err(|broken| format!("it {broken}"))
    }

    fn finish(self: Box<Self>) -> Result<(), String> {
        self.0.finish().map(drop).map_err(|broken| format!("it {broken}"))
    }
}
