//! What an order would cost: prices come from here, never from whoever orders. Reads only; a constant number of questions.

use std::collections::BTreeSet;

use super::model::{Kind, Names, ProductId, QUANTITY_MAX, SKU_MAX, TaxClass, key};
use super::pricing::price_for;
use super::queries::{self, Whole};
use crate::clock::UtcTime;
use crate::db::Conn;
use crate::money::{Currency, Money};

/// Lines of one quote.
pub const LINES_MAX: usize = 100;

/// What was asked for, with its price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    pub lines: Vec<QuotedLine>,
    pub total: Money,
}

/// One line, in the order in which it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotedLine {
    pub product: ProductId,
    /// As the catalogue writes it.
    pub sku: String,
    pub names: Names,
    pub kind: Kind,
    pub tax_class: TaxClass,
    pub image_url: Option<String>,
    pub quantity: i64,
    /// Of one.
    pub unit: Money,
    pub total: Money,
    /// The list whose price it is, to be told later why it was this one.
    pub price_list: String,
}

/// Why a quote cannot be given, in the words of whoever asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line, from 0 on. None: it is about all of them.
    pub line: Option<usize>,
    pub what: Wrong,
}

/// What is wrong with a line, or with all of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    #[error("nothing is ordered: name at least one SKU")]
    Nothing,
    #[error("{0} lines are more than {LINES_MAX}")]
    TooManyLines(usize),
    #[error("there is no product “{0}”")]
    UnknownSku(String),
    #[error("“{0}” is named more than once: add the quantities up")]
    Repeated(String),
    #[error("“{0}” is not sold at present")]
    NotSold(String),
    #[error("“{0}” has no price in {1}")]
    NoPrice(String, Currency),
    #[error("the quantity {0} is not between 1 and {QUANTITY_MAX}")]
    Quantity(i64),
    #[error("the total is larger than can be charged")]
    TooLarge,
}

/// The price of some SKUs in some quantities, at that moment; or everything that stands in the way, at once.
pub fn quote(
    conn: &mut Conn,
    wanted: &[(String, i64)],
    currency: Currency,
    at: UtcTime,
) -> diesel::QueryResult<Result<Quote, Vec<Mistake>>> {
    if wanted.is_empty() || wanted.len() > LINES_MAX {
        let what = if wanted.is_empty() { Wrong::Nothing } else { Wrong::TooManyLines(wanted.len()) };
        return Ok(Err(vec![Mistake { line: None, what }]));
    }
    let keys: Vec<String> = wanted.iter().map(|(sku, _)| key(sku)).collect();
    let known = queries::wholes(conn, &keys)?;
    let mut seen = BTreeSet::new();
    let (mut lines, mut mistakes) = (Vec::with_capacity(wanted.len()), Vec::new());
    for (place, ((sku, quantity), key)) in wanted.iter().zip(&keys).enumerate() {
        let is_first = seen.insert(key);
        let line = match known.get(key) {
            Some(whole) => Asked { whole, quantity: *quantity, is_first }.priced(currency, at),
            None => Err(vec![Wrong::UnknownSku(shown(sku))]),
        };
        match line {
            Ok(line) => lines.push(line),
            Err(wrong) => mistakes.extend(wrong.into_iter().map(|what| Mistake { line: Some(place), what })),
        }
    }
    if !mistakes.is_empty() {
        return Ok(Err(mistakes));
    }
    let total = Money::checked_sum(currency, lines.iter().map(|line| line.total));
    Ok(total.map(|total| Quote { lines, total }).map_err(|_overflow| vec![Mistake { line: None, what: Wrong::TooLarge }]))
}

/// A line whose product is known.
struct Asked<'a> {
    whole: &'a Whole,
    quantity: i64,
    is_first: bool,
}

impl Asked<'_> {
    fn priced(&self, currency: Currency, at: UtcTime) -> Result<QuotedLine, Vec<Wrong>> {
        let Whole { product, names, offered } = self.whole;
        let sku = || product.sku.clone();
        let is_possible = (1..=QUANTITY_MAX).contains(&self.quantity);
        let winner = price_for(product.is_active, offered, currency, (self.quantity, at)).winner;
        let wrong = [
            (!self.is_first).then(|| Wrong::Repeated(sku())),
            (!is_possible).then_some(Wrong::Quantity(self.quantity)),
            (!product.is_active).then(|| Wrong::NotSold(sku())),
            // For an impossible quantity no price says nothing.
            (product.is_active && is_possible && winner.is_none()).then(|| Wrong::NoPrice(sku(), currency)),
        ];
        let wrong: Vec<Wrong> = wrong.into_iter().flatten().collect();
        let Some(winner) = winner.filter(|_| wrong.is_empty()) else { return Err(wrong) };
        let unit = winner.unit();
        Ok(QuotedLine {
            product: product.id,
            sku: sku(),
            names: names.clone(),
            kind: product.kind,
            tax_class: product.tax_class,
            image_url: product.image_url.clone(),
            quantity: self.quantity,
            unit,
            total: unit.checked_mul(self.quantity).map_err(|_overflow| vec![Wrong::TooLarge])?,
            price_list: winner.list.name,
        })
    }
}

/// The beginning of what somebody sent, without what could not be printed.
fn shown(sku: &str) -> String {
    sku.trim().chars().filter(|c| !c.is_control()).take(SKU_MAX).collect()
}
