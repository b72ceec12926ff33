//! The key that receipts are signed with.
//!
//! Invariant: made once, never overwritten, readable by its owner alone. The public half stands beside it for whoever checks.

use super::{ALGORITHM, from_hex, message, to_hex};
use crate::domain::migration::receipt::{Receipt, Seal};
use ed25519_dalek::{Signer as _, SigningKey};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// Its name in the data directory. The public half is in a file with `.pub` after it.
pub const KEY_FILE: &str = "receipt.key";

/// Signs receipts.
pub struct Signer(SigningKey);

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", self.public_key())
    }
}

impl Signer {
    /// The key of a data directory, made where there is none.
    ///
    /// # Errors
    /// A file that cannot be read or written, is no key, or that others may read.
    pub fn open(data_dir: &Path) -> Result<Self, String> {
        let path = data_dir.join(KEY_FILE);
        let failed = |error: std::io::Error| format!("the key for receipts {}: {error}", path.display());
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return make(&path).map_err(failed),
            Err(error) => return Err(failed(error)),
        };
        let mode = std::fs::metadata(&path).map_err(failed)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(format!(
                "the key for receipts {} may be read by others (mode {:o}); chmod 600 it",
                path.display(),
                mode & 0o777
            ));
        }
        from_hex(&text)
            .map(|seed| Self(SigningKey::from_bytes(&seed)))
            .ok_or_else(|| {
                format!(
                    "the key for receipts {} is no key; put it aside and a new one is made",
                    path.display()
                )
            })
    }

    /// In hex.
    #[must_use]
    pub fn public_key(&self) -> String {
        to_hex(self.0.verifying_key().as_bytes())
    }

    /// Signs a receipt.
    ///
    /// # Errors
    /// A receipt without a JSON form, which none lacks.
    pub fn seal(&self, receipt: &Receipt) -> Result<Seal, String> {
        let signature = self.0.sign(&message(receipt)?);
        Ok(Seal {
            algorithm: ALGORITHM.into(),
            public_key: self.public_key(),
            signature: to_hex(&signature.to_bytes()),
        })
    }
}

/// Two processes may come at once: the first name that stands is the key of both.
fn make(path: &Path) -> std::io::Result<Signer> {
    let signer = Signer(SigningKey::from_bytes(&rand::random()));
    let fresh = path.with_extension(format!("{:08x}.new", rand::random::<u32>()));
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&fresh)?;
    writeln!(file, "{}", to_hex(signer.0.as_bytes()))?;
    file.sync_all()?;
    let named = std::fs::hard_link(&fresh, path);
    std::fs::remove_file(&fresh)?;
    match named {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let other = std::fs::read_to_string(path)?;
            let seed = from_hex(&other).ok_or_else(|| std::io::Error::other("it is no key"))?;
            return Ok(Signer(SigningKey::from_bytes(&seed)));
        }
        Err(error) => return Err(error),
    }
    std::fs::write(
        path.with_extension("key.pub"),
        format!("{}\n", signer.public_key()),
    )?;
    if let Some(dir) = path.parent() {
        std::fs::File::open(dir)?.sync_all()?;
    }
    Ok(signer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_kept_closed() {
        let dir = tempfile::tempdir().unwrap();
        let one = Signer::open(dir.path()).unwrap().public_key();
        assert_eq!(Signer::open(dir.path()).unwrap().public_key(), one);
        let path = dir.path().join(KEY_FILE);
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let public = std::fs::read_to_string(dir.path().join("receipt.key.pub")).unwrap();
        assert_eq!(public.trim(), one);
        assert_eq!(
            std::fs::read_dir(dir.path()).unwrap().count(),
            2,
            "nothing else is left"
        );

        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(Signer::open(dir.path()).unwrap_err().contains("chmod 600"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "no key").unwrap();
        assert!(Signer::open(dir.path()).unwrap_err().contains("is no key"));
    }

    #[test]
    fn whoever_comes_at_once_gets_the_same_key() {
        let dir = tempfile::tempdir().unwrap();
        let keys: Vec<_> = std::thread::scope(|scope| {
            let openers: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| Signer::open(dir.path()).unwrap().public_key()))
                .collect();
            openers.into_iter().map(|o| o.join().unwrap()).collect()
        });
        assert!(keys.windows(2).all(|pair| pair[0] == pair[1]), "{keys:?}");
    }
}
