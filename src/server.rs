//! Composition root: the only file that names ports, adapters, services, edges and the pages together.
//!
//! [`App::open`] builds everything over a database; [`App::router`] is what a request meets; [`run`] is `dim serve`.

use crate::adapters::inproc::{bus::InprocBus, clock::SystemClock};
use crate::adapters::kafka::{Ears, Kafka, Plan};
use crate::adapters::objects::{CloudObjects, Faults, Faulty, LocalObjects, Patient, Stores, Timed};
use crate::adapters::prices::{self, PricesError};
use crate::adapters::prometheus;
use crate::adapters::sql::clock::DatabaseClock;
use crate::adapters::sql::copy::{self, CopiedTable};
use crate::adapters::sql::{Store, StoreError};
use crate::config::{Database, Settings};
use crate::edges;
use crate::edges::cli::output::note;
use crate::edges::cli::serve::ServeArgs;
use crate::edges::demo::{Demo, DemoError};
use crate::edges::host::{self, Hosts};
use crate::edges::http::listener::{self, Limits};
use crate::edges::http::{self, layers};
use crate::logging;
use crate::ports::{Bus, Clock, Objects, Streams, reads::Reads, streams::StreamError};
use crate::services::live::Live;
use crate::services::meter::Meter;
use crate::services::mover::Failpoints;
use crate::services::relay::Relay;
use crate::services::{Deps, Options, Roles, ServiceError, Services};
use crate::ui::app::{App as Pages, shell};
use crate::ui::routes::{AskedPart, Origin, PART, PageFiles};
use axum::Router;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::middleware::{from_fn, from_fn_with_state};
use leptos::config::{Env, LeptosOptions};
use leptos::nonce::{Nonce, use_nonce};
use leptos::prelude::{provide_context, use_context};
use leptos_axum::{
    LeptosRoutes, ResponseOptions, file_and_error_handler_with_context,
    generate_route_list_with_exclusions_and_ssg_and_context,
};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Why a server did not start or ended badly.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A directory or the listening address.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The database.
    #[error("open the database: {0}")]
    Store(#[from] StoreError),
    /// The price books.
    #[error("load the price books: {0}")]
    Prices(#[from] PricesError),
    /// The demo's data.
    #[error("demo: {0}")]
    Demo(#[from] DemoError),
    /// A fault that cannot be injected.
    #[error("the setting inject cannot be used: {0}")]
    Inject(String),
    /// The broker's settings.
    #[error("use the broker: {0}")]
    Broker(#[from] StreamError),
    /// A mover that could meet no server.
    #[error(
        "a mover of its own takes its jobs from a database that servers use as well: name it with --database-url (DIM_DATABASE_URL), \
         as in postgres://dim@db/dim. Nothing was started; `dim serve` has a mover inside"
    )]
    Alone,
    /// A use case that is needed from the start.
    #[error("start: {0}")]
    Service(#[from] ServiceError),
}

fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> ServeError {
    move |source| ServeError::Io {
        what: what.into(),
        source,
    }
}

/// A server that is put together but not listening yet.
#[derive(Clone)]
pub struct App {
    /// Every use case.
    pub services: Services,
    /// How long a request may take.
    pub times: layers::Times,
    /// What the listener allows.
    pub limits: Limits,
    deps: Deps,
    hosts: Hosts,
    leptos: LeptosOptions,
    /// Without pages and API: a mover of its own.
    is_mover: bool,
    kafka: Option<Kafka>,
    upkeep: Arc<dyn Fn() + Send + Sync>,
}

impl App {
    /// Opens the database and puts the parts together.
    ///
    /// # Errors
    /// When the data directory or the database cannot be used.
    pub async fn open(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, ServeError> {
        Self::prepare(&settings.data_dir)?;
        let store = open_store(&settings.database).await?;
        Self::over(settings, store, clock).await
    }

    /// The same, going by the clock of a database that other machines use as well.
    async fn open_in_step(settings: &Settings) -> Result<Self, ServeError> {
        Self::prepare(&settings.data_dir)?;
        let store = open_store(&settings.database).await?;
        let clock = DatabaseClock::start(&store, Arc::new(SystemClock)).await;
        Self::over(settings, store, clock).await
    }

    fn prepare(dir: &Path) -> Result<(), ServeError> {
        std::fs::create_dir_all(dir).map_err(io(format!("make the data directory {}", dir.display())))
    }

    async fn over(settings: &Settings, store: Store, clock: Arc<dyn Clock>) -> Result<Self, ServeError> {
        let kafka = settings.kafka.as_ref().map(broker).transpose()?;
        let bus: Arc<dyn Bus> = match &kafka {
            Some(kafka) => Arc::new(kafka.clone()),
            None => Arc::new(InprocBus::default()),
        };
        let live = Live::open(store.clone(), bus.clone(), &*clock).await?;
        let (recorder, figures) = prometheus::recorder();
        let upkeep = figures.clone();
        let reads = Reads::default();
        let (stores, objects) = objects(settings, &store, &reads)?;
        let deps = Deps {
            store,
            clock,
            places: Arc::new(stores),
            objects,
            reads,
            prices: Arc::new(prices::load(settings.prices_dir.as_deref())?),
            bus,
            streams: kafka.clone().map(|kafka| Arc::new(kafka) as Arc<dyn Streams>),
            live,
            meter: Meter::new(Arc::new(recorder), Arc::new(move || figures.render())),
            listings: Default::default(),
            traces: logging::traces(),
            options: Arc::new(options(settings)?),
        };
        let leptos = LeptosOptions::builder()
            .output_name("dim")
            .site_root(
                site_dir(settings.site_dir.as_deref())
                    .to_string_lossy()
                    .into_owned(),
            )
            .site_pkg_dir("pkg")
            .site_addr(settings.addr)
            .env(Env::PROD)
            .build();
        Ok(Self {
            services: Services::new(&deps),
            times: layers::Times::default(),
            limits: Limits {
                connections: settings.max_connections,
                ..Limits::default()
            },
            deps,
            hosts: Hosts::new(settings.addr, settings.public_url.as_deref()),
            leptos,
            is_mover: false,
            kafka,
            upkeep: Arc::new(move || upkeep.run_upkeep()),
        })
    }

    /// What a request meets: API, pages, files, and the layers around them.
    pub fn router(&self) -> Router {
        if self.is_mover {
            let own = http::mover_router(&self.services)
                .merge(edges::sse::router())
                .with_state(self.services.clone());
            return self.guarded(own);
        }
        let services = self.services.clone();
        let files = page_files(&self.leptos);
        let context = move || {
            provide_context(services.clone());
            provide_context(files.clone());
            provide_context(origin());
            provide_context(asked_part());
            if let (Some(nonce), Some(response)) = (use_nonce(), use_context::<ResponseOptions>())
                && let Ok(policy) = HeaderValue::from_str(&layers::page_policy(&nonce))
            {
                response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
            }
        };
        let routes = generate_route_list_with_exclusions_and_ssg_and_context(Pages, None, context.clone()).0;
        let options = self.leptos.clone();
        let pages = Router::new()
            .leptos_routes_with_context(&self.leptos, routes, context.clone(), move || {
                shell(options.clone())
            })
            .fallback(file_and_error_handler_with_context::<LeptosOptions, _>(
                context, shell,
            ))
            .layer(from_fn(http::redraw::once))
            .layer(from_fn_with_state(self.pages(), http::remembered::recall))
            .with_state(self.leptos.clone());
        let api = http::router(&self.services)
            .merge(edges::ws::router())
            .merge(edges::sse::router())
            .with_state(self.services.clone());
        self.guarded(api.merge(pages))
    }

    /// Pages that were just drawn.
    fn pages(&self) -> http::remembered::Pages {
        let (store, clock) = (self.deps.store.clone(), self.deps.clock.clone());
        http::remembered::Pages::new(
            move || (store.commit_count(), clock.now().unix_secs()),
            || Nonce::new().to_string(),
        )
    }

    fn guarded(&self, router: Router) -> Router {
        let guarded = router
            .layer(from_fn(edges::origin::guard))
            .layer(from_fn_with_state(self.hosts.clone(), host::guard));
        layers::wrap(guarded, &self.services, self.times)
    }

    /// Wake-ups of this process.
    #[must_use]
    pub fn bus(&self) -> Arc<dyn Bus> {
        self.deps.bus.clone()
    }

    /// Closes the database after the last request.
    pub async fn close(&self) {
        let traces = self.deps.traces.clone();
        // A panic there would be the library's; the process ends anyway.
        drop(tokio::task::spawn_blocking(move || traces.flush()).await);
        self.deps.store.close().await;
    }
}

/// Under which name a page was asked for. Behind a proxy that ends TLS it says so in `X-Forwarded-Proto`.
fn origin() -> Origin {
    let Some(parts) = use_context::<Parts>() else {
        return Origin::default();
    };
    let given = |name: &str| parts.headers.get(name).and_then(|v| v.to_str().ok());
    let host = given("host").or_else(|| parts.uri.authority().map(|a| a.as_str()));
    let scheme = match given("x-forwarded-proto") {
        Some("https") => "https",
        _ => "http",
    };
    Origin(host.map(|host| format!("{scheme}://{host}")).unwrap_or_default())
}

/// The part of a page that a tab asks for again.
fn asked_part() -> AskedPart {
    let parts = use_context::<Parts>();
    let named = parts.and_then(|p| Some(p.headers.get(PART)?.to_str().ok()?.to_owned()));
    AskedPart(named)
}

/// `dim serve`: until Ctrl-C or SIGTERM.
///
/// # Errors
/// When it cannot start or listen.
pub async fn run(mut settings: Settings, args: &ServeArgs) -> Result<(), ServeError> {
    // From here on a signal is heard rather than deadly, so that whatever the demo made is removed.
    let stop = StopSignal::listen()?;
    if !args.demo {
        return Box::pin(start(&settings, None, stop)).await;
    }
    // A demo that is looked at for an hour must not take the messages of a real installation.
    settings.kafka = None;
    let demo = Demo::prepare(args, &mut settings, SystemClock.now())?;
    let ended = Box::pin(start(&settings, Some(&demo), stop)).await;
    let removed = demo.close();
    match ended {
        Err(ServeError::Demo(DemoError::Stopped)) => Ok(removed?),
        Err(error) => Err(error),
        Ok(()) => Ok(removed?),
    }
}

/// `dim mover`: until Ctrl-C or SIGTERM.
///
/// # Errors
/// When it cannot start or listen, or the database is one that nobody shares.
pub async fn run_mover(settings: Settings) -> Result<(), ServeError> {
    if !settings.database_is_named {
        return Err(ServeError::Alone);
    }
    let stop = StopSignal::listen()?;
    let mut app = App::open_in_step(&settings).await?;
    app.is_mover = true;
    app.limits.connections = listener::affordable(app.limits.connections);
    let ended = Box::pin(listen(&app, &settings, None, stop)).await;
    app.close().await;
    ended
}

async fn start(settings: &Settings, demo: Option<&Demo>, stop: StopSignal) -> Result<(), ServeError> {
    let mut app = App::open_in_step(settings).await?;
    app.limits.connections = listener::affordable(app.limits.connections);
    let ended = Box::pin(listen(&app, settings, demo, stop)).await;
    app.close().await;
    ended
}

async fn listen(
    app: &App,
    settings: &Settings,
    demo: Option<&Demo>,
    mut stop: StopSignal,
) -> Result<(), ServeError> {
    // Before a demo is loaded: a port that is taken should not cost that.
    let listener = TcpListener::bind(settings.addr)
        .await
        .map_err(io(format!("listen on {}", settings.addr)))?;
    let address = listener.local_addr().map_err(io("read the address"))?;
    let patience = Duration::from_secs(settings.shutdown_secs);
    let Some(demo) = demo else {
        note(&format!("dim is listening on http://{address}"));
        let stopped = async move { stop.heard().await };
        serve(app, listener, stopped, patience).await;
        return Ok(());
    };
    {
        let mut loading = std::pin::pin!(demo.load(&app.services));
        let loaded = tokio::select! {
            loaded = &mut loading => loaded,
            () = stop.heard() => {
                demo.cancel();
                loading.await
            }
        };
        loaded?;
    }
    note(&format!("dim is listening on http://{address}"));
    demo.announce(address);
    let (told, tell) = tokio::sync::watch::channel(false);
    let going_on = demo.run(app.services.clone(), app.deps.options.roles.mover, tell);
    let served = async {
        let tell = told.clone();
        let stop = async move {
            stop.heard().await;
            tell.send_replace(true);
        };
        serve(app, listener, stop, patience).await;
        // Also when the server ended by itself.
        told.send_replace(true);
    };
    tokio::join!(served, going_on);
    Ok(())
}

/// Serves on a listener until `stop` resolves, then gives open requests `patience` to end.
pub async fn serve(
    app: &App,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
    patience: Duration,
) {
    let (told, _) = tokio::sync::watch::channel(false);
    let stopping = || {
        let mut told = told.subscribe();
        // An error means that the server is gone, which is a reason to stop as well.
        async move { drop(told.wait_for(|stop| *stop).await) }
    };
    tokio::spawn(app.services.live.clone().run(stopping()));
    tokio::spawn(keep_up(app.upkeep.clone(), stopping()));
    if app.deps.options.roles.recommender {
        tokio::spawn(app.services.recommender.clone().run(stopping()));
    }
    let mover = app
        .deps
        .options
        .roles
        .mover
        .then(|| tokio::spawn(app.services.mover.clone().run(stopping())));
    let broker = app.kafka.clone().map(|kafka| {
        let roles = app.deps.options.roles;
        let ears = Ears {
            web: roles.web,
            mover: roles.mover,
        };
        let intake = Arc::new(app.services.telemetry.clone());
        tokio::spawn(kafka.run(ears, intake, stopping()))
    });
    let keeper = tokio::spawn(app.services.read_times.clone().run(stopping()));
    let relay = Relay::new(&app.deps).map(|relay| tokio::spawn(relay.run(stopping())));
    let stopped = async {
        stop.await;
        told.send_replace(true);
    };
    let refused = || app.services.meter.connection_refused();
    let cut = listener::serve(listener, app.router(), app.limits, stopped, patience, refused).await;
    if cut > 0 {
        tracing::warn!(
            cut,
            "connections were still open after {} s and are cut",
            patience.as_secs()
        );
    }
    // A mover gives its jobs back before it stops, so that the next one need not wait for a lease to run out.
    if let Some(mover) = mover
        && tokio::time::timeout(patience, mover).await.is_err()
    {
        tracing::warn!("the mover did not stop in time; its jobs are taken over when their leases end");
    }
    // A second is ample for a handful of rows; without them the figures are a little older.
    drop(tokio::time::timeout(Duration::from_secs(1), keeper).await);
    for task in [broker, relay].into_iter().flatten() {
        if tokio::time::timeout(patience, task).await.is_err() {
            tracing::warn!("the broker was not left in time; others go on when this process's time is over");
        }
    }
}

/// Folds recorded times into their buckets, whether or not somebody reads the figures.
async fn keep_up(upkeep: Arc<dyn Fn() + Send + Sync>, stop: impl Future<Output = ()>) {
    let mut tick = tokio::time::interval(prometheus::UPKEEP_EVERY);
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => return,
            _ = tick.tick() => upkeep(),
        }
    }
}

/// Ctrl-C and SIGTERM, heard from the moment it is made.
struct StopSignal {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignal {
    fn listen() -> Result<Self, ServeError> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(io("listen for Ctrl-C"))?,
            terminate: signal(SignalKind::terminate()).map_err(io("listen for SIGTERM"))?,
        })
    }

    async fn heard(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        tracing::info!("stopping");
    }
}

/// Copies a database into another, empty one; see `dim db copy`.
///
/// # Errors
/// When one cannot be opened, the target is not empty, or the copy differs. Nothing is kept then.
pub async fn copy_database(from: &Database, to: &Database) -> Result<Vec<CopiedTable>, ServeError> {
    let (from, to) = (open_store(from).await?, open_store(to).await?);
    let copied = copy::copy(&from, &to).await;
    from.close().await;
    to.close().await;
    Ok(copied?)
}

fn broker(settings: &crate::config::Kafka) -> Result<Kafka, StreamError> {
    Kafka::new(Plan {
        brokers: settings.brokers.clone(),
        topic_prefix: settings.topic_prefix.clone(),
        group: settings.group.clone(),
        partitions: settings.partitions,
        session_secs: settings.session_secs,
    })
}

async fn open_store(database: &Database) -> Result<Store, StoreError> {
    match database {
        Database::Sqlite(path) => Store::open(path).await,
        Database::Postgres(url) => Store::open_postgres(url).await,
    }
}

fn options(settings: &Settings) -> Result<Options, ServeError> {
    let has = |role: &str| settings.roles.iter().any(|r| r == role);
    let allow_roots = settings
        .allow_roots
        .iter()
        .map(|root| {
            root.canonicalize()
                .map_err(io(format!("use the allowed root {}", root.display())))
        })
        .collect::<Result<_, _>>()?;
    let words: Vec<_> = settings
        .inject
        .iter()
        .filter(|w| Failpoints::is_word(w))
        .cloned()
        .collect();
    let failpoints = Failpoints::parse(&words, &settings.data_dir).map_err(ServeError::Inject)?;
    Ok(Options {
        allow_roots,
        demo: settings.demo.clone(),
        roles: Roles {
            web: has("web"),
            recommender: has("recommender"),
            mover: has("mover"),
        },
        data_dir: settings.data_dir.clone(),
        grace_secs: settings.grace_secs,
        lease_secs: settings.lease_secs,
        inject: settings.inject.clone(),
        failpoints,
    })
}

/// The stores that objects are in, with the faults that the operator asked for around them.
fn objects(
    settings: &Settings,
    store: &Store,
    reads: &Reads,
) -> Result<(Stores, Arc<dyn Objects>), ServeError> {
    let words: Vec<_> = settings
        .inject
        .iter()
        .filter(|w| !Failpoints::is_word(w))
        .cloned()
        .collect();
    let faults = Faults::parse(&words).map_err(|problem| {
        ServeError::Inject(format!(
            "{problem}; kill-at=NAME[:N] and pause-at=NAME[:N] are as well"
        ))
    })?;
    let slowed = faults.slow_bytes_per_sec().is_some();
    let local = faults
        .slow_bytes_per_sec()
        .map_or_else(LocalObjects::new, LocalObjects::with_throttle);
    let cloud = CloudObjects::new(Arc::new(store.clone()), local.throttle()).with_memory(
        crate::domain::unit::Bytes(settings.transfer_mib.saturating_mul(1 << 20)),
    );
    let stores = Stores::new(local, cloud);
    let all: Arc<dyn Objects> = if words.is_empty() {
        Arc::new(stores.clone())
    } else {
        Arc::new(Faulty::new(Arc::new(stores.clone()), faults))
    };
    let patience = Duration::from_secs(settings.store_timeout_secs);
    let patient = Arc::new(Patient::new(all, patience));
    Ok((stores, Arc::new(Timed::new(patient, reads.clone(), slowed))))
}

/// The files of the pages' code, where the site was built with one for each; without the list the program asks for them by itself.
fn page_files(leptos: &LeptosOptions) -> PageFiles {
    let list = Path::new(&*leptos.site_root)
        .join(&*leptos.site_pkg_dir)
        .join("pages.json");
    let files = std::fs::read(list)
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok());
    PageFiles(Arc::new(files.unwrap_or_default()))
}

/// Where the browser's files are: as told, else where a build leaves them, else beside the program.
fn site_dir(told: Option<&Path>) -> PathBuf {
    if let Some(dir) = told {
        return dir.to_owned();
    }
    // Installed: `site` beside the program. Built: the program is target/PROFILE/dim, its site is target/site.
    let beside = std::env::current_exe()
        .ok()
        .and_then(|exe| exe.parent().map(Path::to_owned))
        .into_iter()
        .flat_map(|dir| [dir.join("site"), dir.join("../site")]);
    beside
        .chain([PathBuf::from("target/site")])
        .find(|dir| dir.is_dir())
        .unwrap_or_else(|| "target/site".into())
}
