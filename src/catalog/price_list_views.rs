//! What the pages of price lists show, as finished text.

use askama::Template;
use askama_web::WebTemplate;
use serde_json::{Value, json};

use super::list_views::state;
use super::model::{PriceList, PriceListFacts};
use super::price_list_form::PriceListForm;
use crate::clock::UtcTime;
use crate::money::Currency;
use crate::web::csv::{Row, row};
use crate::web::field::Mistake;
use crate::web::parts::{Exports, Fact, Pill};
use crate::web::{Shell, Times, format};

/// Beyond this a count of prices says "at least".
pub const PRICES_COUNTED_MAX: i64 = 10_000;

/// The lists of prices.
#[derive(Template, WebTemplate)]
#[template(path = "catalog/price_lists.html")]
pub struct PriceLists {
    pub shell: Shell,
    pub rows: Vec<PriceListRow>,
    pub exports: Exports,
    pub may_edit: bool,
}

/// A row of the page.
pub struct PriceListRow {
    pub id: i64,
    pub name: String,
    pub currency: &'static str,
    pub is_default: bool,
    pub pill: Pill,
    pub priority: String,
    pub holds: String,
}

/// One list, there already or not yet.
#[derive(Template, WebTemplate)]
#[template(path = "catalog/price_list.html")]
pub struct PriceListPage {
    pub shell: Shell,
    /// None: it is not there yet.
    pub id: Option<i64>,
    pub name: String,
    pub pill: Pill,
    pub currency: Currency,
    pub may_edit: bool,
    pub facts: Vec<Fact>,
    pub form: PriceListForm,
    pub trouble: String,
    pub mistakes: Vec<Mistake>,
}

impl PriceLists {
    /// Puts the page together.
    pub fn new(shell: Shell, lists: &[PriceList], may_edit: bool) -> Self {
        let times = shell.frame.times;
        let row = |list: &PriceList| PriceListRow {
            id: list.id.0,
            name: list.name.clone(),
            currency: list.currency.code(),
            is_default: list.is_default,
            pill: now(list, times.now),
            priority: format::number(list.priority),
            holds: holds(list, times),
        };
        Self { rows: lists.iter().map(row).collect(), exports: Exports::of("/price-lists"), may_edit, shell }
    }
}

impl PriceListPage {
    /// The page of a list with so many prices.
    pub fn new(shell: Shell, list: &PriceList, prices: i64, may_edit: bool) -> Self {
        let times = shell.frame.times;
        let mut facts = vec![
            Fact::text("Currency", format!("{} · {}", list.currency.code(), list.currency.name())),
            Fact::text("Prices", format::capped(prices, PRICES_COUNTED_MAX)),
            Fact::text("Holds", holds(list, times)),
            Fact::text("Priority", format::number(list.priority)),
            Fact::text("Default list", if list.is_default { "yes" } else { "no" }),
            Fact::text("Came", list.source.label()),
        ];
        facts.extend(list.zoho_pricebook_id.as_ref().map(|id| Fact::code("Zoho price book", id)));
        Self {
            id: Some(list.id.0),
            name: list.name.clone(),
            pill: now(list, times.now),
            currency: list.currency,
            may_edit,
            facts,
            form: PriceListForm::typed(&PriceListFacts::of(list), list.version, times),
            trouble: String::new(),
            mistakes: Vec::new(),
            shell,
        }
    }

    /// The form for a list that is not there yet.
    pub fn blank(shell: Shell, form: PriceListForm) -> Self {
        let page = Self {
            shell,
            id: None,
            name: "New price list".into(),
            pill: state(true),
            currency: Currency::USD,
            may_edit: true,
            facts: Vec::new(),
            form: PriceListForm::default(),
            trouble: String::new(),
            mistakes: Vec::new(),
        };
        page.with_form(form)
    }

    /// With what was typed.
    #[must_use]
    pub fn with_form(self, form: PriceListForm) -> Self {
        Self { mistakes: form.mistakes(), form, ..self }
    }

    /// With why nothing was saved.
    #[must_use]
    pub fn with_trouble(self, trouble: &str) -> Self {
        Self { trouble: trouble.into(), ..self }
    }
}

/// What a list is at this moment.
fn now(list: &PriceList, at: UtcTime) -> Pill {
    match (list.valid_from, list.valid_until) {
        _ if !list.is_active => state(false),
        (Some(from), _) if at < from => Pill::of("Later"),
        (_, Some(until)) if at >= until => Pill::of("Ended"),
        _ => state(true),
    }
}

/// When it holds, in words.
fn holds(list: &PriceList, times: Times) -> String {
    let text = |at: UtcTime| times.stamp(at).text;
    match (list.valid_from, list.valid_until) {
        (None, None) => "always".into(),
        (Some(from), None) => format!("from {}", text(from)),
        (None, Some(until)) => format!("until {}", text(until)),
        (Some(from), Some(until)) => format!("from {} until {}", text(from), text(until)),
    }
}

/// The columns of the file.
pub const HEADER: &[&str] =
    &["id", "name", "currency", "priority", "valid_from", "valid_until", "is_active", "is_default", "source", "zoho_pricebook_id"];

/// A list as a row of the file.
pub fn to_row(list: &PriceList) -> Row {
    row![
        list.id.0,
        &list.name,
        list.currency.code(),
        list.priority,
        list.valid_from,
        list.valid_until,
        list.is_active,
        list.is_default,
        list.source.as_str(),
        list.zoho_pricebook_id.as_ref(),
    ]
}

/// A list as data.
pub fn to_json(list: &PriceList) -> Value {
    let at = |time: Option<UtcTime>| time.map(format::rfc3339);
    json!({
        "id": list.id, "name": list.name, "currency": list.currency, "priority": list.priority, "valid_from": at(list.valid_from),
        "valid_until": at(list.valid_until), "is_active": list.is_active, "is_default": list.is_default, "source": list.source,
        "zoho_pricebook_id": list.zoho_pricebook_id,
    })
}
