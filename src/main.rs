//! Process edge: parse the command line, start logging, dispatch. The work is done elsewhere.

use clap::Parser;
use data_in_motion::adapters::inproc::accesses::OneAccess;
use data_in_motion::adapters::objects::sealed::Unsealing;
use data_in_motion::adapters::objects::{CloudObjects, LocalObjects, Stores};
use data_in_motion::adapters::prices;
use data_in_motion::config::{Resolved, Settings};
use data_in_motion::edges::cli::db::{self, Db};
use data_in_motion::edges::cli::exit::{CliError, Exit};
use data_in_motion::edges::cli::mover::MoverArgs;
use data_in_motion::edges::cli::output::Out;
use data_in_motion::edges::cli::{self, Cli, Command, serve::ServeArgs};
use data_in_motion::services::decrypt::Decrypter;
use data_in_motion::services::receipt::Checker;
use data_in_motion::{logging, server};
use std::collections::BTreeMap;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    with_few_arenas();
    run()
}

/// The C library gives each thread memory of its own to take from, and keeps what is given back there: with a thread for each file that
/// is copied this doubles what a mover holds. Nor does it give back what was large once a few such were asked for, unless it is told a
/// size. It reads both once, before `main`, so a server starts itself once more.
fn with_few_arenas() {
    const NAME: &str = "MALLOC_ARENA_MAX";
    /// From 1 MiB on, as parts of objects are, memory goes back to the machine at once.
    const LARGE: (&str, &str) = ("MALLOC_MMAP_THRESHOLD_", "1048576");
    let mut args = std::env::args_os();
    let own_name = args.next();
    let args: Vec<_> = args.collect();
    let serves = args.iter().any(|arg| arg == "serve" || arg == "mover");
    if !serves || std::env::var_os(NAME).is_some() {
        return;
    }
    let (Some(own_name), Ok(program)) = (own_name, std::env::current_exe()) else {
        return;
    };
    let mut again = std::process::Command::new(program);
    // Returns only when it could not be done, and then nothing is lost but memory.
    let _problem = again
        .arg0(own_name)
        .args(args)
        .env(NAME, "2")
        .env(LARGE.0, LARGE.1)
        .exec();
}

#[tokio::main]
async fn run() -> ExitCode {
    let Cli { options, command } = Cli::parse();
    match command {
        Command::Serve(args) => Box::pin(serve(*args)).await,
        Command::Backtest(args) => cli::finish(
            prices::load(args.prices_dir.as_deref())
                .map_err(|e| CliError::new(Exit::Usage, e.to_string()))
                .and_then(|books| cli::backtest::run(&args, &books, options.format())),
        ),
        Command::Verify(args) => {
            let cloud = CloudObjects::new(Arc::new(OneAccess(args.access())), None);
            let stores = Checker::new(Arc::new(Stores::new(LocalObjects::new(), cloud)));
            cli::finish(cli::verify::run(args, &stores, options.format()).await)
        }
        Command::Decrypt(args) => {
            let decrypter = Decrypter::new(Arc::new(Unsealing));
            cli::finish(cli::decrypt::run(&args, &decrypter))
        }
        Command::Db(Db::Copy(args)) => cli::finish(copy(&args, Out::new(options.format())).await),
        Command::Mover(args) => Box::pin(mover(*args)).await,
        command => cli::run(command, &options).await,
    }
}

async fn mover(args: MoverArgs) -> ExitCode {
    match settings(&args.flags(), &args.config) {
        Ok(settings) => ended(Box::pin(server::run_mover(settings)).await),
        Err(code) => code,
    }
}

/// The settings of this process, with logging started as they say.
fn settings(flags: &BTreeMap<&'static str, String>, file: &Path) -> Result<Settings, ExitCode> {
    let settings = Resolved::load(flags, |name| std::env::var(name).ok(), file)
        .and_then(|resolved| resolved.settings())
        .map_err(|error| {
            eprintln!("dim: {error}");
            ExitCode::from(2)
        })?;
    logging::start(
        &settings.log,
        settings.log_json,
        settings.otlp_endpoint.as_deref(),
    );
    Ok(settings)
}

fn ended(result: Result<(), server::ServeError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("dim: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn copy(args: &db::Copy, out: Out) -> Result<(), CliError> {
    let (from, to) = args.places()?;
    let copied = server::copy_database(&from, &to)
        .await
        .map_err(|e| CliError::failure(e.to_string()))?;
    let lines: Vec<_> = copied
        .into_iter()
        .map(|table| db::Line {
            table: table.table.to_owned(),
            rows: table.rows,
            hash: table.hash,
        })
        .collect();
    db::print(&lines, out)
}

async fn serve(args: ServeArgs) -> ExitCode {
    match settings(&args.flags(), &args.config) {
        Ok(settings) => ended(server::run(settings, &args).await),
        Err(code) => code,
    }
}
