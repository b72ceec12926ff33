//! `dim verify`: a receipt against the store that it speaks of, without a server.
//!
//! Invariant: only looks. The signature and the list of objects are checked first; then every object is read whole.

use super::exit::{CliError, Exit};
use super::jobs::receipt_facts;
use super::options::Format;
use super::output::{Out, note};
use crate::domain::location::{CredentialRef, Endpoint, Region, StorageUri, StoreAccess};
use crate::domain::migration::receipt::SignedReceipt;
use crate::services::receipt::{self, Checker, Outcome};
use clap::Args;
use serde_json::json;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Keys that are named, of each kind.
const NAMED: usize = 100;

/// Check a receipt: its signature, and every object against what stands in the store now.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The receipt, as `dim jobs receipt JOB --save FILE` wrote it; - for standard input
    #[arg(value_name = "RECEIPT")]
    receipt: PathBuf,
    /// The public key that must have signed it, in hex, or a file that holds it
    #[arg(long, value_name = "KEY|FILE")]
    key: Option<String>,
    /// Look for the objects at this address instead of the receipt's target
    #[arg(long, value_name = "URI")]
    at: Option<StorageUri>,
    /// Open encrypted objects with the key that is found here, env:NAME or file:PATH [default: compare what is stored, as it was
    /// written]
    #[arg(long, visible_alias = "encryption-key-ref", value_name = "REFERENCE")]
    key_ref: Option<CredentialRef>,
    /// Check the signature alone and read no object
    #[arg(long)]
    signature_only: bool,
    /// Where this machine finds the credentials of a bucket: env:NAME or file:PATH, as for `dim locations add` [default: the
    /// environment, as the vendor's own tools read it]
    #[arg(long, visible_alias = "credential-ref", value_name = "REFERENCE")]
    credentials: Option<CredentialRef>,
    /// Where the bucket's store answers, when not at its vendor's own address
    #[arg(long, value_name = "URL")]
    endpoint: Option<Endpoint>,
    /// The bucket's region
    #[arg(long, value_name = "NAME")]
    region: Option<Region>,
}

impl VerifyArgs {
    /// How the store of the receipt is reached, where it is a bucket.
    #[must_use]
    pub fn access(&self) -> StoreAccess {
        StoreAccess {
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            credential_ref: self.credentials.clone(),
        }
    }
}

/// Carries it out over stores of objects that are reached as [`VerifyArgs::access`] says.
///
/// # Errors
/// A receipt that cannot be read or was changed, a store that is away, or objects that differ.
pub async fn run(args: VerifyArgs, stores: &Checker, format: Format) -> Result<(), CliError> {
    let signed = read(&args.receipt)?;
    let key = args.key.map(|key| key_of(&key)).transpose()?;
    let name = args.receipt.display();
    receipt::check_seal(&signed, key.as_deref()).map_err(|problem| {
        CliError::failure(format!(
            "{name} does not hold: {problem}. No object was looked at"
        ))
    })?;
    if key.is_none() {
        note(&format!(
            "the receipt is whole and signed by {}; pass --key to insist on a signer",
            signed.seal.public_key
        ));
    }
    let outcome = if args.signature_only {
        None
    } else {
        Some(
            stores
                .against(&signed, args.at.as_ref(), args.key_ref.clone())
                .await
                .map_err(CliError::failure)?,
        )
    };
    if outcome.is_some() {
        say_encrypted(&signed, args.key_ref.is_some());
    }
    tell(&signed, outcome, Out::new(format))
}

/// What a look at encrypted objects can prove.
fn say_encrypted(signed: &SignedReceipt, with_key: bool) {
    let Some(encryption) = &signed.receipt.target.encryption else {
        return;
    };
    let key = &encryption.key_id;
    note(&if with_key {
        format!(
            "the objects are encrypted with the key {key}: each was opened, every byte of it authenticated, and what came out compared \
             with what was read at the source"
        )
    } else {
        format!(
            "the objects are encrypted with the key {key}, which was not given: what the store holds was compared with what was written \
             and signed. That the key still opens it is not proven: pass --key-ref"
        )
    });
}

fn read(path: &Path) -> Result<SignedReceipt, CliError> {
    let failed =
        |problem: String| CliError::failure(format!("read the receipt {}: {problem}", path.display()));
    // Read as it comes: the text of a million objects is far larger than what is kept of it.
    let signed = if path == Path::new("-") {
        serde_json::from_reader(std::io::stdin().lock())
    } else {
        let file = std::fs::File::open(path).map_err(|e| failed(e.to_string()))?;
        serde_json::from_reader(BufReader::new(file))
    };
    signed.map_err(|e| {
        failed(if e.is_io() {
            e.to_string()
        } else {
            format!("it is no receipt: {e}; `dim jobs receipt ID --save FILE` writes one")
        })
    })
}

/// A key as text, or a file with it.
fn key_of(text: &str) -> Result<String, CliError> {
    if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(text.to_owned());
    }
    std::fs::read_to_string(text)
        .map(|key| key.trim().to_owned())
        .map_err(|e| {
            CliError::new(
                Exit::Usage,
                format!("{text:?} is neither a public key in hex nor a readable file: {e}"),
            )
        })
}

fn tell(signed: &SignedReceipt, outcome: Option<(StorageUri, Outcome)>, out: Out) -> Result<(), CliError> {
    let Some((uri, outcome)) = outcome else {
        return out.text(&match out.format {
            Format::Table => format!("{}\nthe signature holds\n", receipt_facts(signed, out.style)),
            _ => format!(
                "{:#}",
                json!({ "signature": "good", "public_key": signed.seal.public_key })
            ),
        });
    };
    let first = |keys: &[String]| keys.iter().take(NAMED).cloned().collect::<Vec<_>>();
    let text = if out.format == Format::Table {
        let mut text = receipt_facts(signed, out.style);
        text.push_str(&format!(
            "\nlooked at {uri}: {} objects are as signed\n",
            outcome.good
        ));
        for bad in outcome.bad.iter().take(NAMED) {
            let line = format!("differs: {:?}: {}", bad.key, bad.what);
            text.push_str(&super::style::clean(&line));
            text.push('\n');
        }
        for key in first(&outcome.unlisted) {
            text.push_str(&format!("not in the receipt: {}\n", super::style::clean(&key)));
        }
        text
    } else {
        let bad = outcome.bad.iter().take(NAMED);
        format!(
            "{:#}",
            json!({
                "signature": "good", "public_key": signed.seal.public_key, "at": uri.to_string(), "good": outcome.good,
                "bad": outcome.bad.len(), "bytes_read": outcome.bytes.0, "unlisted": outcome.unlisted.len(),
                "differences": bad.map(|d| json!({ "key": d.key, "what": d.what })).collect::<Vec<_>>(),
                "unlisted_keys": first(&outcome.unlisted),
            })
        )
    };
    out.text(&text)?;
    if !outcome.unlisted.is_empty() {
        note(&format!(
            "{} objects are there that the receipt does not list; they may have been written later",
            outcome.unlisted.len()
        ));
    }
    match outcome.bad.first() {
        None => Ok(()),
        Some(first) => Err(CliError::failure(format!(
            "{} of {} objects are not what was signed, the first is {:?}: {}",
            outcome.bad.len(),
            signed.objects.len(),
            first.key,
            first.what
        ))),
    }
}
