//! What an import would do, found out by reading the file and asking what is there already; nothing is written.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use super::batches::{self, Batch};
use super::queries::{self, Refusal};
use super::row::{Row, Rules};
use crate::app::App;
use crate::error::{Error, Result};
use crate::leads::LeadStatus;

/// Rows that are shown as they would be stored.
const SHOWN: usize = 8;
/// Mistakes that are named with their line.
const MISTAKES: usize = 25;

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Records that were read.
    pub rows: i64,
    /// The whole file was read.
    pub is_whole: bool,
    pub queued: i64,
    pub sent: i64,
    pub failed: i64,
    pub cancelled: i64,
    /// Imported from this source before, or twice in the file.
    pub there: i64,
    pub refused: i64,
    pub noted: i64,
    /// The first rows, with their lines.
    pub first: Vec<(u64, Row)>,
    pub mistakes: Vec<Refusal>,
    /// Kinds of notes, with how many rows have them.
    pub notes: BTreeMap<String, i64>,
    /// Why the file could not be read to its end.
    pub broke_off: Option<String>,
}

/// Reads at most `rows_max` rows. `told` hears after each batch how many bytes were read.
pub async fn survey(
    app: &App,
    (input, rules): (impl Read + Send + 'static, Rules),
    source: &str,
    rows_max: i64,
    mut told: impl FnMut(i64),
) -> Result<Survey> {
    let mut found = Survey::default();
    let mut batches = batches::read(input, rules, 0);
    // Of a whole big file: 16 bytes a row in place of its text.
    let mut seen = BTreeSet::new();
    while let Some(batch) = batches.recv().await {
        let batch = match batch {
            Ok(batch) => batch,
            Err(why) => {
                found.broke_off = Some(why);
                return Ok(found);
            }
        };
        told(batch.bytes);
        let keys: Vec<String> = batch.rows.iter().map(|(_, row)| row.key.clone()).collect();
        let twice = keys.iter().filter(|key| !seen.insert(u128::from_str_radix(key, 16).unwrap_or_default())).count();
        let source = source.to_owned();
        let marked = app.store.read(move |conn| queries::count_marked(conn, &source, &keys).map_err(Error::from)).await?;
        found.there += marked + i64::try_from(twice).unwrap_or(i64::MAX);
        found.add(batch);
        if found.rows >= rows_max {
            return Ok(found);
        }
    }
    found.is_whole = true;
    Ok(found)
}

impl Survey {
    fn add(&mut self, batch: Batch) {
        self.rows += batch.to - batch.from;
        self.refused += i64::try_from(batch.refused.len()).unwrap_or(i64::MAX);
        let room = MISTAKES - self.mistakes.len();
        self.mistakes.extend(batch.refused.into_iter().take(room));
        for (line, row) in batch.rows {
            *match row.lead.status {
                LeadStatus::Sent => &mut self.sent,
                LeadStatus::Failed => &mut self.failed,
                LeadStatus::Cancelled => &mut self.cancelled,
                _ => &mut self.queued,
            } += 1;
            self.noted += i64::from(!row.notes.is_empty());
            for note in &row.notes {
                // What differs from row to row would make a kind of each.
                if self.notes.len() < MISTAKES || self.notes.contains_key(note) {
                    *self.notes.entry(note.clone()).or_default() += 1;
                }
            }
            if self.first.len() < SHOWN {
                self.first.push((line, row));
            }
        }
    }
}
