//! SeaweedFS, an S3 server of other make, as one process for all tests; a bucket for each.
//!
//! It is installed by `scripts/setup.sh test`. Without it these tests fail and say so.

use super::raw::Raw;
use super::{Bucket, Seen, credential, installed, tied};
use data_in_motion::domain::location::StoreAccess;
use std::process::Child;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const KEY: &str = "weed-key";
const SECRET: &str = "weed-secret";

struct Weed {
    endpoint: String,
    _process: Mutex<Child>,
    _dir: TempDir,
}

/// Ports that nobody has. Below those that the kernel gives to connections: it takes seconds until the server has bound its own.
fn free_ports() -> Vec<u16> {
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    (first..32_000)
        .filter(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .take(8)
        .collect()
}

fn start() -> Weed {
    let dir = tempfile::tempdir().unwrap();
    let config = serde_json::json!({"identities": [{
        "name": "test",
        "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }]});
    std::fs::write(dir.path().join("s3.json"), config.to_string()).unwrap();
    std::fs::create_dir(dir.path().join("data")).unwrap();
    let ports = free_ports();
    let names = [
        "master.port",
        "master.port.grpc",
        "volume.port",
        "volume.port.grpc",
        "filer.port",
        "filer.port.grpc",
        "s3.port.grpc",
        "s3.port",
    ];
    let process = tied(&installed("WEED", "weed/bin/weed"), &dir)
        .args([
            "-logdir=.",
            "server",
            "-dir=data",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-filer",
            "-s3",
        ])
        .args([
            "-s3.config=s3.json",
            "-s3.iam=false",
            "-iam=false",
            "-webdav=false",
        ])
        .args([
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-master.telemetry=false",
        ])
        .args([
            "-volume.max=500",
            "-master.volumeSizeLimitMB=128",
            "-volume.preStopSeconds=0",
            // Its own default, a hundredth of the disk, is gigabytes on a large one and makes every volume read-only.
            "-volume.minFreeSpace=64MiB",
        ])
        .args(
            names
                .iter()
                .zip(&ports)
                .map(|(name, port)| format!("-{name}={port}")),
        )
        .spawn()
        .unwrap();
    Weed {
        endpoint: format!("http://127.0.0.1:{}", ports[7]),
        _process: Mutex::new(process),
        _dir: dir,
    }
}

/// A bucket of its own on the one server.
pub async fn bucket() -> Bucket {
    static SERVER: OnceLock<Weed> = OnceLock::new();
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let server = tokio::task::spawn_blocking(|| SERVER.get_or_init(start))
        .await
        .unwrap();
    let name = format!("weed{}", NEXT.fetch_add(1, Ordering::SeqCst));
    let dir = tempfile::tempdir().unwrap();
    let url = format!("{}/{name}", server.endpoint);
    let raw = Raw::S3 {
        bucket: url.clone(),
        key: KEY.into(),
        secret: SECRET.into(),
    };
    // Its parts find each other within seconds; until then it listens, and even makes buckets, without being able to keep an object.
    let started = Instant::now();
    let port = server
        .endpoint
        .rsplit_once(':')
        .unwrap()
        .1
        .parse::<u16>()
        .unwrap();
    loop {
        let listens = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok();
        if listens
            && raw.send("PUT", &url, &[], b"").await.0 == 200
            && raw.send("PUT", &format!("{url}/ready"), &[], b"ready").await.0 == 200
        {
            raw.send("DELETE", &format!("{url}/ready"), &[], b"").await;
            break;
        }
        assert!(
            started.elapsed() < Duration::from_secs(120),
            "SeaweedFS does not start within two minutes"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Bucket {
        uri: format!("s3://{name}"),
        access: StoreAccess {
            endpoint: Some(server.endpoint.parse().unwrap()),
            region: Some("us-east-1".parse().unwrap()),
            credential_ref: Some(credential(&dir, &format!("{KEY}:{SECRET}")).parse().unwrap()),
        },
        raw,
        seen: Arc::new(Seen::default()),
        dir,
    }
}
