//! Process edge: parse the command line, start logging, dispatch. The work is done elsewhere.

use clap::Parser;
use data_in_motion::adapters::objects::LocalObjects;
use data_in_motion::adapters::prices;
use data_in_motion::config::Resolved;
use data_in_motion::edges::cli::db::{self, Db};
use data_in_motion::edges::cli::exit::{CliError, Exit};
use data_in_motion::edges::cli::output::Out;
use data_in_motion::edges::cli::{self, Cli, Command, serve::ServeArgs};
use data_in_motion::services::receipt::Checker;
use data_in_motion::{logging, server};
use std::process::ExitCode;
use std::sync::Arc;

#[tokio::main]
async fn main() -> ExitCode {
    let Cli { options, command } = Cli::parse();
    match command {
        Command::Serve(args) => Box::pin(serve(*args)).await,
        Command::Backtest(args) => cli::finish(
            prices::load(args.prices_dir.as_deref())
                .map_err(|e| CliError::new(Exit::Usage, e.to_string()))
                .and_then(|books| cli::backtest::run(&args, &books, options.format())),
        ),
        Command::Verify(args) => cli::finish(
            cli::verify::run(
                args,
                &Checker::new(Arc::new(LocalObjects::new())),
                options.format(),
            )
            .await,
        ),
        Command::Db(Db::Copy(args)) => cli::finish(copy(&args, Out::new(options.format())).await),
        command => cli::run(command, &options).await,
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
    let settings = Resolved::load(&args.flags(), |name| std::env::var(name).ok(), &args.config)
        .and_then(|resolved| resolved.settings());
    let settings = match settings {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("dim: {error}");
            return ExitCode::from(2);
        }
    };
    logging::start(&settings.log, settings.log_json);
    match server::run(settings, &args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("dim: {error}");
            ExitCode::FAILURE
        }
    }
}
