//! Takes an uploaded file in, as a form without script sends it, and looks at what it is. Nothing of it is kept in memory.

use std::time::Duration;

use chrono::TimeDelta;
use multer::{Constraints, Multipart, SizeLimit};
use rocket::data::{Data, ToByteUnit};
use rocket::http::{ContentType, Status};
use rocket::tokio;

use super::batches;
use super::model::{ImportId, ImportState, NewImport};
use super::plan::Plan;
use super::staged::{self, FILE_MAX_BYTES, Staging, Whole};
use super::{queries, run};
use crate::app::App;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::records::Format;
use crate::web::Problem;
use crate::web::upload::plain_name;

/// A slow line gets this long for a whole file.
const DEADLINE: Duration = Duration::from_secs(10 * 60);
/// Longer than any upload takes.
const GIVEN_UP_AFTER: TimeDelta = TimeDelta::minutes(11);
const CUT_OFF: &str = "the upload was cut off";
/// Uploaded files that wait to be started.
const STAGED_MAX: usize = 5;
const TEXT_MAX_BYTES: u64 = 1_024;
/// What the form has besides the file.
const REST_MAX_BYTES: u64 = 64 * 1024;
pub(super) const SOURCE_MAX: usize = 100;

/// Why an upload was not taken.
pub enum Refusal {
    /// What is wrong with the file, for the page.
    File(String),
    Problem(Problem),
    Error(Error),
}

impl Refusal {
    /// For the page of the import, which says nothing of how the database is.
    fn why(&self) -> &str {
        if let Self::File(why) = self { why } else { CUT_OFF }
    }
}

impl From<Error> for Refusal {
    fn from(cause: Error) -> Self {
        Self::Error(cause)
    }
}

/// Reads the form and keeps its file; the import waits for its columns to be looked over.
pub async fn receive(app: &App, kind: Option<&ContentType>, data: Data<'_>, actor: String) -> std::result::Result<ImportId, Refusal> {
    let Some(boundary) = kind.filter(|kind| kind.is_form_data()).and_then(|kind| kind.param("boundary")) else {
        return Err(Refusal::Problem(Problem::new(
            Status::UnsupportedMediaType,
            "This takes multipart/form-data, as a form with a file sends it",
        )));
    };
    forget_cut_off(app).await?;
    let waiting = app.store.read(|conn| queries::count_staged(conn, STAGED_MAX as i64).map_err(Error::from)).await?;
    if waiting >= STAGED_MAX {
        return Err(Refusal::File(format!("{STAGED_MAX} uploaded files wait to be imported: start or discard one of them first.")));
    }
    let limits = SizeLimit::new()
        .whole_stream(FILE_MAX_BYTES + REST_MAX_BYTES)
        .for_field("source", TEXT_MAX_BYTES)
        .for_field("file", FILE_MAX_BYTES);
    let constraints = Constraints::new().allowed_fields(vec!["source", "file"]).size_limit(limits);
    let stream = data.open((FILE_MAX_BYTES + REST_MAX_BYTES + 1).bytes());
    let form = Multipart::with_reader_with_constraints(stream, boundary, constraints);
    let mut begun = None;
    let taken = match tokio::time::timeout(DEADLINE, take(app, form, actor, &mut begun)).await {
        Ok(taken) => taken,
        Err(_elapsed) => Err(Refusal::Problem(Problem::new(Status::RequestTimeout, "The file did not arrive within 10 minutes"))),
    };
    if let (Err(refusal), Some(id)) = (&taken, begun) {
        give_up(app, id, refusal.why()).await?;
    }
    taken
}

/// Reads the form to the end of its file. `begun` is the import once it is written down: whoever waits no longer gives it up.
async fn take(app: &App, mut form: Multipart<'_>, actor: String, begun: &mut Option<ImportId>) -> std::result::Result<ImportId, Refusal> {
    let mut source = String::new();
    while let Some(mut field) = form.next_field().await.map_err(|cause| broken(&cause))? {
        if field.name() == Some("source") {
            source = field.text().await.map_err(|cause| broken(&cause))?;
            continue;
        }
        let name = field.file_name().map(plain_name).filter(|name| !name.is_empty());
        let Some(name) = name else { return Err(Refusal::File("Choose a file first.".into())) };
        let id = begin(app, (source_name(&source), name), actor).await?;
        *begun = Some(id);
        let mut staging = Staging::of(app, id);
        while let Some(bytes) = field.chunk().await.map_err(|cause| broken(&cause))? {
            staging.take(&bytes).await?;
        }
        let whole = staging.end().await?;
        return recognise(app, whole).await.map(|()| id);
    }
    Err(Refusal::File("Choose a file first.".into()))
}

/// Gives up what was being uploaded when a process ended: it would take the place of a file that waits.
async fn forget_cut_off(app: &App) -> Result<()> {
    let Some(before) = app.clock.now().checked_sub_signed(GIVEN_UP_AFTER) else { return Ok(()) };
    for id in app.store.read(move |conn| queries::cut_off(conn, before).map_err(Error::from)).await? {
        give_up(app, id, CUT_OFF).await?;
    }
    Ok(())
}

/// The columns as their names say. A file that is something else is told by name.
async fn recognise(app: &App, whole: Whole) -> std::result::Result<(), Refusal> {
    let file = staged::file(app, (whole.import, whole.bytes));
    let found = tokio::task::spawn_blocking(move || batches::recognise(file)).await;
    let found = found.map_err(|cause| Error::Internal(anyhow::Error::new(cause).context("looking at an uploaded file")))?;
    let plan = match found {
        Ok(found) => batches::suggested(found),
        Err(why) => return Err(Refusal::File(format!("Nothing was imported: {why}."))),
    };
    let (now, key) = (app.clock.now(), whole.import.subject());
    let complete = move |tx: &mut Tx<'_>| -> Result<usize> { Ok(queries::complete(tx, now, &whole, &plan)?) };
    match app.store.write("imports.staged", &key, complete).await.map_err(Error::from)? {
        0 => Err(Refusal::File("This upload was discarded before it had ended.".into())),
        _ => Ok(()),
    }
}

async fn begin(app: &App, (source, file_name): (String, String), created_by: String) -> Result<ImportId> {
    let plan = Plan::guessed(Format::Ndjson, Vec::new());
    let state = ImportState::Staged;
    let new = NewImport { source, file_name, file_hash: String::new(), file_bytes: 0, plan, state, created_by };
    let now = app.clock.now();
    let insert = move |tx: &mut Tx<'_>| -> Result<ImportId> { Ok(queries::insert(tx, now, &new)?) };
    Ok(app.store.write("imports.upload", "imports", insert).await?)
}

async fn give_up(app: &App, id: ImportId, why: &str) -> Result<()> {
    let (now, why) = (app.clock.now(), why.to_owned());
    let end = move |tx: &mut Tx<'_>| -> Result<usize> {
        queries::say(tx, now, id, Some(&why))?;
        Ok(queries::turn(tx, now, id, (ImportState::Staged, ImportState::Cancelled))?)
    };
    app.store.write("imports.give_up", &id.subject(), end).await.map_err(Error::from)?;
    run::forget_file(app, id).await
}

fn broken(cause: &multer::Error) -> Refusal {
    match cause {
        multer::Error::FieldSizeExceeded { .. } | multer::Error::StreamSizeExceeded { .. } => {
            let limit_mib = FILE_MAX_BYTES / 1024 / 1024;
            Refusal::File(format!("The file is larger than {limit_mib} MiB. Import it with the command: throughline import leads FILE."))
        }
        _ => Refusal::Problem(Problem::new(
            Status::BadRequest,
            "The form with the file could not be read: it broke off, or is not as browsers send it",
        )),
    }
}

/// The name of the older system, as it is kept.
pub(super) fn source_name(typed: &str) -> String {
    let name: String = typed.chars().filter(|c| !c.is_control()).take(SOURCE_MAX).collect();
    let name = name.trim();
    if name.is_empty() { "older system".into() } else { name.to_owned() }
}
