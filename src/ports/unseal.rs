//! Decrypting one object that is at hand.
//!
//! Invariant: nothing comes out that did not authenticate, and only [`Unsealed::finish`] says that it was all.

use crate::domain::encryption::KeyId;
use crate::domain::location::CredentialRef;

/// Who can decrypt.
pub trait Unseal: Send + Sync + 'static {
    /// Begins with an object; of this name, where it is known. Tells the key's id too.
    ///
    /// # Errors
    /// In words, when there is no such key.
    fn begin(&self, key: &CredentialRef, name: Option<&str>) -> Result<(KeyId, Box<dyn Unsealed>), String>;
}

/// An object that is being decrypted.
pub trait Unsealed: Send {
    /// Takes the next bytes as they are stored, and puts what they open to at the end of `out`.
    ///
    /// # Errors
    /// In words, when they do not authenticate. Nothing may be done with the object then.
    fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), String>;

    /// Whether all of it came.
    ///
    /// # Errors
    /// In words, when it ends too early.
    fn finish(self: Box<Self>) -> Result<(), String>;
}
