//! `throughline config`: what is set, what is missing, and what will not work because of it. Changes nothing.

use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use serde::Serialize;
use throughline::config::{Config, Setting, Sources};
use throughline::connections;
use throughline::db::{self, Engine, Found};
use throughline::health::configuration::{self, Finding, Weight};

/// What can be done with the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print every setting and what follows from it. Exits with 0, with 1 for warnings, with 2 where something will not work.
    Check {
        /// One JSON object instead of lines.
        #[arg(long)]
        json: bool,
    },
}

/// What was found.
#[derive(Serialize)]
struct Checked {
    worst: Weight,
    settings: Vec<Setting>,
    findings: Vec<Finding>,
    /// What is as it should be.
    good: Vec<String>,
}

/// Runs a command.
pub async fn run(command: ConfigCommand) -> anyhow::Result<ExitCode> {
    let ConfigCommand::Check { json } = command;
    let checked = tokio::task::spawn_blocking(check).await.context("looking at the configuration")?;
    tell(&checked, json)?;
    Ok(match checked.worst {
        Weight::Note => ExitCode::SUCCESS,
        Weight::Warning => ExitCode::from(1),
        Weight::Failure => ExitCode::from(2),
    })
}

fn check() -> Checked {
    let (mut findings, mut good, mut settings) = (Vec::new(), Vec::new(), Vec::new());
    match Sources::of_process() {
        Err(mistakes) => findings.extend(mistakes.list().map(mistake)),
        Ok(sources) => {
            let loaded = Config::load(&sources);
            settings = sources.asked();
            match loaded {
                Err(mistakes) => findings.extend(mistakes.list().map(mistake)),
                Ok(config) => {
                    findings.extend(configuration::findings(&config));
                    database(&config, &mut findings, &mut good);
                }
            }
        }
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.weight));
    Checked { worst: findings.iter().map(|finding| finding.weight).max().unwrap_or(Weight::Note), settings, findings, good }
}

fn mistake(text: &str) -> Finding {
    let (setting, text) = text.split_once(' ').unwrap_or(("", text));
    Finding::new(Weight::Failure, setting.to_owned(), text)
}

/// Whether the database answers with the right schema, and the key fits it.
fn database(config: &Config, findings: &mut Vec<Finding>, good: &mut Vec<String>) {
    const KEY: &str = "DATABASE_URL";
    let fails = |text: String| Finding::new(Weight::Failure, KEY, text);
    match db::find(&config.database_url) {
        Err(cause) => findings.push(fails(format!("{cause:#}"))),
        Ok(Found::Nothing { path }) => {
            good.push(format!("The database {} will be made at the first start, and its key beside it", path.display()));
        }
        Ok(Found::Behind { missing }) if Engine::of_url(&config.database_url) == Engine::Sqlite => {
            findings.push(Finding::new(Weight::Note, KEY, format!("lacks {missing} migrations, which serve applies at its next start.")));
        }
        Ok(Found::Behind { missing }) => {
            findings.push(fails(format!(
                "names a database that lacks {missing} migrations: serve refuses to start. Run “throughline migrate”."
            )));
        }
        Ok(Found::Ahead) => {
            findings.push(fails(
                "names a database with a newer schema: serve refuses to start. Use the newer program, or restore the backup from before."
                    .into(),
            ));
        }
        Ok(Found::Current { mut conn, shown }) => {
            good.push(format!("The database {shown} answers with the current schema"));
            match connections::inspect_key(&mut conn, config) {
                Ok(words) => good.push(words),
                Err(cause) => findings.push(Finding::new(Weight::Failure, "THROUGHLINE_ENCRYPTION_KEY", format!("{cause:#}."))),
            }
            match connections::summary(&mut conn) {
                Ok(Some(summary)) if summary.state == connections::ConnectionState::Connected => good.push("Zoho CRM is connected".into()),
                Ok(Some(_)) => findings.push(fails("says that Zoho CRM must be connected again: leads wait.".into())),
                Ok(None) => {
                    findings.push(Finding::new(Weight::Warning, KEY, "has no connection to Zoho CRM yet: leads are kept and wait."))
                }
                Err(cause) => findings.push(fails(format!("cannot be read: {cause}."))),
            }
        }
    }
}

#[expect(clippy::print_stdout, reason = "the answer to the question that was asked")]
fn tell(checked: &Checked, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string(checked)?);
        return Ok(());
    }
    println!("Settings (the environment wins over Rocket.toml):");
    for setting in &checked.settings {
        println!("  {:34} {}", setting.key, setting.shown.as_deref().unwrap_or("not set"));
    }
    println!("\nWhat follows:");
    for finding in &checked.findings {
        let word = match finding.weight {
            Weight::Failure => "FAILS",
            Weight::Warning => "warns",
            Weight::Note => "note ",
        };
        println!("  {word}  {} {}", finding.setting, finding.text);
    }
    for words in &checked.good {
        println!("  ok     {words}");
    }
    Ok(())
}
