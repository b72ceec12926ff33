//! Keys behind references.
//!
//! Invariant: a key is read when it is needed, remembered for seconds, and used only when it is the one that is meant. No message
//! repeats any of it.

use super::format::{Broken, Key};
use crate::adapters::objects::local::LocalObjects;
use crate::adapters::objects::secret::{self, Missing};
use crate::domain::encryption::{Encryption, KeyId};
use crate::domain::location::CredentialRef;
use crate::ports::objects::ObjectError;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a key is used without a look at its reference.
const REMEMBERED: Duration = Duration::from_secs(5);
/// References remembered at once; beyond, all are forgotten and read again.
const REMEMBERED_MAX: usize = 256;

/// The keys of this process. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Keys(Arc<Mutex<HashMap<CredentialRef, (Instant, Key)>>>);

impl Keys {
    /// The key that a reference leads to, in words when there is none.
    pub(crate) fn read(reference: &CredentialRef) -> Result<Key, String> {
        let named = reference.as_str();
        let text = secret::read(reference).map_err(|missing| match missing {
            Missing::NotSet => {
                format!(
                    "the encryption key {named} is not there: set that variable for every server and mover"
                )
            }
            Missing::Unreadable(e) => format!("the encryption key {named} cannot be read: {e}"),
            Missing::Empty => format!("the encryption key {named} is empty"),
            Missing::Unknown => format!("{named} is neither env:NAME nor file:PATH"),
        })?;
        Key::parse(&text).ok_or_else(|| {
            format!(
                "what the reference {named} leads to is no key: 32 bytes in base64 or as 64 hexadecimal digits are, such as \
                 `openssl rand -base64 32` prints"
            )
        })
    }

    /// What tells the key that a reference leads to from others.
    pub(crate) fn id(&self, reference: &CredentialRef) -> Result<KeyId, ObjectError> {
        Self::read(reference)
            .map(|key| key.id())
            .map_err(ObjectError::Key)
    }

    /// The key of a copy, where it was read a moment ago.
    pub(crate) fn known(&self, encryption: &Encryption) -> Option<Key> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, key) = known.get(encryption.key_ref.as_ref()?)?;
        (since.elapsed() < REMEMBERED && key.id() == encryption.key_id).then(|| key.clone())
    }

    /// The key of a copy at `root`, on a thread of its own where it has to be read.
    pub(crate) async fn get(&self, encryption: &Encryption, root: String) -> Result<Key, ObjectError> {
        if let Some(key) = self.known(encryption) {
            return Ok(key);
        }
        let (keys, encryption) = (self.clone(), encryption.clone());
        LocalObjects::blocking(move || keys.of(&encryption, &root)).await
    }

    /// The key of a copy at `root`. It may have to be read.
    fn of(&self, encryption: &Encryption, root: &str) -> Result<Key, ObjectError> {
        let wrong = |why: String| ObjectError::Key(format!("what is encrypted at {root}: {why}"));
        let Some(reference) = &encryption.key_ref else {
            return Err(wrong(format!("its key {} is not at hand", encryption.key_id)));
        };
        if let Some(key) = self.known(encryption) {
            return Ok(key);
        }
        // Read without the lock: a file of a share that hangs holds back nobody whose key is known.
        let key = Self::read(reference).map_err(wrong)?;
        if key.id() != encryption.key_id {
            return Err(wrong(format!(
                "the reference {} leads to the key {}, and {} is needed; give the old key back under that reference",
                reference.as_str(),
                key.id(),
                encryption.key_id
            )));
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert(reference.clone(), (Instant::now(), key.clone()));
        Ok(key)
    }
}

/// What is wrong with an encrypted object, naming it. That it says another key is its own fault: the key was found to be the one that
/// is meant before it was used.
pub(super) fn told(broken: &Broken, key: &str, root: &str) -> ObjectError {
    let text = format!("the object {key:?} at {root} {broken}");
    match broken {
        Broken::NoRandom(_) | Broken::NoCipher => ObjectError::Io(text),
        _ => ObjectError::Mismatch(text),
    }
}
