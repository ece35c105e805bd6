//! The rows of a file, read and checked one by one: by the same checks as the forms. Pure; what is there already is compared later.

use std::collections::HashMap;
use std::io::Cursor;

use super::columns::{Column, Plan};
use crate::catalog::form;
use crate::catalog::model::{Kind, PriceListId, TaxClass, key, sku};
use crate::catalog::queries::NewPrice;
use crate::records::{Content, Format, Record, Records};
use crate::seller::Language;
use crate::web::csv::bare;

/// The largest file.
pub const FILE_MAX_BYTES: usize = 2 * 1024 * 1024;
/// The most rows of one file.
pub const ROWS_MAX: usize = 5_000;

/// What one row says of a product. A cell that is empty says nothing: what is there stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WantedRow {
    /// In the file.
    pub line: u64,
    pub sku: String,
    pub kind: Option<Kind>,
    pub category: Option<String>,
    pub tax_class: Option<TaxClass>,
    pub is_active: Option<bool>,
    pub image_url: Option<String>,
    pub names: Vec<(Language, String)>,
    pub prices: Vec<NewPrice>,
}

impl WantedRow {
    /// What the product is known by.
    pub fn key(&self) -> String {
        key(&self.sku)
    }
}

/// A row that cannot be taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRow {
    pub line: u64,
    pub why: String,
}

/// A whole file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    pub wanted: Vec<WantedRow>,
    pub refused: Vec<RefusedRow>,
}

impl Rows {
    /// How many there are, refused ones too.
    pub fn count(&self) -> i64 {
        i64::try_from(self.wanted.len() + self.refused.len()).unwrap_or(i64::MAX)
    }
}

/// The header of a CSV file, or why it is none.
pub fn header(content: &[u8]) -> Result<Vec<String>, String> {
    open(content).map(|records| records.header().to_vec())
}

/// Reads a file by its plan. Err: it cannot be read, or has too many rows.
pub fn read(content: &[u8], plan: &Plan) -> Result<Rows, String> {
    let mut records = open(content)?;
    let (mut rows, mut seen): (Rows, HashMap<String, u64>) = (Rows::default(), HashMap::new());
    while let Some(record) = records.next_record()? {
        if rows.wanted.len() + rows.refused.len() == ROWS_MAX {
            return Err(format!("the file has more than {ROWS_MAX} rows: split it"));
        }
        let line = record.line;
        let read = row(record, plan).and_then(|row| match seen.insert(row.key(), line) {
            None => Ok(row),
            Some(first) => Err(format!("the SKU stands in line {first} already")),
        });
        match read {
            Ok(row) => rows.wanted.push(row),
            Err(why) => rows.refused.push(RefusedRow { line, why }),
        }
    }
    Ok(rows)
}

fn open(content: &[u8]) -> Result<Records, String> {
    if content.len() > FILE_MAX_BYTES {
        return Err(format!("the file is larger than {} MiB: split it", FILE_MAX_BYTES / 1024 / 1024));
    }
    match Records::open(Cursor::new(content.to_vec()))? {
        (Format::Csv { .. }, records) => Ok(records),
        (Format::Ndjson, _) => Err("the file holds JSON: products are read from CSV".into()),
    }
}

fn row(record: Record, plan: &Plan) -> Result<WantedRow, String> {
    let cells = match record.content {
        Content::Cells(cells) => cells,
        Content::Broken { why, .. } => return Err(format!("the row {why}")),
        Content::Object(_) => return Err("the row is JSON".into()),
    };
    if cells.len() > plan.columns.len() {
        return Err(format!("the row has {} cells, the header {}", cells.len(), plan.columns.len()));
    }
    let (mut row, mut mistakes) = (WantedRow { line: record.line, ..WantedRow::default() }, Vec::new());
    for ((name, column), cell) in plan.columns.iter().zip(cells) {
        let cell = bare(cell);
        let cell = cell.trim();
        if cell.contains('\0') {
            mistakes.push(format!("{name}: it holds a NUL character."));
        } else if !cell.is_empty()
            && let Err(why) = row.take(*column, cell)
        {
            mistakes.push(format!("{name}: {why}"));
        }
    }
    if row.sku.is_empty() && mistakes.is_empty() {
        mistakes.push("it has no SKU.".into());
    }
    if mistakes.is_empty() { Ok(row) } else { Err(mistakes.join(" ")) }
}

impl WantedRow {
    fn take(&mut self, column: Column, cell: &str) -> Result<(), String> {
        match column {
            Column::Sku => self.sku = sku(cell)?,
            Column::Kind => self.kind = Some(one_of(cell, Kind::ALL, Kind::as_str)?),
            Column::Category => self.category = Some(form::category(cell)?),
            Column::TaxClass => self.tax_class = Some(one_of(cell, TaxClass::ALL, TaxClass::as_str)?),
            Column::IsActive => self.is_active = Some(yes_or_no(cell)?),
            Column::ImageUrl => self.image_url = Some(form::image_address(cell)?),
            Column::Name(language) => self.names.push((language, form::name(cell)?)),
            Column::Price(list, currency) => {
                self.prices.push(NewPrice { list, min_quantity: 1, amount_minor: form::amount(cell, currency)? });
            }
            Column::LeftOut => {}
        }
        Ok(())
    }

    /// The price that the row wants in a list.
    pub fn price_in(&self, list: PriceListId) -> Option<i64> {
        self.prices.iter().find(|price| price.list == list).map(|price| price.amount_minor)
    }
}

fn one_of<T: Copy>(cell: &str, all: &[T], text: fn(T) -> &'static str) -> Result<T, String> {
    let found = all.iter().copied().find(|value| cell.eq_ignore_ascii_case(text(*value)));
    found.ok_or_else(|| format!("it is one of {}.", all.iter().map(|value| text(*value)).collect::<Vec<_>>().join(", ")))
}

fn yes_or_no(cell: &str) -> Result<bool, String> {
    match cell.to_lowercase().as_str() {
        "yes" | "true" | "1" | "active" | "on" => Ok(true),
        "no" | "false" | "0" | "inactive" | "off" => Ok(false),
        _ => Err("it is yes or no.".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;

    fn plan() -> Plan {
        let columns = [
            ("sku", Column::Sku),
            ("name", Column::Name(Language::English)),
            ("active", Column::IsActive),
            ("price", Column::Price(PriceListId(7), Currency::EUR)),
            ("kind", Column::Kind),
        ];
        Plan { columns: columns.map(|(name, column)| (name.to_owned(), column)).into() }
    }

    fn rows(text: &str) -> Rows {
        read(format!("sku;name;active;price;kind\n{text}").as_bytes(), &plan()).expect("it can be read")
    }

    #[test]
    fn a_row_says_what_its_cells_say_and_nothing_where_they_are_empty() {
        let found = rows("eq-e2;'=Espresso;yes;1.234,50;SERVICE\n  kit 1 ;;;;\n");
        assert!(found.refused.is_empty(), "{found:?}");
        let [first, second] = found.wanted.as_slice() else { panic!("two rows: {found:?}") };
        assert_eq!(
            (first.sku.as_str(), first.names[0].1.as_str(), first.is_active, first.kind),
            ("eq-e2", "=Espresso", Some(true), Some(Kind::Service))
        );
        assert_eq!(first.price_in(PriceListId(7)), Some(123_450));
        assert_eq!(second, &WantedRow { line: 3, sku: "kit 1".into(), ..WantedRow::default() });
    }

    #[test]
    fn every_mistake_of_a_row_is_named_and_a_sku_stands_once() {
        let found = rows("a;x;maybe;1.234;boat\nb\nB;x\n;x\nc;x;yes;1;goods;more\n");
        let told: Vec<_> = found.refused.iter().map(|refused| (refused.line, refused.why.as_str())).collect();
        assert_eq!(
            told,
            [
                (
                    2,
                    "active: it is yes or no. price: Amounts in EUR have 2 decimals. Write it such as 1234.50. kind: it is one of goods, service, shipping."
                ),
                (4, "the SKU stands in line 3 already"),
                (5, "it has no SKU."),
                (6, "the row has 6 cells, the header 5"),
            ]
        );
        assert_eq!(found.wanted.len(), 1);
    }

    #[test]
    fn a_file_that_is_too_long_or_something_else_is_refused_whole() {
        let long = format!("sku\n{}", "x\n".repeat(ROWS_MAX + 1));
        let only_sku = Plan { columns: vec![("sku".into(), Column::Sku)] };
        assert_eq!(read(long.as_bytes(), &only_sku), Err("the file has more than 5000 rows: split it".into()));
        assert!(header(&vec![b'x'; FILE_MAX_BYTES + 1]).expect_err("too large").contains("larger than 2 MiB"));
        assert!(header(b"{\"sku\":1}").expect_err("no CSV").contains("products are read from CSV"));
        assert!(header(b"PK\x03\x04").expect_err("no CSV").contains("Excel workbook"));
    }
}
