//! What an import would do, found out by reading the file and asking what is there; nothing is written.

use super::columns::Plan;
use super::compare::{Change, compare};
use super::rows::{self, RefusedRow, Rows, WantedRow};
use crate::catalog::model::{PriceList, PriceListId};
use crate::catalog::price_list_queries;
use crate::catalog::queries::{self, NewPrice};
use crate::config::Config;
use crate::db::Conn;
use crate::money::Money;
use crate::seller;

/// Products asked for at once.
const CHUNK: usize = 500;
/// Changes, and refused rows, that are shown one by one.
pub const SHOWN: usize = 50;

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Preview {
    pub created: usize,
    pub changed: usize,
    pub unchanged: usize,
    /// In the order of the file.
    pub refused: Vec<RefusedRow>,
    /// The first rows that would change something.
    pub first: Vec<Line>,
    /// Columns that nothing is taken from.
    pub left_out: Vec<String>,
}

/// A row that would change something.
#[derive(Clone, Debug)]
pub struct Line {
    pub line: u64,
    pub sku: String,
    pub is_new: bool,
    pub name: String,
    /// Each difference in words.
    pub changes: Vec<String>,
}

/// Reads a file by the lists of prices and the languages there are now. Err: why it cannot be taken over, in words.
pub fn recognise(conn: &mut Conn, config: &Config, content: &[u8]) -> diesel::QueryResult<Result<(Plan, Rows), String>> {
    let (lists, seller) = (price_list_queries::all(conn)?, seller::current(conn, config)?);
    let plan = rows::header(content).and_then(|header| Plan::of(&header, &lists, seller.main_language()));
    Ok(plan.and_then(|plan| {
        let rows = rows::read(content, &plan)?;
        if rows.count() == 0 { Err("the file has no rows".into()) } else { Ok((plan, rows)) }
    }))
}

/// Looks through a file that was read.
pub fn preview(conn: &mut Conn, plan: &Plan, rows: Rows) -> diesel::QueryResult<Preview> {
    let lists = price_list_queries::all(conn)?;
    let left_out = plan.left_out().into_iter().map(str::to_owned).collect();
    let mut found = Preview { refused: rows.refused, left_out, ..Preview::default() };
    for chunk in rows.wanted.chunks(CHUNK) {
        let keys: Vec<String> = chunk.iter().map(WantedRow::key).collect();
        let there = queries::wholes(conn, &keys)?;
        for (row, key) in chunk.iter().zip(&keys) {
            match compare(row, there.get(key)) {
                Ok(change) => found.note(row, change, &lists),
                Err(why) => found.refused.push(RefusedRow { line: row.line, why }),
            }
        }
    }
    found.refused.sort_by_key(|refused| refused.line);
    Ok(found)
}

impl Preview {
    fn note(&mut self, row: &WantedRow, change: Change, lists: &[PriceList]) {
        let (is_new, facts, changes) = match change {
            Change::Unchanged => {
                self.unchanged += 1;
                return;
            }
            Change::New { facts, prices } => {
                self.created += 1;
                (true, facts, prices.iter().map(|price| price_in_words(price, None, lists)).collect())
            }
            Change::Changed(changed) => {
                self.changed += 1;
                let mut changes = changed.in_words();
                changes.extend(changed.prices.iter().map(|(price, now)| price_in_words(price, *now, lists)));
                (false, changed.after, changes)
            }
        };
        if self.first.len() < SHOWN {
            let name = facts.names.first().map(|(_, name)| name.to_owned()).unwrap_or_default();
            self.first.push(Line { line: row.line, sku: facts.sku, is_new, name, changes });
        }
    }
}

/// `Retail 2026: EUR 28.95 → EUR 29.95`
fn price_in_words(price: &NewPrice, now: Option<i64>, lists: &[PriceList]) -> String {
    let find = |id: PriceListId| lists.iter().find(|list| list.id == id);
    let Some(list) = find(price.list) else { return "a price in a list that is gone".into() };
    let money = |amount_minor: i64| Money::new(amount_minor, list.currency).to_string();
    match now {
        Some(now) => format!("{}: {} → {}", list.name, money(now), money(price.amount_minor)),
        None => format!("{}: {}", list.name, money(price.amount_minor)),
    }
}
