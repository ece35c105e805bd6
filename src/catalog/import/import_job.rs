//! Works through a file of products. A run that was cut off goes on where it was; of two at once one steps back.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::model::{ImportId, ImportState, ProductImport, Standing};
use super::{actions, queries, rows};
use crate::app::App;
use crate::db::{Conn, Topic, Tx, WriteError};
use crate::error::{Error, Result};
use crate::integrations::{Failure, FailureClass};
use crate::outbox::admin::Request;
use crate::outbox::{Claimed, Job, Lane, Outcome, Repeatable, Report};

/// Rows of one chunk: a product is some eight rows of the database, and a chunk of the bulk channel has 500 at most.
const CHUNK_ROWS: usize = 50;

/// Takes one file over, or what is left of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImportProducts {
    pub import: ImportId,
}

impl Job for ImportProducts {
    const KIND: &'static str = "catalog.import";
    const LANE: Lane = Lane::Backfill;
    // A row is compared with what is there: the second time it changes nothing.
    const REPEATABLE: Repeatable = Repeatable::Always;
    const TIMEOUT_S: u64 = 10 * 60;
    const MIRRORS: bool = false;

    async fn run_batch(app: &App, members: &[Claimed<Self>]) -> Vec<Report> {
        let mut reports = Vec::with_capacity(members.len());
        for member in members {
            reports.push(import(app, member.job.import).await.into());
        }
        reports
    }
}

async fn import(app: &App, id: ImportId) -> Outcome {
    match work(app, id).await {
        Ok(Standing { rows_done, created, changed, unchanged }) => {
            Outcome::Done(json!({ "rows": rows_done, "created": created, "changed": changed, "unchanged": unchanged }))
        }
        Err(cause) => {
            let (now, why) = (app.clock.now(), cause.to_string());
            let said = why.clone();
            let say = move |tx: &mut Tx<'_>| -> Result<()> {
                queries::say(tx, now, id, &said)?;
                tx.touch(Topic::Catalog);
                Ok(())
            };
            if let Err(cause) = app.store.write("catalog.import_stands", &id.subject(), say).await {
                tracing::warn!(error = %Error::from(cause), "Why an import of products stands still could not be written down");
            }
            let is_passing = matches!(cause, Error::Unavailable(_));
            Outcome::Failed(Failure::of_record(if is_passing { FailureClass::Network } else { FailureClass::Validation }, why))
        }
    }
}

/// Takes over what is left of a running import.
pub async fn work(app: &App, id: ImportId) -> Result<Standing> {
    let read = move |conn: &mut Conn| -> Result<(ProductImport, Option<Vec<u8>>)> {
        Ok((queries::find(conn, id)?.ok_or(Error::NotFound("import"))?, queries::content(conn, id)?))
    };
    let (import, content) = app.store.read(read).await?;
    let Some(content) = content.filter(|_| import.state == ImportState::Running) else { return Ok(import.standing) };
    let file = rows::read(&content, &import.plan()?).map_err(Error::Conflict)?;
    let mut standing = import.standing;
    let done = usize::try_from(standing.rows_done).unwrap_or(usize::MAX).min(file.wanted.len());
    for chunk in file.wanted[done..].chunks(CHUNK_ROWS) {
        let by = Request { actor: import.created_by.clone(), reason: Some(id.subject()), address: None, now: app.clock.now() };
        let (from, chunk) = (standing, chunk.to_vec());
        let write = move |tx: &mut Tx<'_>| actions::write_chunk(tx, id, (from, &chunk), &by);
        let written: std::result::Result<_, WriteError<Error>> = app.store.write_bulk("catalog.import", write).await;
        match written? {
            Some(further) => standing = further,
            None => return Ok(standing),
        }
    }
    let now = app.clock.now();
    let finish = move |tx: &mut Tx<'_>| -> Result<()> {
        queries::turn(tx, now, id, (ImportState::Running, ImportState::Done))?;
        tx.touch(Topic::Catalog);
        Ok(())
    };
    app.store.write("catalog.import_done", &id.subject(), finish).await?;
    Ok(standing)
}
