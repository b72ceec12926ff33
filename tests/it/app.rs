//! A whole server in this process, over a temporary directory: the database is a file, locations are directories.

use crate::postgres;
use data_in_motion::adapters::inproc::clock::SystemClock;
use data_in_motion::adapters::sql::Store;
use data_in_motion::config::Resolved;
use data_in_motion::ports::Clock;
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
    flags: Vec<(&'static str, String)>,
    /// The database, where it is no file of the directory.
    database: Option<String>,
}

/// A server that answers requests.
pub struct Listening {
    /// Its address.
    pub base: String,
    stop: tokio::sync::oneshot::Sender<()>,
    served: tokio::task::JoinHandle<()>,
}

impl Listening {
    /// Stops it in order.
    pub async fn stop(self) {
        drop(self.stop);
        self.served.await.unwrap();
    }
}

impl TestApp {
    /// A server that allows `files/` of its own directory as a root.
    pub async fn open() -> Self {
        Self::open_with(&[]).await
    }

    /// The same with further settings.
    pub async fn open_with(settings: &[(&'static str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("files")).unwrap();
        let flags: Vec<_> = settings.iter().map(|(k, v)| (*k, (*v).to_owned())).collect();
        let database = postgres::for_all().await;
        let app = Self::app_in(&dir, &flags, database.as_deref()).await;
        Self {
            app,
            dir,
            flags,
            database,
        }
    }

    /// A server that shares a Postgres database with others.
    pub async fn open_on(database: &str, settings: &[(&'static str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("files")).unwrap();
        let flags: Vec<_> = settings.iter().map(|(k, v)| (*k, (*v).to_owned())).collect();
        let app = Self::app_in(&dir, &flags, Some(database)).await;
        Self {
            app,
            dir,
            flags,
            database: Some(database.to_owned()),
        }
    }

    /// A server whose time is moved by hand. Started again, it has the machine's.
    pub async fn open_at(clock: Arc<dyn Clock>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("files")).unwrap();
        let database = postgres::for_all().await;
        let app = Self::app_in_time(&dir, &[], database.as_deref(), clock).await;
        Self {
            app,
            dir,
            flags: Vec::new(),
            database,
        }
    }

    /// The same server started again on what is on disk.
    pub async fn restart(self) -> Self {
        let settings = self.flags.clone();
        let settings: Vec<_> = settings.iter().map(|(k, v)| (*k, v.as_str())).collect();
        Box::pin(self.restart_with(&settings)).await
    }

    /// The same with other settings.
    pub async fn restart_with(self, settings: &[(&'static str, &str)]) -> Self {
        self.app.close().await;
        let flags: Vec<_> = settings.iter().map(|(k, v)| (*k, (*v).to_owned())).collect();
        let app = Self::app_in(&self.dir, &flags, self.database.as_deref()).await;
        Self {
            app,
            dir: self.dir,
            flags,
            database: self.database,
        }
    }

    async fn app_in(dir: &TempDir, settings: &[(&'static str, String)], database: Option<&str>) -> App {
        Self::app_in_time(dir, settings, database, Arc::new(SystemClock)).await
    }

    async fn app_in_time(
        dir: &TempDir,
        settings: &[(&'static str, String)],
        database: Option<&str>,
        clock: Arc<dyn Clock>,
    ) -> App {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let own = [
            ("data_dir", text(dir.path().join("data"))),
            ("allow_root", text(dir.path().join("files"))),
        ];
        let database = database.map(|url| ("database_url", url.to_owned()));
        let flags: BTreeMap<&'static str, String> = own
            .into_iter()
            .chain(database)
            .chain(settings.iter().cloned())
            .collect();
        let settings = Resolved::load(&flags, |_| None, &dir.path().join("none.toml"))
            .and_then(|resolved| resolved.settings())
            .unwrap();
        App::open(&settings, clock).await.unwrap()
    }

    /// Another connection to the same database.
    pub async fn store(&self) -> Store {
        match &self.database {
            Some(url) => Store::open_postgres(url).await,
            None => Store::open(&self.dir.path().join("data/dim.sqlite")).await,
        }
        .unwrap()
    }

    /// Whether there is no database file to look at.
    pub fn database_is_elsewhere(&self) -> bool {
        self.database.is_some()
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
        self.listen_as(|_| {}).await
    }

    /// The same until it is told to stop.
    pub async fn listen_until_stopped(&self) -> Listening {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let app = self.app.clone();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let served = tokio::spawn(async move {
            let stopped = async move { drop(stopped.await) };
            server::serve(&app, listener, stopped, Duration::from_secs(10)).await;
        });
        Listening { base, stop, served }
    }

    /// The same with other limits.
    pub async fn listen_as(&self, change: impl FnOnce(&mut App)) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut app = self.app.clone();
        change(&mut app);
        tokio::spawn(async move {
            server::serve(&app, listener, std::future::pending(), Duration::from_secs(1)).await;
        });
        format!("http://{address}")
    }
}
