//! A receipt against what stands in the store now.
//!
//! Invariant: only looks. Every object of the receipt is read whole and compared; what the receipt does not list is told apart,
//! since it may have been written rightly later.

use crate::domain::encryption::Encryption;
use crate::domain::location::{CredentialRef, StorageUri};
use crate::domain::migration::receipt::{ReceiptObject, SignedReceipt};
use crate::domain::unit::Bytes;
use crate::ports::objects::{Expected, Meter, ObjectError, Objects, Prefix};
use futures::StreamExt;
use std::collections::HashSet;
use std::sync::Arc;

/// Objects read at once.
const AT_ONCE: usize = 4;

/// An object that is not what the receipt says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its key.
    pub key: String,
    /// What is wrong.
    pub what: String,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Objects that are what the receipt says.
    pub good: u64,
    /// Bytes read.
    pub bytes: Bytes,
    /// Objects that are not, in key order.
    pub bad: Vec<Difference>,
    /// Keys that stand there and are not in the receipt, in order.
    pub unlisted: Vec<String>,
}

/// Compares receipts with what stands in the stores.
#[derive(Clone)]
pub struct Checker(Arc<dyn Objects>);

impl Checker {
    /// Over these stores.
    #[must_use]
    pub fn new(objects: Arc<dyn Objects>) -> Self {
        Self(objects)
    }

    /// Reads every object of a receipt and compares it: at the receipt's target, or at another address. Gives that address too. What
    /// is encrypted there is opened with the key behind `key`; without one, what is stored is compared.
    ///
    /// # Errors
    /// Why the place cannot be looked at.
    pub async fn against(
        &self,
        signed: &SignedReceipt,
        at: Option<&StorageUri>,
        key: Option<CredentialRef>,
    ) -> Result<(StorageUri, Outcome), String> {
        let target = &signed.receipt.target;
        let (root, uri) = at.map_or((&target.root, &target.uri), |at| (at, at));
        let encryption = target.encryption.as_ref().map(|encryption| Encryption {
            key_ref: key,
            key_id: encryption.key_id.clone(),
        });
        let place = Prefix::below(root, uri)
            .ok_or_else(|| format!("{uri} does not lie below {root}"))?
            .encrypted(encryption);
        let outcome = compare(signed, &*self.0, &place)
            .await
            .map_err(|problem| format!("{uri} cannot be compared: {problem}"))?;
        Ok((uri.clone(), outcome))
    }
}

async fn compare(signed: &SignedReceipt, objects: &dyn Objects, at: &Prefix) -> Result<Outcome, ObjectError> {
    let mut walk = objects.walk(at).await?;
    let listed: HashSet<&str> = signed.objects.iter().map(|o| o.key.as_str()).collect();
    let mut outcome = Outcome::default();
    while let Some(page) = walk.next().await? {
        let unlisted = page.objects.into_iter().map(|o| o.key);
        outcome
            .unlisted
            .extend(unlisted.filter(|key| !listed.contains(key.as_str())));
    }
    let meter = Arc::new(Meter::default());
    let mut reads = futures::stream::iter(&signed.objects)
        .map(|object| {
            let meter = meter.clone();
            async move { (object, objects.verify(at, &expected(object), &meter).await) }
        })
        .buffered(AT_ONCE);
    while let Some((object, read)) = reads.next().await {
        match read {
            Ok(()) => outcome.good += 1,
            Err(problem) => outcome.bad.push(Difference {
                key: object.key.clone(),
                what: problem.to_string(),
            }),
        }
    }
    drop(reads);
    outcome.bytes = Bytes(meter.bytes());
    Ok(outcome)
}

fn expected(object: &ReceiptObject) -> Expected {
    Expected {
        key: object.key.clone(),
        size_bytes: object.size_bytes,
        content_hash: (!object.blake3.is_empty()).then(|| object.blake3.clone()),
        metadata: None,
        checksum: object.checksum.clone(),
        stored_hash: object.stored_blake3.clone(),
    }
}
