//! A whole server in this process, over a temporary directory: the database is a file, locations are directories.

use data_in_motion::adapters::inproc::clock::SystemClock;
use data_in_motion::config::Resolved;
use data_in_motion::server::{self, App};
use data_in_motion::services::Services;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// A server's parts and the directory that it lives in, which goes with it.
pub struct TestApp {
    pub app: App,
    pub dir: TempDir,
}

impl TestApp {
    /// A server that allows `files/` of its own directory as a root.
    pub async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("files")).unwrap();
        let app = Self::app_in(&dir).await;
        Self { app, dir }
    }

    /// The same server started again on what is on disk.
    pub async fn restart(self) -> Self {
        self.app.close().await;
        let app = Self::app_in(&self.dir).await;
        Self { app, dir: self.dir }
    }

    async fn app_in(dir: &TempDir) -> App {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let flags: BTreeMap<&'static str, String> = [
            ("data_dir", text(dir.path().join("data"))),
            ("allow_root", text(dir.path().join("files"))),
        ]
        .into();
        let settings = Resolved::load(&flags, |_| None, &dir.path().join("none.toml"))
            .and_then(|resolved| resolved.settings())
            .unwrap();
        App::open(&settings, Arc::new(SystemClock)).await.unwrap()
    }

    pub fn services(&self) -> &Services {
        &self.app.services
    }

    /// The address of a path below `files/`.
    pub fn uri(&self, path: &str) -> String {
        let root = self.dir.path().canonicalize().unwrap();
        format!("file://{}/files/{path}", root.display())
    }

    /// Makes a directory below `files/` and gives its address.
    pub fn make(&self, path: &str) -> String {
        std::fs::create_dir_all(self.dir.path().join("files").join(path)).unwrap();
        self.uri(path)
    }

    /// Answers requests on a port of its own, until the test ends.
    pub async fn listen(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = self.app.clone();
        tokio::spawn(async move {
            server::serve(&app, listener, std::future::pending(), Duration::from_secs(1))
                .await
                .unwrap();
        });
        format!("http://{address}")
    }
}
