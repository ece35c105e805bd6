//! What happens to an import: it is staged, started, written chunk by chunk, ended. Each is one transaction.

use serde_json::{Value, json};

use super::compare::{Change, Changed, compare};
use super::import_job::ImportProducts;
use super::model::{ImportId, ImportState, NewImport, Standing};
use super::queries;
use super::rows::WantedRow;
use crate::catalog::model::{ProductFacts, ProductId, Source};
use crate::catalog::queries::{self as products, NewPrice};
use crate::catalog::tell;
use crate::db::{Topic, Tx};
use crate::error::{Error, Result};
use crate::line::LineId;
use crate::outbox::admin::Request;
use crate::outbox::{JobId, NewJob, enqueue};

/// Keeps an uploaded file until somebody starts it.
pub fn stage(tx: &mut Tx<'_>, new: &NewImport, by: &Request) -> Result<ImportId> {
    let id = queries::insert(tx, by.now, new)?;
    tx.touch(Topic::Catalog);
    tell(tx, ("catalog.stage_import", &id.subject()), (None, Some(json!({ "file": new.file_name, "rows": new.row_count }))), by)?;
    Ok(id)
}

/// Starts a staged import without a job: whoever calls this does the work.
pub fn begin(tx: &mut Tx<'_>, id: ImportId, by: &Request) -> Result<()> {
    queries::turn(tx, by.now, id, (ImportState::Staged, ImportState::Running))?;
    tell(tx, ("catalog.start_import", &id.subject()), (None, Some(json!({ "state": ImportState::Running }))), by)
}

/// Starts a staged import, or lets one go on that stands still: from here on a job works on it.
pub fn start(tx: &mut Tx<'_>, id: ImportId, line: &LineId, by: &Request) -> Result<JobId> {
    let begun = queries::turn(tx, by.now, id, (ImportState::Staged, ImportState::Running))?;
    if begun == 0 && queries::turn(tx, by.now, id, (ImportState::Running, ImportState::Running))? == 0 {
        return Err(Error::Conflict("This import has ended.".into()));
    }
    tx.touch(Topic::Catalog);
    tell(tx, ("catalog.start_import", &id.subject()), (None, Some(json!({ "state": ImportState::Running }))), by)?;
    let subject = id.subject();
    let unique_key = Some(subject.as_str());
    let job = &ImportProducts { import: id };
    Ok(enqueue(tx, by.now, &NewJob { job, line, subject: &subject, unique_key, order_key: None, run_at: by.now })?)
}

/// Ends an import. What it has brought until now stays.
pub fn cancel(tx: &mut Tx<'_>, id: ImportId, by: &Request) -> Result<()> {
    let mut ended = 0;
    for from in [ImportState::Staged, ImportState::Running] {
        ended += queries::turn(tx, by.now, id, (from, ImportState::Cancelled))?;
    }
    if ended == 0 {
        return Err(Error::Conflict("This import has ended already.".into()));
    }
    tx.touch(Topic::Catalog);
    tell(tx, ("catalog.cancel_import", &id.subject()), (None, Some(json!({ "state": ImportState::Cancelled }))), by)
}

/// Writes the next rows, under the condition that the import stands where it is believed to. None: it does not, and nothing was
/// written.
pub fn write_chunk(tx: &mut Tx<'_>, id: ImportId, (from, rows): (Standing, &[WantedRow]), by: &Request) -> Result<Option<Standing>> {
    let rows_done = from.rows_done + i64::try_from(rows.len()).unwrap_or(i64::MAX);
    if queries::advance(tx, by.now, id, (from.rows_done, Standing { rows_done, ..from }))? == 0 {
        tx.wrote_nothing();
        return Ok(None);
    }
    let keys: Vec<String> = rows.iter().map(WantedRow::key).collect();
    let there = products::wholes(tx.conn(), &keys)?;
    let mut standing = Standing { rows_done, ..from };
    for (row, key) in rows.iter().zip(&keys) {
        let change = compare(row, there.get(key)).map_err(|why| Error::Conflict(format!("Line {}: {why}", row.line)))?;
        match change {
            Change::Unchanged => standing.unchanged += 1,
            Change::New { facts, prices } => {
                add(tx, (&facts, &prices), by)?;
                standing.created += 1;
            }
            Change::Changed(changed) => {
                alter(tx, &changed, by)?;
                standing.changed += 1;
            }
        }
    }
    queries::advance(tx, by.now, id, (rows_done, standing))?;
    tx.touch(Topic::Catalog);
    Ok(Some(standing))
}

fn add(tx: &mut Tx<'_>, (facts, prices): (&ProductFacts, &[NewPrice]), by: &Request) -> Result<()> {
    let id = products::insert(tx, by.now, facts, Source::Import)?.ok_or_else(moving)?;
    set_prices(tx, (id, 1), prices, by)?;
    let told = json!({ "product": facts, "prices": prices.iter().map(told).collect::<Vec<_>>() });
    tell(tx, ("catalog.import_product", &id.subject()), (None, Some(told)), by)
}

fn alter(tx: &mut Tx<'_>, changed: &Changed, by: &Request) -> Result<()> {
    let Changed { id, mut version, before, after, prices } = changed.clone();
    if before != after {
        if !products::replace(tx, by.now, (id, version), &after)? {
            return Err(moving());
        }
        version += 1;
    }
    let new: Vec<NewPrice> = prices.iter().map(|(price, _)| *price).collect();
    set_prices(tx, (id, version), &new, by)?;
    let old: Vec<Value> =
        prices.iter().filter_map(|(price, now)| now.map(|amount_minor| told(&NewPrice { amount_minor, ..*price }))).collect();
    let before = json!({ "product": before, "prices": old });
    let after = json!({ "product": after, "prices": new.iter().map(told).collect::<Vec<_>>() });
    tell(tx, ("catalog.import_product", &id.subject()), (Some(before), Some(after)), by)
}

fn set_prices(tx: &mut Tx<'_>, at: (ProductId, i64), prices: &[NewPrice], by: &Request) -> Result<()> {
    if prices.is_empty() {
        return Ok(());
    }
    if !products::touch(tx, by.now, at, true)? {
        return Err(moving());
    }
    for price in prices {
        products::set_price(tx, by.now, at.0, *price)?;
    }
    Ok(())
}

fn told(price: &NewPrice) -> Value {
    json!({ "price_list": price.list, "min_quantity": price.min_quantity, "amount_minor": price.amount_minor })
}

/// Somebody changes a product at this very moment: the chunk is written again a little later, over what they saved.
fn moving() -> Error {
    Error::Unavailable("a product of this file is being changed by somebody else at this moment".into())
}
