//! Settings: flag, then `DIM_*`, then `dim.toml`, then the default. Every value knows where it came from.
//!
//! Invariant: [`SETTINGS`] is the one list; what is not in it is refused in a file, so that a typing error is heard of.

use crate::domain::overview::DemoNote;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name in `dim.toml`; `DIM_` + upper case in the environment; with dashes as a flag.
    pub key: &'static str,
    /// Its value when nobody sets it; `None` means that nothing is a fine answer.
    pub default: Option<&'static str>,
    /// What it is for.
    pub help: &'static str,
}

const fn setting(key: &'static str, default: Option<&'static str>, help: &'static str) -> Setting {
    Setting { key, default, help }
}

/// Every setting of a server.
pub const SETTINGS: &[Setting] = &[
    setting("addr", Some("127.0.0.1:8080"), "address and port to listen on"),
    setting("data_dir", Some("./data"), "directory of the embedded database"),
    setting(
        "database_url",
        None,
        "sqlite://PATH or postgres://USER@HOST:PORT/DATABASE; absent means dim.sqlite in the data directory",
    ),
    setting(
        "kafka_brokers",
        None,
        "HOST:PORT of Kafka-compatible brokers, separated by commas; absent means that no broker is used",
    ),
    setting(
        "kafka_topic_prefix",
        Some(""),
        "what the names of the topics begin with; an installation has its own",
    ),
    setting(
        "kafka_group",
        Some("dim"),
        "what the names of the consumer groups begin with",
    ),
    setting(
        "kafka_partitions",
        Some("6"),
        "partitions of topics that are made because they were absent",
    ),
    setting(
        "kafka_session_secs",
        Some("10"),
        "after how long a silent process's partitions are given to another one",
    ),
    setting("roles", Some("web,recommender,mover"), "what this process does"),
    setting(
        "allow_root",
        None,
        "directories under which datasets may register locations, separated by ':'",
    ),
    setting(
        "site_dir",
        None,
        "directory of the browser's files; absent means target/site or site beside the program",
    ),
    setting(
        "prices_dir",
        None,
        "directory of price books that replace those built in",
    ),
    setting("log", Some("info"), "which log lines are written"),
    setting("log_format", Some("text"), "text or json"),
    setting(
        "otlp_endpoint",
        None,
        "collector of traces, as http://127.0.0.1:4318; needs a program built with the feature otlp",
    ),
    setting(
        "inject",
        None,
        "faults that may be provoked, separated by commas; for demos and tests only",
    ),
    setting(
        "grace_secs",
        Some("604800"),
        "how long the source of a finished move is kept",
    ),
    setting(
        "lease_secs",
        Some("30"),
        "after how long a silent mover's jobs are taken over by another one",
    ),
    setting(
        "shutdown_secs",
        Some("10"),
        "how long requests may take to end when the server stops",
    ),
    setting(
        "store_timeout_secs",
        Some("120"),
        "how long a store may give no sign of life before a job on it is paused",
    ),
    setting(
        "transfer_mib",
        Some("16"),
        "MiB of objects in memory on their way to buckets; each 8 are a part of a large object under way",
    ),
    setting(
        "allow_remote",
        Some("false"),
        "true allows an address that other machines can reach; there is no sign-in yet",
    ),
    setting(
        "max_connections",
        Some("10000"),
        "connections at once; more are answered with 503",
    ),
    setting(
        "public_url",
        None,
        "address under which browsers reach this server, when it stands behind a proxy",
    ),
];

/// Variables that are understood as well, after the one that is named after the setting.
const ALSO: &[(&str, &str)] = &[
    ("kafka_brokers", "KAFKA_BROKERS"),
    ("otlp_endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT"),
];

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag,
    /// This environment variable.
    Env(String),
    /// This file.
    File(PathBuf),
    /// Nobody set it.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Env(name) => write!(f, "environment {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not TOML, or holds an unknown key.
    #[error("read {path}: {problem}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A value that does not parse.
    #[error("the setting {key} = {value:?} (from {origin}) cannot be used: {problem}")]
    Value {
        /// Which setting.
        key: &'static str,
        /// As given.
        value: String,
        /// By whom.
        origin: Origin,
        /// What is wrong.
        problem: String,
    },
}

/// Every setting with its value and its origin.
#[derive(Clone, Debug, Default)]
pub struct Resolved {
    values: BTreeMap<&'static str, (Option<String>, Origin)>,
}

impl Resolved {
    /// Puts the four sources together.
    ///
    /// `flags` holds what the command line gave; `env` looks a variable up; `file` is read when it exists.
    ///
    /// # Errors
    /// A file that cannot be read or holds an unknown key.
    pub fn load(
        flags: &BTreeMap<&'static str, String>,
        env: impl Fn(&str) -> Option<String>,
        file: &Path,
    ) -> Result<Self, ConfigError> {
        let in_file = read_file(file)?;
        let mut values = BTreeMap::new();
        for setting in SETTINGS {
            let also = ALSO.iter().filter(|(key, _)| *key == setting.key);
            let mut variables = std::iter::once(format!("DIM_{}", setting.key.to_ascii_uppercase()))
                .chain(also.map(|(_, variable)| (*variable).to_owned()));
            let value = if let Some(value) = flags.get(setting.key) {
                (Some(value.clone()), Origin::Flag)
            } else if let Some((value, variable)) =
                variables.find_map(|v| Some((env(&v).filter(|value| !value.is_empty())?, v)))
            {
                (Some(value), Origin::Env(variable))
            } else if let Some(value) = in_file.get(setting.key) {
                (Some(value.clone()), Origin::File(file.to_owned()))
            } else {
                (setting.default.map(str::to_owned), Origin::Default)
            };
            values.insert(setting.key, value);
        }
        Ok(Self { values })
    }

    /// The settings in the order of their names: key, value, origin.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Option<&str>, &Origin)> {
        self.values
            .iter()
            .map(|(key, (value, origin))| (*key, value.as_deref(), origin))
    }

    /// The text of a setting.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).and_then(|(value, _)| value.as_deref())
    }

    fn bad(&self, key: &'static str, problem: impl ToString) -> ConfigError {
        let (value, origin) = self.values.get(key).cloned().unwrap_or((None, Origin::Default));
        ConfigError::Value {
            key,
            // A mistyped address may hold a password.
            value: match value {
                Some(value) if key == "database_url" => {
                    value.split_inclusive("://").next().unwrap_or_default().to_owned()
                }
                value => value.unwrap_or_default(),
            },
            origin,
            problem: problem.to_string(),
        }
    }

    fn parse<T: std::str::FromStr>(&self, key: &'static str) -> Result<T, ConfigError>
    where
        T::Err: fmt::Display,
    {
        self.get(key)
            .unwrap_or_default()
            .parse()
            .map_err(|e: T::Err| self.bad(key, e))
    }

    /// Too little sends large objects one part after the other; too much is a slip of the hand.
    fn transfer_mib(&self) -> Result<u64, ConfigError> {
        const ALLOWED: std::ops::RangeInclusive<u64> = 8..=65_536;
        let mib = self.parse("transfer_mib")?;
        if ALLOWED.contains(&mib) {
            return Ok(mib);
        }
        let (least, most) = (ALLOWED.start(), ALLOWED.end());
        Err(self.bad("transfer_mib", format!("write a number from {least} to {most}")))
    }

    /// Where to listen. Whoever reaches the server may move and forget data, so that others reaching it must be meant.
    fn address(&self) -> Result<SocketAddr, ConfigError> {
        let address: SocketAddr = self.parse("addr")?;
        if address.ip().to_canonical().is_loopback() || self.parse::<bool>("allow_remote")? {
            return Ok(address);
        }
        Err(self.bad(
            "addr",
            "other machines can reach it, and there is no sign-in yet: whoever reaches the server may move and forget data. Put a proxy \
             that authenticates in front of a loopback address, or say that it is meant with --allow-remote (DIM_ALLOW_REMOTE=true)",
        ))
    }

    /// Shorter leases would be lost to a pause of a healthy process, longer ones leave a dead one's jobs lying.
    fn lease(&self) -> Result<i64, ConfigError> {
        match self.parse("lease_secs")? {
            secs @ 3..=3600 => Ok(secs),
            _ => Err(self.bad("lease_secs", "write 3 to 3600 seconds")),
        }
    }

    /// The broker, where one is named.
    fn kafka(&self) -> Result<Option<Kafka>, ConfigError> {
        let Some(text) = self.get("kafka_brokers") else {
            return Ok(None);
        };
        let mut brokers = Vec::new();
        for broker in text.split(',').map(str::trim).filter(|b| !b.is_empty()) {
            if broker.contains("://") || broker.contains('@') {
                return Err(self.bad(
                    "kafka_brokers",
                    "not supported yet: TLS and sign-in to the broker; write HOST:PORT of a plain listener",
                ));
            }
            let port = broker.rsplit_once(':').filter(|(host, _)| !host.is_empty());
            if port.is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
                return Err(self.bad("kafka_brokers", format!("{broker:?} is no HOST:PORT")));
            }
            brokers.push(broker.to_owned());
        }
        if brokers.is_empty() {
            return Ok(None);
        }
        // Kafka's own rule for names; a topic's whole name has at most 249 characters.
        let name = |key: &'static str, may_be_empty: bool| {
            let text = self.get(key).unwrap_or_default().to_owned();
            let fine = text.len() <= 100
                && text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
            if fine && (may_be_empty || !text.is_empty()) {
                return Ok(text);
            }
            Err(self.bad(
                key,
                "write at most 100 letters, digits, dots, dashes and underscores",
            ))
        };
        let number = |key: &'static str, range: std::ops::RangeInclusive<i32>| match self.parse(key)? {
            n if range.contains(&n) => Ok(n),
            _ => Err(self.bad(key, format!("write {} to {}", range.start(), range.end()))),
        };
        Ok(Some(Kafka {
            brokers,
            topic_prefix: name("kafka_topic_prefix", true)?,
            group: name("kafka_group", false)?,
            partitions: number("kafka_partitions", 1..=1000)?,
            session_secs: number("kafka_session_secs", 1..=300)?,
        }))
    }

    /// The values, read and checked.
    ///
    /// # Errors
    /// The first value that cannot be used.
    pub fn settings(&self) -> Result<Settings, ConfigError> {
        let data_dir = PathBuf::from(self.get("data_dir").unwrap_or("./data"));
        let database = match self.get("database_url") {
            None => Database::Sqlite(data_dir.join("dim.sqlite")),
            Some(url) => Database::parse(url).map_err(|problem| self.bad("database_url", problem))?,
        };
        let list = |key: &str, separator: char| -> Vec<String> {
            let text = self.get(key).unwrap_or_default();
            text.split(separator)
                .map(|s| s.trim().to_owned())
                .filter(|s| !s.is_empty())
                .collect()
        };
        let roles = list("roles", ',');
        if let Some(odd) = roles
            .iter()
            .find(|r| !["web", "recommender", "mover"].contains(&r.as_str()))
        {
            return Err(self.bad(
                "roles",
                format!("{odd:?} is no role; web, recommender and mover are"),
            ));
        }
        let log_json = match self.get("log_format") {
            Some("json") => true,
            Some("text") | None => false,
            Some(_) => return Err(self.bad("log_format", "write text or json")),
        };
        Ok(Settings {
            addr: self.address()?,
            data_dir,
            database,
            database_is_named: self.get("database_url").is_some(),
            kafka: self.kafka()?,
            roles,
            allow_roots: list("allow_root", ':').into_iter().map(PathBuf::from).collect(),
            site_dir: self.get("site_dir").map(PathBuf::from),
            prices_dir: self.get("prices_dir").map(PathBuf::from),
            log: self.get("log").unwrap_or("info").to_owned(),
            log_json,
            otlp_endpoint: self.get("otlp_endpoint").map(str::to_owned),
            inject: list("inject", ','),
            grace_secs: self.parse("grace_secs")?,
            lease_secs: self.lease()?,
            shutdown_secs: self.parse("shutdown_secs")?,
            store_timeout_secs: self.parse::<u64>("store_timeout_secs")?.max(1),
            transfer_mib: self.transfer_mib()?,
            max_connections: self.parse("max_connections")?,
            public_url: self.get("public_url").map(str::to_owned),
            demo: None,
        })
    }
}

fn read_file(path: &Path) -> Result<BTreeMap<String, String>, ConfigError> {
    let error = |problem: String| ConfigError::File {
        path: path.to_owned(),
        problem,
    };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(e) => return Err(error(e.to_string())),
    };
    let table: toml::Table = text.parse().map_err(|e: toml::de::Error| error(e.to_string()))?;
    let mut values = BTreeMap::new();
    for (key, value) in table {
        if !SETTINGS.iter().any(|s| s.key == key) {
            return Err(error(format!("there is no setting {key:?}")));
        }
        let separator = if key == "allow_root" { ":" } else { "," };
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Array(items) => {
                let items: Vec<String> = items
                    .iter()
                    .map(|i| i.as_str().map_or_else(|| i.to_string(), str::to_owned))
                    .collect();
                items.join(separator)
            }
            other => other.to_string(),
        };
        values.insert(key, text);
    }
    Ok(values)
}

/// Where the database is.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// A file of this machine.
    Sqlite(PathBuf),
    /// The address of a Postgres database, which may hold a password.
    Postgres(String),
}

impl Database {
    /// Reads an address.
    ///
    /// # Errors
    /// What would be right. It does not repeat the address, which may hold a password.
    pub fn parse(url: &str) -> Result<Self, &'static str> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(url.to_owned()));
        }
        let path = url
            .strip_prefix("sqlite://")
            .or_else(|| url.strip_prefix("sqlite:"));
        match path {
            Some(path) if !path.is_empty() => Ok(Self::Sqlite(PathBuf::from(path))),
            _ => Err("write sqlite://PATH or postgres://USER@HOST:PORT/DATABASE"),
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "Sqlite({})", path.display()),
            Self::Postgres(_) => f.write_str("Postgres(…)"),
        }
    }
}

/// A broker and what is read and written there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kafka {
    /// `HOST:PORT` of each.
    pub brokers: Vec<String>,
    /// What the names of topics begin with.
    pub topic_prefix: String,
    /// What the names of consumer groups begin with.
    pub group: String,
    /// Partitions of topics that are made.
    pub partitions: i32,
    /// Seconds after which a silent process's partitions are given to another one.
    pub session_secs: i32,
}

/// The settings of a server, read and checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen.
    pub addr: SocketAddr,
    /// Directory of whatever the process keeps.
    pub data_dir: PathBuf,
    /// The database.
    pub database: Database,
    /// Whether somebody named it: other processes may then use it as well.
    pub database_is_named: bool,
    /// The broker.
    pub kafka: Option<Kafka>,
    /// Names of the roles.
    pub roles: Vec<String>,
    /// Roots that the operator allows.
    pub allow_roots: Vec<PathBuf>,
    /// Directory of the browser's files.
    pub site_dir: Option<PathBuf>,
    /// Directory of price books.
    pub prices_dir: Option<PathBuf>,
    /// Log filter.
    pub log: String,
    /// Log lines as JSON.
    pub log_json: bool,
    /// Where spans are sent to.
    pub otlp_endpoint: Option<String>,
    /// Faults that may be provoked.
    pub inject: Vec<String>,
    /// Seconds for which the source of a finished move is kept.
    pub grace_secs: i64,
    /// Seconds after which a silent mover's jobs are taken over.
    pub lease_secs: i64,
    /// Seconds that requests get when the server stops.
    pub shutdown_secs: u64,
    /// Seconds without a sign of life after which a store counts as hung.
    pub store_timeout_secs: u64,
    /// MiB of objects that may be in memory on their way to buckets.
    pub transfer_mib: u64,
    /// Connections at once.
    pub max_connections: usize,
    /// Address under which browsers reach this server.
    pub public_url: Option<String>,
    /// How the data came about, on a demo server. Not a setting: the demo itself puts it here.
    pub demo: Option<DemoNote>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(
        flags: &[(&'static str, &str)],
        env: &[(&str, &str)],
        file: &str,
    ) -> Result<Resolved, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dim.toml");
        std::fs::write(&path, file).unwrap();
        let flags = flags.iter().map(|(k, v)| (*k, (*v).to_owned())).collect();
        let find = |name: &str| env.iter().find(|(k, _)| *k == name).map(|(_, v)| (*v).to_owned());
        Resolved::load(&flags, find, &path)
    }

    #[test]
    fn a_flag_beats_the_environment_beats_the_file_beats_the_default() {
        let file = "addr = \"127.0.0.1:4\"\nroles = [\"web\"]\n";
        let origin = |r: &Resolved| r.iter().find(|(k, ..)| *k == "addr").unwrap().2.clone();
        let all = load(&[("addr", "127.0.0.1:2")], &[("DIM_ADDR", "127.0.0.1:3")], file).unwrap();
        assert_eq!(
            (all.get("addr"), origin(&all)),
            (Some("127.0.0.1:2"), Origin::Flag)
        );
        let env = load(&[], &[("DIM_ADDR", "127.0.0.1:3")], file).unwrap();
        assert_eq!(
            (env.get("addr"), origin(&env)),
            (Some("127.0.0.1:3"), Origin::Env("DIM_ADDR".into()))
        );
        let in_file = load(&[], &[], file).unwrap();
        assert_eq!(in_file.get("addr"), Some("127.0.0.1:4"));
        assert_eq!(in_file.settings().unwrap().roles, ["web"]);
        let none = load(&[], &[], "").unwrap();
        assert_eq!(
            (none.get("addr"), origin(&none)),
            (Some("127.0.0.1:8080"), Origin::Default)
        );
    }

    #[test]
    fn what_cannot_be_used_is_named_with_its_origin() {
        assert!(
            load(&[], &[], "adr = \"x\"")
                .unwrap_err()
                .to_string()
                .contains("adr")
        );
        let bad = load(&[], &[("DIM_ROLES", "web,cook")], "")
            .unwrap()
            .settings()
            .unwrap_err();
        assert!(
            bad.to_string().contains("cook") && bad.to_string().contains("DIM_ROLES"),
            "{bad}"
        );
        let odd = load(&[("database_url", "mysql://h/d")], &[], "")
            .unwrap()
            .settings()
            .unwrap_err();
        assert!(odd.to_string().contains("postgres://"), "{odd}");
    }

    #[test]
    fn a_broker_is_named_by_either_variable_and_checked() {
        let kafka = |flags: &[(&'static str, &str)], env: &[(&str, &str)]| {
            load(flags, env, "").unwrap().settings().map(|s| s.kafka)
        };
        assert_eq!(kafka(&[], &[]).unwrap(), None);
        let found = kafka(&[], &[("KAFKA_BROKERS", "a:9092, b:9093")])
            .unwrap()
            .unwrap();
        assert_eq!(found.brokers, ["a:9092", "b:9093"]);
        let both = [("KAFKA_BROKERS", "a:1"), ("DIM_KAFKA_BROKERS", "b:2")];
        assert_eq!(kafka(&[], &both).unwrap().unwrap().brokers, ["b:2"]);
        for (key, value) in [
            ("kafka_brokers", "ssl://a:9092"),
            ("kafka_brokers", "a"),
            ("kafka_brokers", "a:port"),
        ] {
            assert!(kafka(&[(key, value)], &[]).is_err(), "{key}={value}");
        }
        for (key, value) in [
            ("kafka_topic_prefix", "a/b"),
            ("kafka_group", ""),
            ("kafka_partitions", "0"),
            ("kafka_session_secs", "400"),
        ] {
            assert!(
                kafka(&[("kafka_brokers", "a:1"), (key, value)], &[]).is_err(),
                "{key}={value}"
            );
        }
    }

    #[test]
    fn a_password_of_the_database_is_not_printed() {
        let url = "postgres://dim:s3cret@h/d";
        let settings = load(&[("database_url", url)], &[], "")
            .unwrap()
            .settings()
            .unwrap();
        assert_eq!(settings.database, Database::Postgres(url.into()));
        assert!(!format!("{settings:?}").contains("s3cret"));
    }
}
