//! `throughline audit`: whether the record of who did what is still the one that was written.

use anyhow::{Context, bail};
use clap::Subcommand;
use throughline::audit::{self, Broken, Noted, Verified};
use throughline::config::{Config, Sources};
use throughline::db::{self, Store};

/// What can be done with the audit.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Walk the chain of sealed rows and name the first that was changed, moved, put in or taken out. Exits with 1 then.
    Verify {
        /// The end of the chain as an earlier run printed it (`SEQ:SEAL`), kept outside of the database.
        #[arg(long, value_name = "SEQ:SEAL")]
        noted: Option<Noted>,
    },
}

/// Runs a command.
pub async fn run(command: AuditCommand) -> anyhow::Result<()> {
    let AuditCommand::Verify { noted } = command;
    let url = Config::load(&Sources::of_process()?)?.database_url;
    if let Some(missing) = db::sqlite_path(&url).filter(|path| !path.exists()) {
        bail!("there is no database at {}: nothing was verified. Set DATABASE_URL to the one you mean", missing.display());
    }
    let store = tokio::task::spawn_blocking(move || {
        db::migrate::ensure_current(&url)?;
        Store::open(&url)
    })
    .await??;
    let found = audit::verify(&store, noted).await.context("reading the audit");
    store.close().await;
    tell(&found?)
}

#[expect(clippy::print_stdout, reason = "the answer to the question that was asked")]
fn tell(found: &Verified) -> anyhow::Result<()> {
    for Broken { seq, id, why } in &found.broken {
        let row = id.map(|id| format!(" (row {id} of audit)")).unwrap_or_default();
        println!("{seq}{row}: {why}");
    }
    println!("{} rows are sealed, {} wait to be sealed, {} values were erased", found.sealed, found.unsealed, found.erased);
    if let Some(first) = found.broken.first() {
        bail!("the audit is not the one that was written: the first break is at {}. Compare with a backup from before", first.seq);
    }
    if let Some(Noted { seq, seal }) = &found.end {
        println!("The chain holds. It ends at {seq}:{seal}");
    }
    Ok(())
}
