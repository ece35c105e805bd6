//! Imports a file chunk by chunk. Rows, counts and place are one transaction, under the condition that the import stands where
//! this run believes it to: a run that was killed goes on where it was, and of two at once one steps back.

use std::io::Read;

use serde_json::json;
use tokio::sync::mpsc;

use super::batches::{self, Batch};
use super::model::{Import, ImportId, ImportState, Standing};
use super::plan::Plan;
use super::queries::{self, Mark};
use super::row::{Row, Rules};
use crate::app::App;
use crate::clock::UtcTime;
use crate::db::{Topic, Tx, WriteError};
use crate::error::{Error, Result};
use crate::leads::LeadStatus;
use crate::leads::old_leads::{self, Arrival};
use crate::seller;

/// Refused rows that one import keeps; more are counted.
pub const REFUSALS_MAX: i64 = 10_000;

/// An import under way.
pub struct Run {
    app: App,
    import: Import,
    batches: mpsc::Receiver<std::result::Result<Batch, String>>,
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is more.
    On(Standing),
    /// The whole file is done.
    Done(Standing),
    /// Somebody has ended the import, or another run is further: this one is over.
    SteppedBack,
}

impl Run {
    /// Begins where the import stands.
    pub async fn begin(app: &App, import: Import, input: impl Read + Send + 'static) -> Result<Self> {
        let rules = rules(app, import.plan()?).await?;
        let batches = batches::read(input, rules, import.standing.rows_done);
        Ok(Self { app: app.clone(), import, batches })
    }

    /// Writes the next chunk. Err: the file or the database could not be read; nothing of the chunk was written.
    pub async fn step(&mut self) -> Result<Step> {
        let batch = match self.batches.recv().await {
            Some(Ok(batch)) => batch,
            Some(Err(why)) => return Err(Error::Conflict(why)),
            None => return self.finish().await,
        };
        let (now, id, source) = (self.app.clock.now(), self.import.id, self.import.source.clone());
        let chunk = Chunk::of(now, id, source, self.import.standing, batch);
        let written: std::result::Result<Option<Standing>, WriteError<Error>> =
            self.app.store.write_bulk("imports.chunk", move |tx| chunk.write(tx)).await;
        match written? {
            Some(standing) => {
                self.import.standing = standing;
                Ok(Step::On(standing))
            }
            None => Ok(Step::SteppedBack),
        }
    }

    async fn finish(&self) -> Result<Step> {
        let (now, id) = (self.app.clock.now(), self.import.id);
        let turn = move |tx: &mut Tx<'_>| -> Result<bool> {
            let turned = queries::turn(tx, now, id, (ImportState::Running, ImportState::Done))?;
            tx.touch(Topic::Leads);
            Ok(turned == 1)
        };
        let is_done = self.app.store.write("imports.finish", &id.subject(), turn).await?;
        if is_done {
            forget_file(&self.app, id).await?;
        }
        Ok(if is_done { Step::Done(self.import.standing) } else { Step::SteppedBack })
    }
}

/// What the rows of a file are read by: the seller's zone is the one that pages show times in.
pub async fn rules(app: &App, plan: Plan) -> Result<Rules> {
    let of = app.clone();
    let seller = app.store.read(move |conn| seller::current(conn, &of.config).map_err(Error::from)).await?;
    Ok(Rules { plan, zone: seller.zone, phone_region: app.config.phone_region.clone(), now: app.clock.now() })
}

/// Removes an uploaded file that is needed no more.
pub async fn forget_file(app: &App, id: ImportId) -> Result<()> {
    loop {
        let removed: std::result::Result<usize, WriteError<Error>> =
            app.store.write_bulk("imports.forget_file", move |tx| Ok(queries::remove_pieces(tx, id)?)).await;
        if removed? == 0 {
            return Ok(());
        }
    }
}

/// Everything that one transaction writes, made before it: the writer only writes.
struct Chunk {
    now: UtcTime,
    import: ImportId,
    source: String,
    from: Standing,
    batch: Batch,
    arrivals: Vec<Arrival>,
}

impl Chunk {
    fn of(now: UtcTime, import: ImportId, source: String, from: Standing, batch: Batch) -> Self {
        let arrivals = batch.rows.iter().map(|(line, row)| arrival(now, import, &source, (*line, row))).collect();
        Self { now, import, source, from, batch, arrivals }
    }

    /// None: the import is not where it was believed to be, and nothing was written.
    fn write(&self, tx: &mut Tx<'_>) -> Result<Option<Standing>> {
        let place = Standing { rows_done: self.batch.to, bytes_done: self.batch.bytes, ..self.from };
        if queries::advance(tx, self.now, self.import, (self.batch.from, place))? == 0 {
            return Ok(None);
        }
        let marks: Vec<Mark<'_>> = self
            .batch
            .rows
            .iter()
            .zip(&self.arrivals)
            .map(|((_, row), arrival)| Mark {
                source: &self.source,
                row_key: &row.key,
                line_id: arrival.line.as_str(),
                import_id: self.import,
            })
            .collect();
        let new = queries::mark(tx, &marks)?;
        let is_new = |arrival: &Arrival| new.iter().any(|line| line == arrival.line.as_str());
        let taken: Vec<&Arrival> = self.arrivals.iter().filter(|arrival| is_new(arrival)).collect();
        old_leads::take_over(tx, self.now, &taken)?;
        let room = usize::try_from((REFUSALS_MAX - self.from.refused).max(0)).unwrap_or_default();
        let kept = &self.batch.refused[..self.batch.refused.len().min(room)];
        queries::keep_refusals(tx, self.now, self.import, kept)?;
        let standing = self.counted(place, &taken);
        queries::advance(tx, self.now, self.import, (self.batch.to, standing))?;
        Ok(Some(standing))
    }

    fn counted(&self, place: Standing, taken: &[&Arrival]) -> Standing {
        let of = |states: &[LeadStatus]| count(taken.iter().filter(|arrival| states.contains(&arrival.lead.status)).count());
        let noted = taken.iter().filter(|arrival| arrival.told.get("notes").is_some()).count();
        Standing {
            queued: place.queued + of(&[LeadStatus::Pending]),
            sent: place.sent + of(&[LeadStatus::Sent, LeadStatus::Cancelled]),
            failed: place.failed + of(&[LeadStatus::Failed]),
            skipped: place.skipped + count(self.arrivals.len() - taken.len()),
            refused: place.refused + count(self.batch.refused.len()),
            noted: place.noted + count(noted),
            ..place
        }
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn arrival(now: UtcTime, import: ImportId, source: &str, (line, row): (u64, &Row)) -> Arrival {
    let mut told = json!({ "source": source, "import": import, "line": line, "state": row.lead.status });
    if let Some(id) = &row.old_id {
        told["id"] = id.as_str().into();
    }
    if !row.notes.is_empty() {
        told["notes"] = row.notes.clone().into();
    }
    let mut lead = row.lead.clone();
    lead.new.extra.insert("imported_from".into(), source.into());
    if let Some(id) = &row.old_id {
        lead.new.extra.insert("imported_id".into(), id.as_str().into());
    }
    if !row.notes.is_empty() {
        lead.new.extra.insert("import_notes".into(), row.notes.clone().into());
    }
    Arrival::new(now, lead, format!("{source}:{}", row.key), told)
}
