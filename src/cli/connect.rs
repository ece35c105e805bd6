//! `throughline connect`: connects a provider without a browser.

use std::io::Read;

use anyhow::Context;
use clap::Subcommand;
use secrecy::SecretString;
use throughline::config::{Config, Sources};
use throughline::connections::{self, ConnectForm, Occasion};

use super::start;

/// What can be connected.
#[derive(Debug, Subcommand)]
pub enum ConnectCommand {
    /// Connect Zoho with a self client's refresh token. The client comes from ZOHO_CLIENT_ID and ZOHO_CLIENT_SECRET, the
    /// refresh token from standard input.
    Zoho,
}

/// Runs a command.
pub async fn run(command: ConnectCommand) -> anyhow::Result<()> {
    let ConnectCommand::Zoho = command;
    let config = Config::load(&Sources::of_process()?)?;
    let mut refresh_token = String::new();
    std::io::stdin().read_to_string(&mut refresh_token).context("reading the refresh token from standard input")?;
    let app = start::app(config).await?;
    let form = ConnectForm { client_id: None, client_secret: None, refresh_token: SecretString::from(refresh_token.trim()) };
    let connected = connections::connect(&app, form, Occasion::Any { actor: "cli".into(), address: None }).await;
    app.store.close().await;
    let connected = connected.context("Zoho was not connected, and nothing was changed")?;
    tracing::info!(api_url = connected.api_url, "Zoho is connected");
    if let Some(advice) = connected.advice {
        tracing::warn!("{advice}");
    }
    Ok(())
}
