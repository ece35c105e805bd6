//! What can be done with an import, each in one transaction.

use serde_json::json;

use super::import_job::RunImport;
use super::model::{Import, ImportId, ImportState, NewImport};
use super::plan::Plan;
use super::{queries, staged};
use crate::audit::{self, Act};
use crate::clock::UtcTime;
use crate::db::{Topic, Tx};
use crate::error::{Error, Result};
use crate::line::LineId;
use crate::outbox::admin::Request;
use crate::outbox::{JobId, NewJob, enqueue};

/// Writes down an import that is begun on the command line.
pub fn begin(tx: &mut Tx<'_>, now: UtcTime, new: &NewImport) -> Result<ImportId> {
    let id = queries::insert(tx, now, new)?;
    let by = Request { actor: new.created_by.clone(), reason: None, address: None, now };
    tell(tx, (id, "imports.start"), json!({ "file": new.file_name, "source": new.source }), &by)?;
    Ok(id)
}

/// Chooses the columns of an uploaded file and the name of where it comes from.
pub fn choose(tx: &mut Tx<'_>, id: ImportId, (source, plan): (&str, &Plan), now: UtcTime) -> Result<()> {
    if queries::choose(tx, now, id, (source, plan))? == 0 {
        return Err(Error::Conflict("This import has been started or ended meanwhile: its columns stay as they are.".into()));
    }
    Ok(())
}

/// Starts an uploaded import: from here on a job works on it.
pub fn start(tx: &mut Tx<'_>, id: ImportId, line: &LineId, by: &Request) -> Result<JobId> {
    let import = queries::find(tx.conn(), id)?.ok_or(Error::NotFound("import"))?;
    if import.state == ImportState::Staged && !has_whole_file(tx, &import)? {
        return Err(Error::Conflict("This file has not come whole: its upload was cut off. Discard it and upload it again.".into()));
    }
    if queries::turn(tx, by.now, id, (ImportState::Staged, ImportState::Running))? == 0 {
        return Err(Error::Conflict("This import has been started or ended meanwhile.".into()));
    }
    tell(tx, (id, "imports.start"), json!({ "state": ImportState::Running }), by)?;
    Ok(work(tx, id, line, by.now)?)
}

fn has_whole_file(tx: &mut Tx<'_>, import: &Import) -> diesel::QueryResult<bool> {
    Ok(import.has_come() && queries::count_pieces(tx.conn(), import.id)? == staged::pieces_of(import.file_bytes))
}

/// Lets a running import go on that stands still.
pub fn go_on(tx: &mut Tx<'_>, id: ImportId, line: &LineId, by: &Request) -> Result<JobId> {
    let import = queries::find(tx.conn(), id)?.ok_or(Error::NotFound("import"))?;
    if import.state != ImportState::Running {
        return Err(Error::Conflict("This import has ended.".into()));
    }
    queries::say(tx, by.now, id, None)?;
    tell(tx, (id, "imports.go_on"), json!({ "rows_done": import.standing.rows_done }), by)?;
    Ok(work(tx, id, line, by.now)?)
}

/// Ends an import. What it has brought until now stays.
pub fn cancel(tx: &mut Tx<'_>, id: ImportId, by: &Request) -> Result<()> {
    let ended = [ImportState::Staged, ImportState::Running]
        .iter()
        .map(|from| queries::turn(tx, by.now, id, (*from, ImportState::Cancelled)))
        .sum::<diesel::QueryResult<usize>>()?;
    if ended == 0 {
        return Err(Error::Conflict("This import has ended already.".into()));
    }
    tell(tx, (id, "imports.cancel"), json!({ "state": ImportState::Cancelled }), by)
}

/// Writes down that somebody fetched the rows that were refused: personal data leaves the program there.
pub fn refused_fetched(tx: &mut Tx<'_>, id: ImportId, by: &Request) -> Result<()> {
    let import = queries::find(tx.conn(), id)?.ok_or(Error::NotFound("import"))?;
    tell(tx, (id, "imports.fetch_refused"), json!({ "refused": import.standing.refused }), by)
}

fn work(tx: &mut Tx<'_>, id: ImportId, line: &LineId, now: UtcTime) -> diesel::QueryResult<JobId> {
    let subject = id.subject();
    let unique_key = Some(subject.as_str());
    enqueue(tx, now, &NewJob { job: &RunImport { import: id }, line, subject: &subject, unique_key, order_key: None, run_at: now })
}

fn tell(tx: &mut Tx<'_>, (id, action): (ImportId, &'static str), after: serde_json::Value, by: &Request) -> Result<()> {
    tx.touch(Topic::Jobs);
    let act = Act {
        actor: &by.actor,
        action,
        subject: &id.subject(),
        line: None,
        reason: by.reason.as_deref(),
        before: None,
        after: Some(after),
        address: by.address.as_deref(),
    };
    Ok(audit::record(tx, by.now, &act)?)
}
