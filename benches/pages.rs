//! The datasets page over many datasets, rendered for each request, beside a bare axum route that sends the same bytes from memory.
//!
//! `scripts/bench.sh pages` builds for release. One client with one connection asks in turns; a ratio is that of the medians, the bare route's
//! time over the page's: *drawn* when each request is for an address that was not asked for before, *again* when it is for the same one,
//! which a change makes every open tab do. `--datasets N`, `--rounds N`.

use axum::Router;
use axum::routing::get;
use data_in_motion::adapters::inproc::clock::SystemClock;
use data_in_motion::config::Resolved;
use data_in_motion::domain::dataset::NewDataset;
use data_in_motion::domain::unit::{Bytes, Timestamp};
use data_in_motion::server::{self, App};
use data_in_motion::services::catalog::KnownDataset;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Addresses whose lists are asked for: the first page, each order, a filter, a search and a page far down.
const ASKED: [(&str, &str); 6] = [
    ("first page", "/datasets"),
    ("by cost", "/datasets?sort=cost"),
    ("by last access", "/datasets?sort=last_access"),
    ("by name", "/datasets?sort=name"),
    ("a class", "/datasets?class=cold&sort=size"),
    ("a search", "/datasets?search=set-0999"),
];

fn flag(name: &str, default: usize) -> Result<usize, std::num::ParseIntError> {
    let mut args = std::env::args().skip_while(|arg| arg != name);
    args.nth(1).map_or(Ok(default), |text| text.parse())
}

fn say(text: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{text}")
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let (datasets, rounds) = (flag("--datasets", 100_000)?, flag("--rounds", 40)?.max(1));
    let dir = tempfile::tempdir()?;
    let base = ours(&dir, datasets).await?;
    let client = reqwest::Client::builder().build()?;
    say(&format!("{datasets} datasets, {rounds} rounds"))?;
    for (name, path) in ASKED {
        let page = fetch(&client, &format!("{base}{path}")).await?;
        let bytes = page.len();
        let bare = bare(page).await?;
        let (mut of_page, mut of_again, mut of_bare) = (Vec::new(), Vec::new(), Vec::new());
        let mark = if path.contains('?') { '&' } else { '?' };
        for round in 0..rounds {
            for (url, times) in [
                // A field that no page knows: the same page at another address.
                (format!("{base}{path}{mark}round={round}"), &mut of_page),
                (format!("{base}{path}"), &mut of_again),
                (format!("{bare}/"), &mut of_bare),
            ] {
                let began = Instant::now();
                fetch(&client, &url).await?;
                times.push(began.elapsed());
            }
        }
        let (page, again) = (median(&mut of_page), median(&mut of_again));
        let bare = median(&mut of_bare);
        let ratio = |time: Duration| bare.as_secs_f64() / time.as_secs_f64();
        say(&format!(
            "{name:<15} static {:>7.1} µs, drawn {:>9.1} µs, ratio {:.3}, again {:>8.1} µs, ratio {:.3}, {bytes} bytes",
            micros(bare),
            micros(page),
            ratio(page),
            micros(again),
            ratio(again),
        ))?;
    }
    Ok(())
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

async fn fetch(client: &reqwest::Client, url: &str) -> Result<String, Failure> {
    let answer = client.get(url).header("accept", "text/html").send().await?;
    Ok(answer.error_for_status()?.text().await?)
}

/// The real server over a fresh database with so many datasets.
async fn ours(dir: &tempfile::TempDir, datasets: usize) -> Result<String, Failure> {
    let root = dir.path().canonicalize()?.join("files");
    std::fs::create_dir_all(&root)?;
    let flags = BTreeMap::from([
        ("data_dir", dir.path().join("data").to_string_lossy().into_owned()),
        ("roles", "web".to_owned()),
    ]);
    let settings = Resolved::load(&flags, |_| None, &dir.path().join("none.toml"))?.settings()?;
    let app = App::open(&settings, Arc::new(SystemClock)).await?;
    let uri = format!("file://{}", root.display());
    let location = serde_json::from_value(serde_json::json!({
        "name": "nas", "uri": uri, "storage_classes": ["hot", "cold"], "price_book": "local/nas",
    }))?;
    app.services.catalog.create_location(location).await?;
    let classes = ["hot", "cold"];
    for chunk in (0..datasets).collect::<Vec<_>>().chunks(5_000) {
        let set = chunk
            .iter()
            .map(|&i| {
                Ok(KnownDataset {
                    new: NewDataset {
                        name: format!("set-{i:06}").parse()?,
                        path_uri: format!("{uri}/set-{i:06}").parse()?,
                        size_bytes: Some(Bytes(1_000_000 + 7_919 * (i as u64 % 100_003))),
                        storage_class: Some(classes[i % 2].parse()?),
                        latency_limit_ms: None,
                    },
                    object_count: 10,
                    created_at: Timestamp(1_700_000_000_000_000),
                    stand_in: false,
                })
            })
            .collect::<Result<Vec<_>, Failure>>()?;
        app.services.catalog.create_datasets(set).await?;
    }
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        server::serve(&app, listener, std::future::pending(), Duration::from_secs(1)).await;
    });
    Ok(base)
}

/// The same bytes from memory.
async fn bare(page: String) -> Result<String, Failure> {
    let page = axum::body::Bytes::from(page);
    let router = Router::new().route(
        "/",
        get(move || {
            let page = page.clone();
            async move { ([("content-type", "text/html; charset=utf-8")], page) }
        }),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(base)
}
