//! Works through an uploaded file as a job: whichever process takes it has the file from the database.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::model::{Import, ImportId, ImportState, Standing};
use super::queries;
use super::run::{Run, Step, forget_file};
use super::staged;
use crate::app::App;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::integrations::{Failure, FailureClass};
use crate::outbox::progress::Progress;
use crate::outbox::{Claimed, Job, Lane, Outcome, Repeatable, Report};

/// Chunks between two reports of how far it is: about a second's worth.
const REPORT_EVERY: u32 = 20;

/// Imports one file, or what is left of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunImport {
    pub import: ImportId,
}

impl Job for RunImport {
    const KIND: &'static str = "imports.run";
    const LANE: Lane = Lane::Backfill;
    // A run begins where the import stands, and no row is taken over twice.
    const REPEATABLE: Repeatable = Repeatable::Always;
    const TIMEOUT_S: u64 = 60 * 60;
    const MIRRORS: bool = false;

    async fn run_batch(app: &App, members: &[Claimed<Self>]) -> Vec<Report> {
        let mut reports = Vec::with_capacity(members.len());
        for member in members {
            reports.push(import(app, member).await.into());
        }
        reports
    }
}

async fn import(app: &App, member: &Claimed<RunImport>) -> Outcome {
    let id = member.job.import;
    match work(app, id, &member.progress).await {
        Ok(standing) => Outcome::Done(json!({
            "imported": standing.imported(), "skipped": standing.skipped, "refused": standing.refused, "rows": standing.rows_done,
        })),
        Err(cause) => {
            let why = cause.to_string();
            let (now, said) = (app.clock.now(), why.clone());
            let say = move |tx: &mut Tx<'_>| -> Result<usize> { Ok(queries::say(tx, now, id, Some(&said))?) };
            if let Err(cause) = app.store.write("imports.say", &id.subject(), say).await {
                tracing::warn!(error = %Error::from(cause), "Why an import stands still could not be written down");
            }
            Outcome::Failed(Failure::of_record(class(&cause), why))
        }
    }
}

fn class(cause: &Error) -> FailureClass {
    if matches!(cause, Error::Unavailable(_)) { FailureClass::Network } else { FailureClass::Validation }
}

async fn work(app: &App, id: ImportId, progress: &Progress) -> Result<Standing> {
    let read = move |conn: &mut crate::db::Conn| queries::find(conn, id).map_err(Error::from);
    let import: Import = app.store.read(read).await?.ok_or(Error::NotFound("import"))?;
    if import.state != ImportState::Running {
        forget_file(app, id).await?;
        return Ok(import.standing);
    }
    let bytes = import.file_bytes;
    let file = staged::file(app, (id, bytes));
    let mut run = Run::begin(app, import, file).await?;
    let mut chunks = 0_u32;
    loop {
        match run.step().await? {
            Step::Done(done) => return Ok(done),
            Step::SteppedBack => {
                let import = app.store.read(read).await?.ok_or(Error::NotFound("import"))?;
                if import.state != ImportState::Running {
                    forget_file(app, id).await?;
                }
                return Ok(import.standing);
            }
            Step::On(standing) if chunks.is_multiple_of(REPORT_EVERY) => {
                let message = format!("{} rows", standing.rows_done);
                if !progress.report(standing.bytes_done, Some(bytes), Some(&message)).await? {
                    return Ok(standing);
                }
            }
            Step::On(_) => {}
        }
        chunks += 1;
    }
}
