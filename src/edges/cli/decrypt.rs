//! `dim decrypt`: one encrypted object as a file, without a server.
//!
//! Invariant: nothing stands under the final name unless all of the object authenticated and is durable; what stands there already is
//! never replaced.

use super::exit::CliError;
use super::output::note;
use crate::domain::location::CredentialRef;
use crate::services::decrypt::{Decrypted, Decrypter};
use clap::Args;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Decrypt an object that a move has encrypted, as it was downloaded from its store or stands on a disk.
#[derive(Debug, Args)]
pub struct DecryptArgs {
    /// The object as it is stored; - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where its key is found: env:NAME or file:PATH
    #[arg(long, value_name = "REFERENCE")]
    key_ref: CredentialRef,
    /// Insist that it was encrypted as the object of this name, a path below its dataset
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What to write, which must not exist; - for standard output, where a failure shows only in the exit code [default: FILE.decrypted]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Carries it out.
///
/// # Errors
/// A key that is not there or another one, an object that does not authenticate, or a file that cannot be read or written.
pub fn run(args: &DecryptArgs, decrypter: &Decrypter) -> Result<(), CliError> {
    let shown = args.file.display();
    let failed = |problem: String| CliError::failure(format!("{shown} is not decrypted: {problem}"));
    let mut from: Box<dyn Read> = if args.file == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(File::open(&args.file).map_err(|e| failed(format!("it cannot be opened: {e}")))?)
    };
    let name = args.name.as_deref();
    let done = match out(args)? {
        None => decrypter.run(&args.key_ref, name, &mut from, &mut std::io::stdout().lock()),
        Some(out) => to_file(decrypter, args, &mut from, &out),
    };
    let Decrypted {
        key_id,
        bytes,
        blake3,
    } = done.map_err(failed)?;
    let named = match name {
        Some(name) => format!("as the object {name:?}"),
        None => "its name was not checked (--name)".into(),
    };
    note(&format!(
        "{shown}: {bytes} bytes, every one authenticated with the key {key_id}, {named}; BLAKE3 {blake3}"
    ));
    Ok(())
}

/// `None` is standard output.
fn out(args: &DecryptArgs) -> Result<Option<PathBuf>, CliError> {
    match &args.out {
        Some(out) if out == Path::new("-") => Ok(None),
        Some(out) => Ok(Some(out.clone())),
        None if args.file == Path::new("-") => Ok(None),
        None => {
            let mut name = args
                .file
                .file_name()
                .ok_or_else(|| CliError::usage("FILE names no file"))?
                .to_owned();
            name.push(".decrypted");
            Ok(Some(args.file.with_file_name(name)))
        }
    }
}

fn to_file(
    decrypter: &Decrypter,
    args: &DecryptArgs,
    from: &mut dyn Read,
    out: &Path,
) -> Result<Decrypted, String> {
    let shown = out.display();
    if out.exists() {
        return Err(format!(
            "{shown} is there already and is left alone; name another --out"
        ));
    }
    let dir = match out.parent() {
        Some(dir) if dir != Path::new("") => dir,
        _ => Path::new("."),
    };
    let unwritable = |e: std::io::Error| format!("{shown} cannot be written: {e}");
    // Removed when it is dropped, so that nothing is left of what did not authenticate.
    let mut file = tempfile::Builder::new()
        .prefix(".dim-decrypt-")
        .tempfile_in(dir)
        .map_err(unwritable)?;
    let done = decrypter.run(&args.key_ref, args.name.as_deref(), from, &mut file)?;
    file.as_file().sync_all().map_err(unwritable)?;
    file.persist_noclobber(out).map_err(|e| unwritable(e.error))?;
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(unwritable)?;
    Ok(done)
}
