//! `throughline user`: people who may sign in, made without a browser.

use std::io::Read;

use anyhow::Context;
use clap::Subcommand;
use throughline::accounts::{self, NewUser, Passwords, Role};
use throughline::config::{Config, Sources};

use super::start;

/// What can be done with users.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Create a user; the password is read from standard input.
    Create {
        /// The mail address to sign in with.
        #[arg(long)]
        email: String,
        /// viewer, operator or admin.
        #[arg(long, value_parser = role)]
        role: Role,
        /// The name shown to others; by default the part of the address before the @.
        #[arg(long, default_value = "")]
        name: String,
        /// Read the password from standard input (there is no other way: arguments are seen by every process).
        #[arg(long, required = true)]
        password_stdin: bool,
    },
}

fn role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| "use viewer, operator or admin".into())
}

/// Runs a command.
pub async fn run(command: UserCommand) -> anyhow::Result<()> {
    let UserCommand::Create { email, role, name, password_stdin: _ } = command;
    let mut password = String::new();
    std::io::stdin().read_to_string(&mut password).context("reading the password from standard input")?;
    let password = password.trim_end_matches(['\r', '\n']).to_owned();
    let app = start::app(Config::load(&Sources::of_process()?)?).await?;
    let new = NewUser { email: email.clone(), name, role, password };
    let created = accounts::create_user(&app, &Passwords::default(), new, "cli").await;
    app.store.close().await;
    created.with_context(|| format!("the user {email} was not created"))?;
    tracing::info!(role = role.as_str(), "The user was created");
    Ok(())
}
