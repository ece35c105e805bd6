//! Zoho Books v3, as far as we call it. Its rules are those of zoho.com/books/api/v3 and of what integrators report (read 2026-11):
//! `organization_id` on every call, errors as `{"code", "message"}`, names and numbers that are unique, limits by minute and by day.

mod contacts;
mod credit_notes;
mod documents;
mod limits;
mod payments;

use serde_json::{Value, json};

use self::contacts::Contacts;
use self::documents::Documents;
pub use self::limits::BooksPlan;
use self::limits::Calls;
use self::payments::Payments;
use super::answer::{SandboxAnswer, SandboxRequest};
use super::world::World;
use crate::clock::UtcTime;
use crate::http::Method;

/// The first organisation.
pub const BOOKS_ORGANISATION: &str = "10234695";
/// The organisations of every grant.
const ORGANISATIONS: [(&str, &str); 2] = [(BOOKS_ORGANISATION, "Sample Seller"), ("10234696", "Sample Seller, second shop")];
/// The currencies of each: id and code.
const CURRENCIES: [(&str, &str); 5] = [
    ("982000000000190", "EUR"),
    ("982000000000191", "USD"),
    ("982000000000192", "JPY"),
    ("982000000000193", "KWD"),
    ("982000000000194", "AED"),
];

/// What it remembers.
#[derive(Default)]
pub struct Books {
    contacts: Contacts,
    invoices: Documents,
    credit_notes: Documents,
    payments: Payments,
    calls: Calls,
    /// What no plan is chosen for is Premium.
    plan: Option<BooksPlan>,
    /// Percent that the organisation's own rules put on top of each line: somebody has set a tax that is not included.
    pub(super) surcharge: bool,
    next_id: u64,
}

/// A call that is let in.
struct Call<'a> {
    request: &'a SandboxRequest,
    organisation: String,
    /// Things made later than this are not found by searches yet.
    found_until: UtcTime,
    now: UtcTime,
}

impl Call<'_> {
    fn param(&self, name: &str) -> Option<&str> {
        self.request.param(name)
    }

    fn body(&self) -> Value {
        self.request.json().unwrap_or_default()
    }
}

impl Books {
    /// The plan of its organisations from now on.
    pub fn set_plan(&mut self, plan: BooksPlan) {
        self.plan = Some(plan);
    }

    /// Everything that it took, for whoever doubts.
    pub fn ledger(&self) -> Value {
        json!({
            "contacts": self.contacts.all(), "invoices": self.invoices.all(), "customerpayments": self.payments.all(),
            "creditnotes": self.credit_notes.all(), "refunds": self.payments.refunds(), "calls_today": self.calls.today(),
        })
    }

    /// Somebody deletes a contact there. Books refuses that where something is booked to it; false then.
    pub fn delete_contact(&mut self, id: &str) -> bool {
        let is_used = self.invoices.of_customer(id).next().is_some() || self.credit_notes.of_customer(id).next().is_some();
        !is_used && self.contacts.remove(id)
    }

    /// Somebody takes everything of a contact out of the books, and the contact after it.
    pub fn void_contact(&mut self, id: &str) -> bool {
        self.invoices.forget_of(id);
        self.credit_notes.forget_of(id);
        self.contacts.remove(id)
    }

    /// Somebody adds a customer there by hand. Answers its id.
    pub fn add_contact(&mut self, name: &str, mail: &str, now: UtcTime) -> String {
        let id = self.id();
        self.contacts.add(BOOKS_ORGANISATION, now, json!({
            "contact_id": id, "contact_name": name, "contact_type": "customer", "currency_id": CURRENCIES[0].0, "currency_code": CURRENCIES[0].1,
            "email": mail, "contact_persons": [{ "email": mail }], "status": "active",
        }));
        id
    }

    /// Somebody merges a contact into another there: what is booked to the one is the other's, and the one is gone.
    pub fn merge_contact(&mut self, id: &str, into: &str) -> bool {
        if id == into || !self.contacts.all().iter().any(|contact| contact["contact_id"] == into) {
            return false;
        }
        for document in self.invoices.of_customer(id).chain(self.credit_notes.of_customer(id)) {
            document["customer_id"] = json!(into);
        }
        self.contacts.remove(id)
    }

    fn id(&mut self) -> String {
        self.next_id += 1;
        format!("982000000{:06}", self.next_id)
    }
}

/// Answers `/books/v3/{path}`.
pub(super) fn answer(world: &mut World, request: &SandboxRequest, path: &str, now: UtcTime) -> SandboxAnswer {
    let parts: Vec<_> = path.split('/').collect();
    let mut answer = match admitted(world, request, parts.as_slice(), now) {
        Ok(organisation) => {
            let call = Call { request, organisation, found_until: now - world.options.search_lag, now };
            route(&mut world.books, &call, parts.as_slice())
        }
        Err(refusal) => refusal,
    };
    let books = &world.books;
    let most = books.plan.unwrap_or(BooksPlan::Premium).calls_per_day();
    answer.headers.push(("x-rate-limit-limit", most.to_string()));
    answer.headers.push(("x-rate-limit-remaining", most.saturating_sub(books.calls.today()).to_string()));
    answer.headers.push(("x-rate-limit-reset", books.calls.reset_s(now).to_string()));
    answer
}

/// Token, then what it may do, then whose books, then the limits.
fn admitted(world: &mut World, request: &SandboxRequest, parts: &[&str], now: UtcTime) -> Result<String, SandboxAnswer> {
    let token = request.authorization.as_deref().and_then(|header| header.strip_prefix("Zoho-oauthtoken ")).unwrap_or_default();
    let grant = world.tokens.of_access(token, now).ok_or_else(not_authorised)?;
    if !grant.allows(scope(parts)) {
        return Err(not_authorised());
    }
    let organisation = request.param("organization_id").unwrap_or_default();
    if parts != ["organizations"] && !ORGANISATIONS.iter().any(|(id, _)| *id == organisation) {
        return Err(not_authorised());
    }
    let organisation = organisation.to_owned();
    let books = &mut world.books;
    let plan = books.plan.unwrap_or(BooksPlan::Premium);
    if request.in_flight > plan.at_once_max() {
        let told = "You have reached the maximum number of in process requests allowed. Kindly try again after some time.";
        return Err(error(429, 1070, told));
    }
    match books.calls.count(plan, now) {
        Ok(()) => Ok(organisation),
        Err(refusal) => Err(refusal),
    }
}

fn scope(parts: &[&str]) -> &'static str {
    match parts {
        ["organizations" | "settings", ..] => "ZohoBooks.settings",
        ["contacts", ..] => "ZohoBooks.contacts",
        ["invoices", ..] => "ZohoBooks.invoices",
        ["customerpayments", ..] => "ZohoBooks.customerpayments",
        _ => "ZohoBooks.creditnotes",
    }
}

fn route(books: &mut Books, call: &Call<'_>, parts: &[&str]) -> SandboxAnswer {
    match (call.request.method, parts) {
        (Method::Get, ["organizations"]) => organisations(books),
        (Method::Get, ["settings", "currencies"]) => currencies(),
        (Method::Get, ["contacts"]) => books.contacts.list(call),
        (Method::Post, ["contacts"]) => contacts::create(books, call),
        (Method::Get, ["invoices"]) => books.invoices.list(call, &documents::INVOICES),
        (Method::Post, ["invoices"]) => documents::create(books, call, &documents::INVOICES),
        (Method::Post, ["invoices", id, "status", "sent"]) => books.invoices.set_status(call, id, "sent", &documents::INVOICES),
        (Method::Get, ["invoices", id, "payments"]) => payments::of_invoice(books, call, id),
        (Method::Post, ["customerpayments"]) => payments::create(books, call),
        (Method::Get, ["customerpayments", id]) => books.payments.get(call, id),
        (Method::Get, ["creditnotes"]) => books.credit_notes.list(call, &documents::CREDIT_NOTES),
        (Method::Post, ["creditnotes"]) => documents::create(books, call, &documents::CREDIT_NOTES),
        (Method::Post, ["creditnotes", id, "status", "open"]) => books.credit_notes.set_status(call, id, "open", &documents::CREDIT_NOTES),
        (Method::Get, ["creditnotes", id, "refunds"]) => credit_notes::refunds(books, call, id),
        (Method::Post, ["creditnotes", id, "refunds"]) => credit_notes::refund(books, call, id),
        _ => error(404, 5, "Invalid URL Passed"),
    }
}

fn organisations(books: &Books) -> SandboxAnswer {
    let plan = books.plan.unwrap_or(BooksPlan::Premium);
    // Ids come as numbers here, as in Zoho's own examples; elsewhere as text, as the live API has them.
    let all: Vec<Value> = ORGANISATIONS
        .iter()
        .map(|(id, name)| {
            let id: u64 = id.parse().unwrap_or_default();
            json!({ "organization_id": id, "name": name, "currency_code": "EUR", "plan_name": plan.name(), "is_org_active": true })
        })
        .collect();
    ok(200, "organizations", &json!(all))
}

fn currencies() -> SandboxAnswer {
    let all: Vec<Value> = CURRENCIES.iter().map(|(id, code)| json!({ "currency_id": id, "currency_code": code })).collect();
    ok(200, "currencies", &json!(all))
}

/// A success.
fn ok(status: u16, name: &str, value: &Value) -> SandboxAnswer {
    SandboxAnswer::json(status, &json!({ "code": 0, "message": "success", name: value }))
}

/// An error as Books writes it.
pub(super) fn error(status: u16, code: i64, message: &str) -> SandboxAnswer {
    SandboxAnswer::json(status, &json!({ "code": code, "message": message }))
}

/// An ended token, a missing permission and another organisation's id all look like this.
fn not_authorised() -> SandboxAnswer {
    error(401, 57, "You are not authorized to perform this operation")
}

fn not_there(what: &str) -> SandboxAnswer {
    error(400, 1002, &format!("{what} does not exist."))
}

/// A number of a body as its decimal text: exact, whatever a float would make of it.
fn decimal(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// An amount in the smallest unit of six decimals, in which all of Books' currencies can be added up.
fn micros(value: &Value) -> Option<i64> {
    let text = decimal(value)?;
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    if decimals.len() > 6 {
        return None;
    }
    format!("{whole}{decimals:0<6}").parse().ok()
}

/// The amount as JSON.
fn amount(micros: i64) -> Value {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    serde_json::from_str(text.trim_end_matches('0').trim_end_matches('.')).unwrap_or_default()
}
