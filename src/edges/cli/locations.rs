//! `dim locations add|list|get|edit|check|remove`.

use super::client::segment;
use super::exit::{CliError, Exit};
use super::output::{Out, note};
use super::style::{self, Style, or_dash};
use super::table::{Column, Tint, facts};
use super::{Client, client::Reply};
use crate::domain::location::{Location, LocationCheck, LocationSummary};
use crate::domain::migration::evacuation::{Evacuation, Evacuee};
use crate::domain::read_times::ReadFigures;
use clap::{Args, Subcommand};
use serde_json::json;

/// What to do with locations.
#[derive(Debug, Subcommand)]
pub enum Locations {
    /// Register a location
    Add(Add),
    /// List the locations
    List,
    /// Show one location
    #[command(visible_alias = "show")]
    Get {
        /// Its id or name
        location: String,
    },
    /// Change with which key copies are encrypted that are written there from now on
    Edit(Edit),
    /// Look at the real store: reachable, writable, free space, and how soon the first byte of a small object comes
    Check {
        /// Its id or name
        location: String,
    },
    /// Move every dataset away from a location; what cannot be moved is named
    Evacuate(Evacuate),
    /// Forget a location that no dataset uses; its files stay
    Remove {
        /// Its id or name
        location: String,
    },
}

/// Arguments of `dim locations add`.
#[derive(Debug, Args)]
pub struct Add {
    /// Unique name
    #[arg(long = "name", value_name = "NAME", required_unless_present = "name")]
    name_flag: Option<String>,
    /// Root: file:///path, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix
    #[arg(long = "uri", value_name = "URI", required_unless_present = "uri")]
    uri_flag: Option<String>,
    /// The same as --name
    #[arg(value_name = "NAME", conflicts_with = "name_flag", requires = "uri")]
    name: Option<String>,
    /// The same as --uri
    #[arg(value_name = "URI", conflicts_with = "uri_flag")]
    uri: Option<String>,
    /// Storage classes in use, the default first [default: those of the price-book entry]
    #[arg(long = "storage-class", value_name = "CLASS", value_delimiter = ',')]
    storage_classes: Vec<String>,
    /// Price-book entry, such as local/nvme or aws/us-east-1
    #[arg(long, value_name = "ENTRY")]
    price_book: Option<String>,
    /// Where its credentials are found: env:NAME or file:PATH, of the server; never the secret itself [default: the environment
    /// of the server, as the vendor's own tools read it]
    ///
    /// What is found there: for s3:// KEY_ID:SECRET or lines as in ~/.aws/credentials; for gs:// the JSON of a service account's key;
    /// for az:// ACCOUNT:KEY or a connection string; or the word anonymous.
    #[arg(long, visible_alias = "credentials", value_name = "REFERENCE")]
    credential_ref: Option<String>,
    /// Where the store answers, when not at its vendor's own address: scheme, host and port
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// The store's region, such as eu-central-1
    #[arg(long, value_name = "NAME")]
    region: Option<String>,
    /// Encrypt what is written there, with the key that the server and its movers find here: env:NAME or file:PATH
    ///
    /// What is found there: 32 bytes in base64 or as 64 hexadecimal digits, such as `openssl rand -base64 32` prints. Keep it: nobody
    /// can read the copies without it.
    #[arg(long, value_name = "REFERENCE")]
    encryption_key_ref: Option<String>,
}

/// Arguments of `dim locations edit`.
#[derive(Debug, Args)]
pub struct Edit {
    /// Its id or name
    location: String,
    /// Encrypt what is written there from now on, with the key that the server and its movers find here: env:NAME or file:PATH
    ///
    /// Copies that stand there stay as they are, and are read with the key that they were written with: keep that one too.
    #[arg(long, value_name = "REFERENCE", required_unless_present = "no_encryption")]
    encryption_key_ref: Option<String>,
    /// Encrypt nothing that is written there from now on; what stands there stays encrypted
    #[arg(long, conflicts_with = "encryption_key_ref")]
    no_encryption: bool,
}

/// Carries out a command on locations.
///
/// # Errors
/// No server, or its refusal; a checked location that is not reachable.
pub async fn run(command: Locations, client: &Client, out: Out) -> Result<(), CliError> {
    match command {
        Locations::Add(add) => {
            let body = json!({
                "name": add.name_flag.or(add.name), "uri": add.uri_flag.or(add.uri), "storage_classes": add.storage_classes,
                "price_book": add.price_book, "credential_ref": add.credential_ref, "endpoint": add.endpoint,
                "region": add.region, "encryption_key_ref": add.encryption_key_ref,
            });
            let reply = client.post("/api/v1/locations", &body).await?;
            let location: Location = reply.typed()?;
            note(&format!(
                "location {} is registered as {}",
                location.name, location.id
            ));
            out.one(&reply, &one_column(), &location, |style| {
                location_facts(&location, style)
            })
        }
        Locations::Edit(edit) => {
            let key_ref = edit.encryption_key_ref.filter(|_| !edit.no_encryption);
            let body = json!({ "encryption_key_ref": key_ref });
            let reply = client.patch(&path(&edit.location, ""), &body).await?;
            let location: Location = reply.typed()?;
            note(&format!(
                "{}; what stands there stays as it is",
                match &location.encryption {
                    Some(encryption) => format!(
                        "copies at {} are encrypted from now on with {encryption}",
                        location.name
                    ),
                    None => format!("copies at {} are not encrypted from now on", location.name),
                }
            ));
            out.one(&reply, &one_column(), &location, |style| {
                location_facts(&location, style)
            })
        }
        Locations::List => {
            let reply = client.list("/api/v1/locations", &[]).await?;
            let rows: Vec<LocationSummary> = items(&reply)?;
            let empty =
                "no locations yet; register one with: dim locations add --name disk --uri file:///path";
            out.rows(&reply, &columns(), &rows, empty)
        }
        Locations::Get { location } => {
            let reply = client.get(&path(&location, "")).await?;
            let row: LocationSummary = reply.typed()?;
            out.one(&reply, &columns(), &row, |style| {
                let standing = [
                    ("datasets", row.dataset_count.to_string()),
                    ("stored", row.dataset_bytes.to_string()),
                    ("cost", format!("{} a month", or_dash(row.monthly_cost_nanousd))),
                ];
                let mut all = location_facts(&row.location, style) + &facts(&standing, style);
                all += &facts(&read_facts(row.reads.as_ref()), style);
                all
            })
        }
        Locations::Check { location } => {
            let reply = client.command(&path(&location, "/check")).await?;
            let check: LocationCheck = reply.typed()?;
            out.one(&reply, &check_columns(), &check, |style| {
                check_facts(&check, style)
            })?;
            if check.reachable {
                return Ok(());
            }
            let problem = check
                .problem
                .unwrap_or_else(|| "it cannot be read and written".into());
            Err(CliError::new(
                Exit::Failure,
                format!("{location} is not reachable: {problem}"),
            ))
        }
        Locations::Evacuate(args) => evacuate(&args, client, out).await,
        Locations::Remove { location } => {
            client.delete(&path(&location, "")).await?;
            note(&format!("location {location} is forgotten; its files stay"));
            Ok(())
        }
    }
}

/// Arguments of `dim locations evacuate`.
#[derive(Debug, Args)]
pub struct Evacuate {
    /// The location that is to be empty, by id or name
    location: String,
    /// Where everything goes: a location's name or id
    #[arg(long, value_name = "LOCATION")]
    to: String,
    /// Storage class there [default: the location's]
    #[arg(long, value_name = "CLASS")]
    storage_class: Option<String>,
    /// Only print what would be moved
    #[arg(long)]
    dry_run: bool,
    /// Queue the moves so that a person must approve each first
    #[arg(long, conflicts_with = "dry_run")]
    require_approval: bool,
    #[command(flatten)]
    how: super::migrate::How,
}

async fn evacuate(args: &Evacuate, client: &Client, out: Out) -> Result<(), CliError> {
    let body = json!({
        "target_location": args.to, "storage_class": args.storage_class, "dry_run": args.dry_run,
        "require_approval": args.require_approval, "options": args.how.options(),
    });
    let reply = client.post(&path(&args.location, "/evacuate"), &body).await?;
    let found: Evacuation = reply.typed()?;
    let empty = format!("no dataset is served from {}", found.location);
    out.rows(&reply, &evacuee_columns(), &found.datasets, &empty)?;
    let stay = found.datasets.iter().filter(|d| d.problem.is_some()).count();
    note(&format!(
        "{} datasets, {} to {}, {} once; {} moves queued",
        found.datasets.len(),
        found.size_bytes,
        found.target_location,
        found.one_time_nanousd,
        found.datasets.iter().filter(|d| d.job_id.is_some()).count(),
    ));
    if found.left_out > 0 {
        note(&format!(
            "{} more datasets were not looked at; ask again once these have moved",
            found.left_out
        ));
    }
    if stay == 0 {
        return Ok(());
    }
    Err(CliError::failure(format!(
        "{stay} datasets cannot be moved and stay at {}",
        found.location
    )))
}

fn evacuee_columns() -> Vec<Column<Evacuee>> {
    vec![
        Column::text("DATASET", "dataset_name", |r: &Evacuee| r.dataset_name.clone()),
        Column::number(
            "SIZE",
            "size_bytes",
            |r: &Evacuee| r.size_bytes.to_string(),
            |r: &Evacuee| r.size_bytes.0.to_string(),
        ),
        Column::number(
            "ONCE",
            "one_time_nanousd",
            |r: &Evacuee| or_dash(r.one_time_nanousd),
            |r: &Evacuee| r.one_time_nanousd.map_or_else(String::new, |m| m.0.to_string()),
        ),
        Column::text("JOB", "job_id", |r: &Evacuee| or_dash(r.job_id)),
        Column::text("TO", "target_uri", |r: &Evacuee| or_dash(r.target_uri.as_ref())),
        Column::text("STAYS BECAUSE", "problem", |r: &Evacuee| {
            r.problem.clone().unwrap_or_default()
        })
        .tinted(|_| Tint::Bad),
    ]
}

fn path(location: &str, rest: &str) -> String {
    format!("/api/v1/locations/{}{rest}", segment(location))
}

/// The rows of a list's answer.
///
/// # Errors
/// An answer of another shape.
pub fn items<T: serde::de::DeserializeOwned>(reply: &Reply) -> Result<Vec<T>, CliError> {
    let list = reply
        .node
        .get("items")
        .cloned()
        .unwrap_or(super::node::Node::List(Vec::new()));
    Reply::from_node(list).typed()
}

fn classes(location: &Location) -> String {
    let names: Vec<&str> = location.storage_classes.iter().map(|c| c.as_str()).collect();
    names.join(", ")
}

fn columns() -> Vec<Column<LocationSummary>> {
    vec![
        Column::number(
            "ID",
            "id",
            |r: &LocationSummary| r.location.id.to_string(),
            |r: &LocationSummary| r.location.id.to_string(),
        ),
        Column::text("NAME", "name", |r: &LocationSummary| r.location.name.to_string()),
        Column::text("PRICES", "price_book", |r: &LocationSummary| {
            r.location.price_book.clone()
        }),
        Column::text("CLASSES", "storage_classes", |r: &LocationSummary| {
            classes(&r.location)
        }),
        Column::number(
            "DATASETS",
            "dataset_count",
            |r: &LocationSummary| r.dataset_count.to_string(),
            |r: &LocationSummary| r.dataset_count.to_string(),
        ),
        Column::number(
            "STORED",
            "dataset_bytes",
            |r: &LocationSummary| r.dataset_bytes.to_string(),
            |r: &LocationSummary| r.dataset_bytes.0.to_string(),
        ),
        Column::number(
            "PER MONTH",
            "monthly_cost_nanousd",
            |r: &LocationSummary| or_dash(r.monthly_cost_nanousd),
            |r: &LocationSummary| {
                r.monthly_cost_nanousd
                    .map_or_else(String::new, |m| m.0.to_string())
            },
        ),
        Column::text("URI", "uri", |r: &LocationSummary| r.location.uri.to_string()).tinted(|_| Tint::Faint),
    ]
}

fn one_column() -> Vec<Column<Location>> {
    vec![
        Column::text("ID", "id", |r: &Location| r.id.to_string()),
        Column::text("NAME", "name", |r: &Location| r.name.to_string()),
        Column::text("URI", "uri", |r: &Location| r.uri.to_string()),
        Column::text("PRICES", "price_book", |r: &Location| r.price_book.clone()),
        Column::text("CLASSES", "storage_classes", classes),
    ]
}

fn check_columns() -> Vec<Column<LocationCheck>> {
    let bytes = |b: Option<crate::domain::unit::Bytes>| b.map_or_else(String::new, |b| b.0.to_string());
    vec![
        Column::text("REACHABLE", "reachable", |r: &LocationCheck| {
            r.reachable.to_string()
        }),
        Column::text("FREE", "free_bytes", move |r: &LocationCheck| bytes(r.free_bytes)),
        Column::text("TOTAL", "total_bytes", move |r: &LocationCheck| {
            bytes(r.total_bytes)
        }),
        Column::text("LATENCY", "latency_us", |r: &LocationCheck| {
            r.latency_us.to_string()
        }),
        Column::text("PROBLEM", "problem", |r: &LocationCheck| {
            r.problem.clone().unwrap_or_default()
        }),
    ]
}

/// What was measured of reads there.
fn read_facts(reads: Option<&ReadFigures>) -> Vec<(&'static str, String)> {
    let said = |line: Option<String>| line.unwrap_or_else(|| "not measured yet".into());
    let mut rows = vec![
        ("first byte", said(reads.and_then(ReadFigures::first_byte))),
        ("throughput", said(reads.and_then(ReadFigures::throughput))),
    ];
    if let Some(reads) = reads {
        rows.push(("measured", style::stamp(reads.measured_at)));
    }
    rows
}

fn location_facts(location: &Location, style: Style) -> String {
    let mut rows = vec![
        ("id", location.id.to_string()),
        ("name", location.name.to_string()),
        ("uri", location.uri.to_string()),
        ("classes", classes(location)),
        ("prices", location.price_book.clone()),
    ];
    if let Some(credential) = &location.credential_ref {
        rows.push(("credential", credential.as_str().to_owned()));
    }
    if let Some(endpoint) = &location.endpoint {
        rows.push(("endpoint", endpoint.as_str().to_owned()));
    }
    if let Some(region) = &location.region {
        rows.push(("region", region.as_str().to_owned()));
    }
    if let Some(encryption) = &location.encryption {
        rows.push(("encryption", encryption.to_string()));
    }
    facts(&rows, style)
}

fn check_facts(check: &LocationCheck, style: Style) -> String {
    let state = if check.reachable {
        style.tint(Tint::Good, "reachable")
    } else {
        style.tint(Tint::Bad, "not reachable")
    };
    let space = match (check.free_bytes, check.total_bytes) {
        (Some(free), Some(total)) => format!("{free} of {total}"),
        (Some(free), None) => free.to_string(),
        _ => "not told by the store".into(),
    };
    let rows = [
        ("free", space),
        (
            "round trip",
            format!("{:.1} ms", check.latency_us as f64 / 1000.0),
        ),
        ("checked", style::stamp(check.checked_at)),
    ];
    format!("{state}\n{}", facts(&rows, style))
}
