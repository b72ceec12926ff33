//! Secrets behind references, and what each vendor writes in them.
//!
//! Invariant: a secret is read when it is needed and kept in memory only; no message repeats any of it.

use crate::adapters::objects::secret::{self, Missing};
use crate::domain::location::CredentialRef;
use std::collections::BTreeMap;

/// The text that a reference leads to.
///
/// # Errors
/// In words, naming the reference and never the text.
pub(super) fn read(reference: &CredentialRef) -> Result<String, String> {
    let named = reference.as_str();
    match secret::read(reference) {
        Ok(text) => Ok(text.to_string()),
        Err(Missing::NotSet) => Err(format!(
            "the credentials {named} are not there: set that variable for the server"
        )),
        Err(Missing::Unreadable(e)) => Err(format!("the credentials {named} cannot be read: {e}")),
        Err(Missing::Empty) => Err(format!("the credentials {named} are empty")),
        Err(Missing::Unknown) => Err(format!("{named} is neither env:NAME nor file:PATH")),
    }
}

/// What signs requests to S3.
#[derive(PartialEq, Eq)]
pub(super) enum S3Key {
    /// Nothing: a public bucket.
    Anonymous,
    /// A key pair.
    Pair {
        id: String,
        secret: String,
        token: Option<String>,
    },
}

/// `KEY_ID:SECRET[:TOKEN]`, lines as in `~/.aws/credentials` or an environment file, or the word `anonymous`.
pub(super) fn s3(text: &str, named: &str) -> Result<S3Key, String> {
    if text == "anonymous" {
        return Ok(S3Key::Anonymous);
    }
    let wrong = || {
        format!(
            "the credentials {named} are not as expected: KEY_ID:SECRET, or lines aws_access_key_id = … and aws_secret_access_key = …"
        )
    };
    let settings = settings(text, '\n');
    let found = |name: &str| settings.get(name).cloned();
    if let (Some(id), Some(secret)) = (found("aws_access_key_id"), found("aws_secret_access_key")) {
        return Ok(S3Key::Pair {
            id,
            secret,
            token: found("aws_session_token"),
        });
    }
    let mut words = text.splitn(3, ':').map(str::to_owned);
    match (words.next(), words.next(), words.next()) {
        (Some(id), Some(secret), token) if !id.is_empty() && !secret.is_empty() && !text.contains('\n') => {
            Ok(S3Key::Pair { id, secret, token })
        }
        _ => Err(wrong()),
    }
}

/// What opens an Azure account.
#[derive(PartialEq, Eq)]
pub(super) struct AzureKey {
    pub(super) account: String,
    pub(super) key: Option<String>,
    pub(super) sas: Option<String>,
    pub(super) endpoint: Option<String>,
}

/// A connection string, or `ACCOUNT:KEY`.
pub(super) fn azure(text: &str, named: &str) -> Result<AzureKey, String> {
    let settings = settings(text, ';');
    let found = |name: &str| settings.get(name).cloned();
    if let Some(account) = found("accountname") {
        return Ok(AzureKey {
            account,
            key: found("accountkey"),
            sas: found("sharedaccesssignature"),
            endpoint: found("blobendpoint"),
        });
    }
    match text.split_once(':') {
        Some((account, key)) if !account.is_empty() && !key.is_empty() && !text.contains(['\n', ';']) => {
            Ok(AzureKey {
                account: account.to_owned(),
                key: Some(key.to_owned()),
                sas: None,
                endpoint: None,
            })
        }
        _ => Err(format!(
            "the credentials {named} are not as expected: ACCOUNT:KEY, or a connection string AccountName=…;AccountKey=…"
        )),
    }
}

/// `name = value` pairs, names in lower case; the first `=` divides, so that a value may hold others.
fn settings(text: &str, between: char) -> BTreeMap<String, String> {
    text.split(between)
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| {
            let name = name.trim().trim_start_matches("export ").to_ascii_lowercase();
            (name, value.trim().trim_matches('"').to_owned())
        })
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(text: &str) -> (String, String, Option<String>) {
        match s3(text, "env:X") {
            Ok(S3Key::Pair { id, secret, token }) => (id, secret, token),
            _ => panic!("no pair"),
        }
    }

    #[test]
    fn credentials_are_read_as_vendors_write_them() {
        assert_eq!(pair("id:se/cr+et="), ("id".into(), "se/cr+et=".into(), None));
        assert_eq!(pair("id:secret:token").2.as_deref(), Some("token"));
        let lines = "[default]\naws_access_key_id = id\nexport AWS_SECRET_ACCESS_KEY=\"a=b\"\n";
        assert_eq!(pair(lines), ("id".into(), "a=b".into(), None));
        assert!(s3("anonymous", "env:X").is_ok_and(|k| k == S3Key::Anonymous));
        let azure_key = azure(
            "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=k==;",
            "env:X",
        )
        .ok();
        assert!(azure_key.is_some_and(|k| k.account == "a" && k.key.as_deref() == Some("k==")));
        assert!(azure("a:k==", "env:X").is_ok_and(|k| k.key.as_deref() == Some("k==")));
    }

    #[test]
    fn no_message_repeats_a_secret() {
        for text in ["hunter2", "hunter2\nhunter2", ":hunter2", "hunter2;hunter2"] {
            for message in [s3(text, "env:X").err(), azure(text, "env:X").err()] {
                assert!(!message.unwrap().contains("hunter2"));
            }
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("empty");
        std::fs::write(&path, " \n").unwrap();
        let reference: CredentialRef = format!("file:{}", path.display()).parse().unwrap();
        assert!(read(&reference).unwrap_err().contains("empty"));
    }
}
