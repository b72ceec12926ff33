//! A server that a script of the project runs in a temporary directory: it prints its address, and is gone with this process, however
//! it ends.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The script; it ends with its standard input, and the server with the script.
pub struct Script(Child);

impl Drop for Script {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}

impl Script {
    /// Starts `scripts/NAME` and reads the address, which must be `sound`.
    pub fn start(name: &str, args: &[&str], sound: fn(&str) -> bool) -> (Self, String) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(name);
        let mut child = Command::new(script)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut address)
            .unwrap();
        let address = address.trim().to_owned();
        assert!(
            sound(&address),
            "{name} started nothing ({address:?}): scripts/setup.sh test installs what it needs"
        );
        (Self(child), address)
    }
}
