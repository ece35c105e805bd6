//! `throughline import products`: products and prices from a CSV file, beside a running `serve` or without one.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use throughline::app::App;
use throughline::catalog::import::preview::{self, Preview};
use throughline::catalog::import::{NewImport, Plan, Rows, actions, work};
use throughline::config::{Config, Sources};
use throughline::db::{Conn, Tx};
use throughline::outbox::admin::Request;
use throughline::{Error, Result};

use super::{Partly, start};

/// Which file.
#[derive(Debug, Args)]
pub struct ProductsArguments {
    /// The file: CSV in UTF-8 with the names of the columns in its first line (docs/catalog.md).
    file: PathBuf,
    /// Only say what would change.
    #[arg(long)]
    dry_run: bool,
}

/// Runs the command.
pub async fn run(arguments: &ProductsArguments) -> anyhow::Result<()> {
    let path = arguments.file.display();
    let content = std::fs::read(&arguments.file).with_context(|| format!("{path} cannot be read; nothing was imported"))?;
    let name = arguments.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let app = start::app(Config::load(&Sources::of_process()?)?).await?;
    let done = import(&app, arguments, (name, content)).await;
    app.store.close().await;
    done
}

async fn import(app: &App, arguments: &ProductsArguments, (file_name, content): (String, Vec<u8>)) -> anyhow::Result<()> {
    let (config, bytes) = (app.config.clone(), content.clone());
    let look = move |conn: &mut Conn| -> Result<std::result::Result<(Plan, i64, Preview), String>> {
        let (plan, rows): (Plan, Rows) = match preview::recognise(conn, &config, &bytes)? {
            Ok(recognised) => recognised,
            Err(why) => return Ok(Err(why)),
        };
        let count = rows.count();
        let found = preview::preview(conn, &plan, rows)?;
        Ok(Ok((plan, count, found)))
    };
    let (plan, row_count, found) = match app.store.read(look).await? {
        Ok(found) => found,
        Err(why) => bail!("nothing was imported: {why}"),
    };
    tell(&in_words(&found));
    if !found.refused.is_empty() {
        return Err(Partly.into());
    }
    if arguments.dry_run || found.created + found.changed == 0 {
        return Ok(());
    }
    let created_by = String::from("cli");
    let by = Request { actor: created_by.clone(), reason: None, address: None, now: app.clock.now() };
    let new = NewImport { file_name: file_name.chars().take(200).collect(), content, plan, row_count, created_by };
    let begin = move |tx: &mut Tx<'_>| {
        let id = actions::stage(tx, &new, &by)?;
        actions::begin(tx, id, &by).map(|()| id)
    };
    let id = app.store.write("catalog.import_begin", "product_imports", begin).await.map_err(Error::from)?;
    let done = work(app, id).await.context("stopped part of the way; run the same command again, it does what is left")?;
    tell(&format!("{} added, {} changed, {} unchanged.\n", done.created, done.changed, done.unchanged));
    Ok(())
}

/// What it would do, with each row that cannot be taken over.
fn in_words(found: &Preview) -> String {
    let mut text = String::new();
    for row in &found.refused {
        let _infallible = writeln!(text, "line {}: {}", row.line, row.why);
    }
    if !found.left_out.is_empty() {
        let _infallible = writeln!(text, "Columns that nothing is taken from: {}", found.left_out.join(", "));
    }
    let refused = found.refused.len();
    let counts = format!("{} new, {} changed, {} unchanged, {refused} refused", found.created, found.changed, found.unchanged);
    let _infallible = writeln!(text, "{counts}{}.", if refused > 0 { "; nothing was imported" } else { "" });
    text
}

#[expect(clippy::print_stdout, reason = "the answer to what was asked")]
fn tell(text: &str) {
    print!("{text}");
}
