//! Use cases: load, ask the domain, store, announce.
//!
//! Services know the domain, the ports and the database's functions. They know no HTTP, no command line, no page and no object
//! store by name.

pub mod error;

pub mod catalog;

pub mod telemetry;

pub mod recommender;

pub mod mover;

pub mod receipt;

pub mod decrypt;

pub mod live;

pub mod relay;

pub mod trace;

pub mod prices;

mod memo;

pub mod overview;

pub mod health;

pub mod idempotency;

pub mod meter;

pub mod backtest;

pub mod reports;

pub mod read_times;

pub mod chosen;

pub mod job_log;

pub use error::ServiceError;

use crate::adapters::sql::Store;
use crate::domain::overview::DemoNote;
use crate::domain::price::book::PriceBooks;
use crate::ports::reads::Reads;
use crate::ports::{Bus, Clock, Objects, Places, Streams, Traces};
use std::path::PathBuf;
use std::sync::Arc;

/// Result of a use case.
pub type ServiceResult<T> = Result<T, ServiceError>;

/// What every use case is built from. Cheap to clone.
#[derive(Clone)]
pub struct Deps {
    /// The database.
    pub store: Store,
    /// The present time.
    pub clock: Arc<dyn Clock>,
    /// What addresses are in the real world.
    pub places: Arc<dyn Places>,
    /// The stores that objects are in.
    pub objects: Arc<dyn Objects>,
    /// What was measured of reads there.
    pub reads: Reads,
    /// What everything costs.
    pub prices: Arc<PriceBooks>,
    /// Wake-ups between the parts.
    pub bus: Arc<dyn Bus>,
    /// The broker, where there is one.
    pub streams: Option<Arc<dyn Streams>>,
    /// The live channel: whoever appends to the event log nudges it.
    pub live: live::Live,
    /// Where figures are counted.
    pub meter: meter::Meter,
    /// The listings under way.
    pub listings: catalog::Listings,
    /// Where spans are sent to.
    pub traces: Arc<dyn Traces>,
    /// What the operator decided.
    pub options: Arc<Options>,
}

/// What the operator decided when the process was started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Directories under which a dataset may register its parent directory as a location. Canonical paths.
    pub allow_roots: Vec<PathBuf>,
    /// Set on a demo server.
    pub demo: Option<DemoNote>,
    /// Roles of this process.
    pub roles: Roles,
    /// Directory of the database and of whatever else the process keeps.
    pub data_dir: PathBuf,
    /// How long the source of a finished move is kept, in seconds.
    pub grace_secs: i64,
    /// How long a silent mover keeps its jobs, in seconds; 0 means 30.
    pub lease_secs: i64,
    /// Names of injected faults; empty on a server that was not started with any.
    pub inject: Vec<String>,
    /// Places at which a test kills or holds the process; none on any other server.
    pub failpoints: mover::Failpoints,
}

/// What a process does besides answering questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Serves pages and the API.
    pub web: bool,
    /// Keeps recommendations up to date.
    pub recommender: bool,
    /// Moves data.
    pub mover: bool,
}

impl Default for Roles {
    fn default() -> Self {
        Self {
            web: true,
            recommender: true,
            mover: true,
        }
    }
}

/// Every use case. Cheap to clone; in the pages' context and in every handler's state.
#[derive(Clone)]
pub struct Services {
    /// Locations and datasets.
    pub catalog: catalog::Catalog,
    /// Access events.
    pub telemetry: telemetry::Telemetry,
    /// What is recommended.
    pub recommender: recommender::Recommender,
    /// Moves.
    pub mover: mover::Mover,
    /// Price books.
    pub prices: prices::Prices,
    /// The first page.
    pub overview: overview::OverviewService,
    /// Deeds on several datasets.
    pub chosen: chosen::Chosen,
    /// What is printed and handed on.
    pub reports: reports::Reports,
    /// How fast reads at the locations are.
    pub read_times: read_times::ReadTimesKeeper,
    /// State of each part.
    pub health: health::Health,
    /// The live channel.
    pub live: live::Live,
    /// Requests that are carried out once.
    pub idempotency: idempotency::Idempotency,
    /// What the operator decided.
    pub options: Arc<Options>,
    /// Where figures are counted.
    pub meter: meter::Meter,
    /// Every figure as text.
    pub figures: meter::Figures,
    /// Where spans are sent to.
    pub traces: Arc<dyn Traces>,
}

impl Services {
    /// Builds every use case over the same parts.
    #[must_use]
    pub fn new(deps: &Deps) -> Self {
        let mover = mover::Mover::new(deps);
        let recommender = recommender::Recommender::new(deps);
        let catalog = catalog::Catalog::new(deps);
        Self {
            chosen: chosen::Chosen::new(&catalog, &recommender, &mover),
            catalog,
            telemetry: telemetry::Telemetry::new(deps),
            prices: prices::Prices::new(deps),
            overview: overview::OverviewService::new(deps),
            health: health::Health::new(deps, &mover, &recommender),
            reports: reports::Reports::new(deps, &recommender),
            read_times: read_times::ReadTimesKeeper::new(deps),
            mover,
            recommender,
            live: deps.live.clone(),
            idempotency: idempotency::Idempotency::new(deps),
            options: deps.options.clone(),
            meter: deps.meter.clone(),
            figures: meter::Figures::new(deps),
            traces: deps.traces.clone(),
        }
    }
}
