//! Receipts of finished moves: signed when the catalog is switched, checked later against the store, without a server.
//!
//! Invariant: what is signed is the receipt as compact JSON in the order of its fields, after the name of its form; the objects
//! are bound by one hash in key order. The private key stays in the data directory, readable by its owner alone.

mod check;
mod key;

pub use check::{Checker, Difference, Outcome};
pub use key::{KEY_FILE, Signer};

use crate::domain::migration::receipt::{FORMAT, Receipt, ReceiptObject, SignedReceipt};
use ed25519_dalek::{Signature, VerifyingKey};

/// Name of the only signature that is made and read.
pub const ALGORITHM: &str = "ed25519";

/// One hash over all objects, in key order.
#[derive(Debug, Default)]
pub struct ObjectsHash(blake3::Hasher);

impl ObjectsHash {
    /// The next object.
    pub fn add(&mut self, object: &ReceiptObject) {
        // A string has always a JSON form.
        let key = serde_json::to_string(&object.key).unwrap_or_default();
        let proof = match object.blake3.as_str() {
            "" => object.checksum.as_deref().unwrap_or("-"),
            blake3 => blake3,
        };
        let stored = object.stored_blake3.as_ref();
        let stored = stored.map_or_else(String::new, |stored| format!(" {stored}"));
        let line = format!("{proof} {} {key}{stored}\n", object.size_bytes.0);
        self.0.update(line.as_bytes());
    }

    /// In hex.
    #[must_use]
    pub fn finish(&self) -> String {
        self.0.finalize().to_hex().to_string()
    }
}

/// The bytes that are signed.
fn message(receipt: &Receipt) -> Result<Vec<u8>, String> {
    let mut bytes = format!("{FORMAT}\n").into_bytes();
    serde_json::to_writer(&mut bytes, receipt).map_err(|e| format!("the receipt has no JSON form: {e}"))?;
    Ok(bytes)
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let text = text.trim();
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    if !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// Whether a receipt is whole: its form, its objects, its sums and its signature. With `signer`, only by that public key.
///
/// # Errors
/// What is wrong with it.
pub fn check_seal(signed: &SignedReceipt, signer: Option<&str>) -> Result<(), String> {
    let SignedReceipt {
        receipt,
        seal,
        objects,
    } = signed;
    if receipt.format != FORMAT {
        return Err(format!(
            "its form is {:?}; this program reads {FORMAT}",
            receipt.format
        ));
    }
    if seal.algorithm != ALGORITHM {
        return Err(format!(
            "it is signed by {:?}; this program knows {ALGORITHM}",
            seal.algorithm
        ));
    }
    if let Some(wanted) = signer
        && !wanted.trim().eq_ignore_ascii_case(seal.public_key.trim())
    {
        return Err(format!(
            "it is signed by the key {}, not by {}",
            seal.public_key,
            wanted.trim()
        ));
    }
    let key = from_hex(&seal.public_key)
        .and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok())
        .ok_or("its public key is none")?;
    let signature = from_hex(&seal.signature)
        .map(|bytes| Signature::from_bytes(&bytes))
        .ok_or("its signature is none")?;
    key.verify_strict(&message(receipt)?, &signature)
        .map_err(|_| "its signature does not fit: it was changed after it was signed")?;
    if objects.windows(2).any(|pair| pair[0].key >= pair[1].key) {
        return Err("its objects are not in the order of their keys, each once".into());
    }
    let mut hash = ObjectsHash::default();
    objects.iter().for_each(|object| hash.add(object));
    let count = i64::try_from(objects.len()).unwrap_or(i64::MAX);
    if hash.finish() != receipt.objects_blake3
        || count != receipt.object_count
        || objects
            .iter()
            .map(|o| o.size_bytes)
            .sum::<crate::domain::unit::Bytes>()
            != receipt.size_bytes
    {
        return Err("its list of objects is not the one that was signed".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{DatasetId, JobId, LocationId};
    use crate::domain::migration::options::VerifyLevel;
    use crate::domain::migration::receipt::ReceiptPlace;
    use crate::domain::unit::{Bytes, Timestamp};

    fn signed(signer: &Signer) -> SignedReceipt {
        let objects: Vec<_> = (0..5)
            .map(|i| ReceiptObject {
                key: format!("a/{i} \"quoted\"\n"),
                size_bytes: Bytes(i),
                blake3: blake3::hash(&[i as u8]).to_hex().to_string(),
                checksum: None,
                stored_blake3: (i == 3).then(|| blake3::hash(&[9]).to_hex().to_string()),
            })
            .collect();
        let mut hash = ObjectsHash::default();
        objects.iter().for_each(|o| hash.add(o));
        let place = |uri: &str| ReceiptPlace {
            location_id: LocationId(1),
            root: "file:///r".parse().unwrap(),
            uri: uri.parse().unwrap(),
            storage_class: "hot".parse().unwrap(),
            encryption: None,
        };
        let receipt = Receipt {
            format: FORMAT.into(),
            job_id: JobId(3),
            attempt: 1,
            dataset_id: DatasetId(1),
            dataset_name: "demo".into(),
            source: place("file:///r/a"),
            target: place("file:///r/b"),
            object_count: 5,
            size_bytes: Bytes(10),
            objects_blake3: hash.finish(),
            verify: VerifyLevel::Full,
            proves: VerifyLevel::Full.proves().into(),
            created_at: Timestamp(1_700_000_000_123_456),
            started_at: None,
            completed_at: Timestamp(1_700_000_000_000_000),
            made_by: "dim".into(),
        };
        let seal = signer.seal(&receipt).unwrap();
        SignedReceipt {
            receipt,
            seal,
            objects,
        }
    }

    #[test]
    fn a_receipt_survives_its_text_and_no_change_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let signer = Signer::open(dir.path()).unwrap();
        let whole = signed(&signer);
        let text = serde_json::to_string_pretty(&whole).unwrap();
        let read: SignedReceipt = serde_json::from_str(&text).unwrap();
        assert_eq!(check_seal(&read, Some(&signer.public_key())), Ok(()));
        let changes: [fn(&mut SignedReceipt); 11] = [
            |r| r.receipt.object_count = 4,
            |r| r.receipt.dataset_name.push('x'),
            |r| r.receipt.completed_at = Timestamp(0),
            |r| r.receipt.verify = VerifyLevel::Size,
            |r| r.objects[2].size_bytes = Bytes(9),
            |r| r.objects[2].blake3 = r.objects[1].blake3.clone(),
            |r| r.objects[3].stored_blake3 = None,
            |r| r.objects[2].stored_blake3 = Some(r.objects[2].blake3.clone()),
            |r| r.objects.swap(0, 1),
            |r| drop(r.objects.pop()),
            |r| r.seal.signature.replace_range(0..2, "00"),
        ];
        for (i, change) in changes.iter().enumerate() {
            let mut other = whole.clone();
            change(&mut other);
            // A signature can begin with 00 by chance.
            assert!(other == whole || check_seal(&other, None).is_err(), "change {i}");
        }
        let other = Signer::open(tempfile::tempdir().unwrap().path()).unwrap();
        let refused = check_seal(&whole, Some(&other.public_key())).unwrap_err();
        assert!(refused.contains(&whole.seal.public_key), "{refused}");
    }

    #[test]
    fn hex_is_read_as_written_and_nothing_else() {
        assert_eq!(from_hex(&to_hex(&[0, 15, 255])), Some([0, 15, 255]));
        for bad in ["", "0", "zz", "0ü", "+1", "0102"] {
            assert_eq!(from_hex::<1>(bad), None, "{bad}");
        }
    }
}
