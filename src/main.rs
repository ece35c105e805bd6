//! The command line: what the program is asked to be.

mod cli;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Captures leads, keeps them safe, delivers them to Zoho CRM.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve pages, intake and the worker against the configured database and Zoho.
    Serve(cli::serve::ServeArguments),
    /// Run everything on a throw-away database with a stand-in for Zoho and live sample leads.
    Demo(cli::demo::DemoArguments),
    /// Run the worker and the schedules alone, on PostgreSQL.
    Worker,
    /// Bring the database named by DATABASE_URL up to date. Repeatable.
    Migrate,
    /// Run the stand-in for Zoho alone.
    Sandbox(cli::sandbox::SandboxArguments),
    /// Ask the program that serves here how it stands: exits with 0 (healthy), 1 (a warning) or 2 (failing).
    HealthCheck(cli::health_check::HealthCheckArguments),
    /// See what is set, and what will not work because of it.
    Config {
        #[command(subcommand)]
        command: cli::config::ConfigCommand,
    },
    /// Manage the people who may sign in.
    User {
        #[command(subcommand)]
        command: cli::user::UserCommand,
    },
    /// Look after the record of who did what.
    Audit {
        #[command(subcommand)]
        command: cli::audit::AuditCommand,
    },
    /// Take over what an older system holds.
    Import {
        #[command(subcommand)]
        command: cli::import::ImportCommand,
    },
    /// Connect a provider without a browser.
    Connect {
        #[command(subcommand)]
        command: cli::connect::ConnectCommand,
    },
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    cli::logs::to_standard_error();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(cause) => return cli::failed(&anyhow::Error::new(cause).context("starting the run-time")),
    };
    // Two commands answer by it; for all others it says whether they could do what was asked.
    let mut code = ExitCode::SUCCESS;
    let result = runtime.block_on(async {
        match command {
            Command::Serve(arguments) => cli::serve::run(&arguments).await,
            Command::Demo(arguments) => cli::demo::run(&arguments).await,
            Command::Worker => cli::serve::run(&cli::serve::ServeArguments::worker()).await,
            Command::Migrate => cli::migrate::run().await,
            Command::Sandbox(arguments) => cli::sandbox::run(&arguments).await,
            Command::HealthCheck(arguments) => cli::health_check::run(&arguments).await.map(|answer| code = answer),
            Command::Config { command } => cli::config::run(command).await.map(|answer| code = answer),
            Command::User { command } => cli::user::run(command).await,
            Command::Audit { command } => cli::audit::run(command).await,
            Command::Import { command } => cli::import::run(command).await,
            Command::Connect { command } => cli::connect::run(command).await,
        }
    });
    // Blocking threads that still wait for a provider's name or a lock must not hold up the exit.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match result {
        Ok(()) => code,
        Err(cause) => cli::failed(&cause),
    }
}
