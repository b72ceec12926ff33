//! `dim serve --demo`: a server over a fresh temporary directory, with datasets, real files, a history, and work going on.
//!
//! Invariant: nothing outside the temporary directory is written or read (but for the history's two files), and the directory is
//! gone when the server has stopped. Everything goes through the services that any other server uses: the demo has no way of its
//! own to make a number. Read on in `scene.rs` (what there is), `load.rs` (how it gets there), `trickle.rs` and `opening.rs` (what
//! goes on). Knows no database and no page.

mod history;
mod load;
mod opening;
mod scene;
mod stage;
mod trickle;

use crate::config::{Database, Settings};
use crate::domain::unit::Timestamp;
use crate::edges::cli::output::note;
use crate::edges::cli::serve::ServeArgs;
use crate::services::{ServiceError, Services};
use load::Loaded;
use scene::Scene;
use stage::Stage;
use std::sync::{Arc, OnceLock};
use tokio::sync::watch;

/// Why a demo did not come about or did not go away.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A file or directory of the demo, or of the history.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A temporary directory that cannot hold the demo, or a history that cannot be shown.
    #[error("{0}")]
    Unfit(String),
    /// A use case refused.
    #[error("{what}: {source}")]
    Service {
        /// What was being done.
        what: &'static str,
        /// The refusal.
        source: ServiceError,
    },
    /// The server was told to stop before the demo stood.
    #[error("stopped while the demo was being loaded")]
    Stopped,
}

fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> DemoError {
    move |source| DemoError::Io {
        what: what.into(),
        source,
    }
}

fn service(what: &'static str) -> impl FnOnce(ServiceError) -> DemoError {
    move |source| DemoError::Service { what, source }
}

/// A demo of one server.
pub struct Demo {
    scene: Arc<Scene>,
    stage: Arc<Stage>,
    loaded: OnceLock<Loaded>,
}

impl Demo {
    /// Makes the temporary directory, decides what there will be, and turns the settings towards it.
    ///
    /// # Errors
    /// A history that cannot be read or is too large; a temporary directory that cannot be made.
    pub fn prepare(args: &ServeArgs, settings: &mut Settings, now: Timestamp) -> Result<Self, DemoError> {
        let scene = match &args.history {
            None => Scene::generated(args.seed, now),
            Some(events) => {
                let objects = args.objects.as_deref().ok_or_else(|| {
                    DemoError::Unfit("--history needs --objects as well: the sizes of its datasets".into())
                })?;
                history::read(events, objects, args.seed, now)?
            }
        };
        let stage = Stage::new()?;
        settings.data_dir = stage.data_dir();
        settings.database = Database::Sqlite(settings.data_dir.join("dim.sqlite"));
        if settings.inject.is_empty() {
            // A failure to retry, and a pace at which a move can be watched; both are said on the page.
            settings.inject = vec![
                "fail-verify=1".into(),
                format!("slow-copy={}", scene.bytes_per_sec()),
            ];
        }
        settings.demo = Some(scene.note(&settings.inject));
        Ok(Self {
            scene: Arc::new(scene),
            stage: Arc::new(stage),
            loaded: OnceLock::new(),
        })
    }

    /// Writes the files and loads catalog, history and recommendations.
    ///
    /// # Errors
    /// A full disk, a refusal, or [`DemoError::Stopped`] after [`Self::cancel`].
    pub async fn load(&self, services: &Services) -> Result<(), DemoError> {
        let loaded = load::load(&self.scene, &self.stage, services).await?;
        // A demo is loaded once; a second load would have been refused by the catalog before this.
        let _first = self.loaded.set(loaded);
        Ok(())
    }

    /// Ends a load that is going on at its next step.
    pub fn cancel(&self) {
        self.stage.cancel();
    }

    /// Says where to look, on standard error.
    pub fn announce(&self, address: std::net::SocketAddr) {
        note(&format!("open http://{address}"));
        note(&format!(
            "demo directory: {} (removed when the server stops)",
            self.stage.root().display()
        ));
    }

    /// Opens with a few moves, and reads the files now and then, until `stop` turns true.
    pub async fn run(&self, services: Services, moves: bool, stop: watch::Receiver<bool>) {
        let Some(loaded) = self.loaded.get() else {
            return;
        };
        let reads = trickle::run(&self.scene, &self.stage, loaded, &services, stop.clone());
        let opening = async {
            if moves {
                opening::run(&self.scene, loaded, &services, stop.clone()).await;
            }
        };
        tokio::join!(reads, opening);
    }

    /// Removes the directory.
    ///
    /// # Errors
    /// When something of it cannot be removed; the message names it.
    pub fn close(self) -> Result<(), DemoError> {
        tracing::info!("removing {}", self.stage.root().display());
        self.stage.remove()
    }
}
