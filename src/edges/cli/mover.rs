//! `dim mover`: arguments of a mover that is a process of its own. It is started by `main.rs`.

use clap::Args;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Arguments of `dim mover`; everything left out comes from `DIM_*`, then `dim.toml`, then the default.
#[derive(Debug, Args)]
pub struct MoverArgs {
    /// Address of its own health, jobs and figures.
    #[arg(long, env = "DIM_MOVER_ADDR", default_value = "127.0.0.1:8090")]
    pub addr: String,
    /// The database that it shares with the servers: postgres://USER@HOST:PORT/DATABASE, or sqlite://PATH on the same machine.
    #[arg(long)]
    pub database_url: Option<String>,
    /// HOST:PORT of Kafka-compatible brokers, separated by commas, whose topic of jobs wakes it.
    #[arg(long)]
    pub kafka_brokers: Option<String>,
    /// What the names of the topics begin with.
    #[arg(long)]
    pub kafka_topic_prefix: Option<String>,
    /// What the names of the consumer groups begin with [default: dim].
    #[arg(long)]
    pub kafka_group: Option<String>,
    /// Directory of what it keeps. Movers of one machine that share it know of each other's death at once [default: ./data].
    #[arg(long)]
    pub data_dir: Option<String>,
    /// Seconds after which a silent mover's jobs are taken over [default: 30].
    #[arg(long)]
    pub lease_secs: Option<String>,
    /// Seconds for which the source of a finished move is kept [default: 604800].
    #[arg(long)]
    pub grace_secs: Option<String>,
    /// Seconds that jobs get to be given back when it stops [default: 10].
    #[arg(long)]
    pub shutdown_secs: Option<String>,
    /// MiB of objects in memory on their way to buckets; each 8 are a part of a large object under way [default: 16].
    #[arg(long)]
    pub transfer_mib: Option<String>,
    /// Listen where other machines can reach it, although there is no sign-in yet.
    #[arg(long)]
    pub allow_remote: bool,
    /// Log filter, such as info,sqlx=warn.
    #[arg(long)]
    pub log: Option<String>,
    /// text or json.
    #[arg(long)]
    pub log_format: Option<String>,
    /// Faults that may be provoked, for tests.
    #[arg(long, hide = true)]
    pub inject: Option<String>,
    /// Settings file.
    #[arg(long, env = "DIM_CONFIG", default_value = "dim.toml")]
    pub config: PathBuf,
}

impl MoverArgs {
    /// What the command line gave, by setting.
    #[must_use]
    pub fn flags(&self) -> BTreeMap<&'static str, String> {
        let own = [("addr", self.addr.clone()), ("roles", "mover".to_owned())];
        let remote = self.allow_remote.then(|| "true".to_owned());
        [
            ("database_url", &self.database_url),
            ("kafka_brokers", &self.kafka_brokers),
            ("kafka_topic_prefix", &self.kafka_topic_prefix),
            ("kafka_group", &self.kafka_group),
            ("data_dir", &self.data_dir),
            ("lease_secs", &self.lease_secs),
            ("grace_secs", &self.grace_secs),
            ("shutdown_secs", &self.shutdown_secs),
            ("transfer_mib", &self.transfer_mib),
            ("allow_remote", &remote),
            ("log", &self.log),
            ("log_format", &self.log_format),
            ("inject", &self.inject),
        ]
        .into_iter()
        .filter_map(|(key, value)| value.clone().map(|v| (key, v)))
        .chain(own)
        .collect()
    }
}
