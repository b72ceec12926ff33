//! Azurite, Microsoft's own emulator of Azure Blob Storage, as one process for all tests; a container for each.
//!
//! It is an npm package, installed by `scripts/setup.sh test`. Without it these tests fail and say so.

use super::raw::Raw;
use super::{Bucket, Seen, credential, installed, tied};
use data_in_motion::domain::location::StoreAccess;
use std::process::Child;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The account and key that every Azurite has; they are published and open nothing else.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

struct Azurite {
    endpoint: String,
    _process: Mutex<Child>,
    _dir: TempDir,
}

fn start() -> Azurite {
    let dir = tempfile::tempdir().unwrap();
    let port = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().port()
    };
    let process = tied(
        &installed("AZURITE", "azurite/node_modules/.bin/azurite-blob"),
        &dir,
    )
    .args([
        "--silent",
        "--inMemoryPersistence",
        "--skipApiVersionCheck",
        "--disableTelemetry",
    ])
    .args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()])
    .spawn()
    .unwrap();
    let server = Azurite {
        endpoint: format!("http://127.0.0.1:{port}/{ACCOUNT}"),
        _process: Mutex::new(process),
        _dir: dir,
    };
    let started = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "azurite does not start within a minute"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    server
}

/// A container of its own on the one server.
pub async fn bucket() -> Bucket {
    static SERVER: OnceLock<Azurite> = OnceLock::new();
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let server = tokio::task::spawn_blocking(|| SERVER.get_or_init(start))
        .await
        .unwrap();
    let name = format!("box{}", NEXT.fetch_add(1, Ordering::SeqCst));
    let dir = tempfile::tempdir().unwrap();
    let raw = Raw::Azure {
        container: format!("{}/{name}", server.endpoint),
        account: ACCOUNT.into(),
        key: KEY.into(),
    };
    let url = format!("{}/{name}?restype=container", server.endpoint);
    let (status, answer) = raw.send("PUT", &url, &[], b"").await;
    assert_eq!(status, 201, "{}", String::from_utf8_lossy(&answer.bytes));
    Bucket {
        uri: format!("az://{name}"),
        access: StoreAccess {
            endpoint: Some(server.endpoint.parse().unwrap()),
            region: None,
            credential_ref: Some(credential(&dir, &format!("{ACCOUNT}:{KEY}")).parse().unwrap()),
        },
        raw,
        seen: Arc::new(Seen::default()),
        dir,
    }
}
