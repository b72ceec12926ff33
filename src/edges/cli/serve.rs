//! Arguments of `dim serve`.

use clap::Args;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Run the server. Every flag is also a `DIM_*` variable and a key of `dim.toml`.
#[derive(Clone, Debug, Default, Args)]
pub struct ServeArgs {
    /// Address and port to listen on [default: 127.0.0.1:8080].
    #[arg(long)]
    pub addr: Option<String>,
    /// Directory of the embedded database [default: ./data].
    #[arg(long)]
    pub data_dir: Option<String>,
    /// sqlite://PATH or postgres://USER@HOST:PORT/DATABASE instead of a file in the data directory. A password is better given in
    /// PGPASSWORD, ~/.pgpass or DIM_DATABASE_URL, where other users of the machine do not see it.
    #[arg(long)]
    pub database_url: Option<String>,
    /// HOST:PORT of Kafka-compatible brokers, separated by commas; KAFKA_BROKERS is understood as well. Without one nothing is missing
    /// but the topics for other programs.
    #[arg(long)]
    pub kafka_brokers: Option<String>,
    /// What the names of the topics begin with.
    #[arg(long)]
    pub kafka_topic_prefix: Option<String>,
    /// What the names of the consumer groups begin with [default: dim].
    #[arg(long)]
    pub kafka_group: Option<String>,
    /// What this process does [default: web,recommender,mover].
    #[arg(long)]
    pub roles: Option<String>,
    /// Directory under which creating a dataset may register its parent directory as a location. May be repeated.
    #[arg(long)]
    pub allow_root: Vec<String>,
    /// Directory of the browser's files.
    #[arg(long)]
    pub site_dir: Option<String>,
    /// Directory of price books that replace those built in.
    #[arg(long)]
    pub prices_dir: Option<String>,
    /// Which log lines are written [default: info].
    #[arg(long)]
    pub log: Option<String>,
    /// text or json [default: text].
    #[arg(long)]
    pub log_format: Option<String>,
    /// Faults that may be provoked, separated by commas; for demos and tests only.
    #[arg(long)]
    pub inject: Option<String>,
    /// Seconds for which the source of a finished move is kept [default: 604800].
    #[arg(long)]
    pub grace_secs: Option<String>,
    /// Seconds after which a silent mover's jobs are taken over [default: 30].
    #[arg(long)]
    pub lease_secs: Option<String>,
    /// Seconds that open requests get when the server stops [default: 10].
    #[arg(long)]
    pub shutdown_secs: Option<String>,
    /// Seconds that a store may give no sign of life before a job on it is paused [default: 120].
    #[arg(long)]
    pub store_timeout_secs: Option<String>,
    /// MiB of objects in memory on their way to buckets; each 8 are a part of a large object under way [default: 16].
    #[arg(long)]
    pub transfer_mib: Option<String>,
    /// Allow an address that other machines can reach. There is no sign-in yet: put a proxy that authenticates in front.
    #[arg(long)]
    pub allow_remote: bool,
    /// Connections at once; more are answered with 503 [default: 10000].
    #[arg(long)]
    pub max_connections: Option<String>,
    /// Address under which browsers reach this server, when it stands behind a proxy.
    #[arg(long)]
    pub public_url: Option<String>,
    /// Settings file.
    #[arg(long, env = "DIM_CONFIG", default_value = "dim.toml")]
    pub config: PathBuf,
    /// Serve a fresh temporary directory with demo data, and keep work going on.
    #[arg(long)]
    pub demo: bool,
    /// With --demo: an access history to load instead of the generated one (CSV, may be gzipped).
    #[arg(long, requires = "demo")]
    pub history: Option<PathBuf>,
    /// With --demo: the objects of that history (CSV).
    #[arg(long, requires = "history")]
    pub objects: Option<PathBuf>,
    /// With --demo: the seed of the generated workload.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
}

impl ServeArgs {
    /// What the command line gave, by setting.
    #[must_use]
    pub fn flags(&self) -> BTreeMap<&'static str, String> {
        let remote = self.allow_remote.then(|| "true".to_owned());
        let roots = (!self.allow_root.is_empty()).then(|| self.allow_root.join(":"));
        [
            ("addr", &self.addr),
            ("data_dir", &self.data_dir),
            ("database_url", &self.database_url),
            ("kafka_brokers", &self.kafka_brokers),
            ("kafka_topic_prefix", &self.kafka_topic_prefix),
            ("kafka_group", &self.kafka_group),
            ("roles", &self.roles),
            ("allow_root", &roots),
            ("site_dir", &self.site_dir),
            ("prices_dir", &self.prices_dir),
            ("log", &self.log),
            ("log_format", &self.log_format),
            ("inject", &self.inject),
            ("grace_secs", &self.grace_secs),
            ("lease_secs", &self.lease_secs),
            ("shutdown_secs", &self.shutdown_secs),
            ("store_timeout_secs", &self.store_timeout_secs),
            ("transfer_mib", &self.transfer_mib),
            ("allow_remote", &remote),
            ("max_connections", &self.max_connections),
            ("public_url", &self.public_url),
        ]
        .into_iter()
        .filter_map(|(key, value)| value.clone().map(|v| (key, v)))
        .collect()
    }
}
