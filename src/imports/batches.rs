//! A file turned into batches of checked rows on a thread of its own, a few ahead of whoever writes them: parsing holds up neither
//! the writer nor the requests, and a file of any size takes the same memory.

use std::io::Read;

use serde_json::Value;
use tokio::sync::mpsc;

use super::plan::Plan;
use super::queries::Refusal;
use super::row::{self, Row, Rules};
use crate::records::{COLUMNS_MAX, Content, Format, Record, Records};

/// Rows of one batch: a lead is a handful of rows in the database, and a chunk of the bulk channel has 500 at most.
pub const ROWS: usize = 100;
/// Bytes of the file after which a batch ends besides: rows may hold long conversations, and the writer holds everybody up
/// meanwhile.
pub const BYTES: i64 = 4 * 1024 * 1024;
/// Batches that wait for the writer.
const AHEAD: usize = 2;
/// Records of NDJSON that are looked at for the names of columns.
const SAMPLE: usize = 200;

/// Some records that follow each other, read and checked.
#[derive(Debug)]
pub struct Batch {
    /// How many records of the file lie before it.
    pub from: i64,
    pub to: i64,
    /// Bytes of the file up to its end.
    pub bytes: i64,
    pub rows: Vec<(u64, Row)>,
    pub refused: Vec<Refusal>,
}

/// What a file is, before anything of it is imported.
#[derive(Debug)]
pub struct Recognised {
    pub format: Format,
    pub columns: Vec<String>,
}

/// Looks at the beginning of a file.
pub fn recognise(input: impl Read + Send + 'static) -> Result<Recognised, String> {
    let (format, mut records) = Records::open(input)?;
    let mut columns = records.header().to_vec();
    if format == Format::Ndjson {
        for _ in 0..SAMPLE {
            let Some(record) = records.next_record()? else { break };
            let Content::Object(members) = record.content else { continue };
            columns.extend(members.into_iter().map(|(name, _)| name).filter(|name| !columns.contains(name)).collect::<Vec<_>>());
        }
        columns.truncate(COLUMNS_MAX);
    }
    Ok(Recognised { format, columns })
}

/// Reads a file in batches from record `from` on. An Err is the last thing that comes: the file cannot be read any further.
pub fn read(input: impl Read + Send + 'static, rules: Rules, from: i64) -> mpsc::Receiver<Result<Batch, String>> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        let send = |batch| sender.blocking_send(Ok(batch)).is_ok();
        if let Err(why) = read_all(input, &rules, from, send) {
            // Whoever waited for it has gone.
            let _nobody = sender.blocking_send(Err(why));
        }
    });
    receiver
}

fn read_all(input: impl Read + Send + 'static, rules: &Rules, from: i64, send: impl Fn(Batch) -> bool) -> Result<(), String> {
    let (format, mut records) = Records::open(input)?;
    if format != rules.plan.format {
        return Err("the file is not the one that was looked at".into());
    }
    let header = records.header().to_vec();
    let mut batch = Batch { from, to: from, bytes: 0, rows: Vec::new(), refused: Vec::new() };
    for _ in 0..from {
        let Some(record) = records.next_record()? else { return Ok(()) };
        batch.bytes = record.ends_at();
    }
    let mut began_at = batch.bytes;
    while let Some(record) = records.next_record()? {
        batch.add(rules, &header, record);
        if batch.is_full(began_at) {
            began_at = batch.bytes;
            let next = Batch { from: batch.to, to: batch.to, bytes: batch.bytes, rows: Vec::new(), refused: Vec::new() };
            if !send(std::mem::replace(&mut batch, next)) {
                return Ok(());
            }
        }
    }
    if batch.to > batch.from {
        send(batch);
    }
    Ok(())
}

impl Batch {
    fn is_full(&self, began_at: i64) -> bool {
        self.rows.len() + self.refused.len() >= ROWS || self.bytes - began_at >= BYTES
    }

    fn add(&mut self, rules: &Rules, header: &[String], record: Record) {
        self.to += 1;
        self.bytes = record.ends_at();
        match row::read(rules, header, record.content.clone()) {
            Ok(row) => self.rows.push((record.line, row)),
            Err(mistakes) => self.refused.push(refusal(record, &mistakes)),
        }
    }
}

fn refusal(record: Record, mistakes: &[String]) -> Refusal {
    let content = match record.content {
        Content::Cells(cells) => Value::from(cells),
        Content::Object(members) => Value::Object(members),
        Content::Broken { shown, .. } => Value::String(shown),
    };
    // NUL stands in JSON as \u0000, which text can hold.
    let line = i64::try_from(record.line).unwrap_or(i64::MAX);
    Refusal { id: 0, line, why: mistakes.join("; ").replace('\0', ""), content: content.to_string() }
}

/// The plan that a file's own names suggest.
pub fn suggested(found: Recognised) -> Plan {
    Plan::guessed(found.format, found.columns)
}
