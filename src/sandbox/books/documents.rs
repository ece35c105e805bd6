//! Invoices and credit notes: each number once, sums worked out from the lines.

use serde_json::{Value, json};

use super::{Books, Call, amount, error, micros, not_there, ok};
use crate::clock::UtcTime;
use crate::sandbox::answer::SandboxAnswer;

/// What tells one kind of document from another.
pub(super) struct Kind {
    /// `invoices`, and one of them.
    pub plural: &'static str,
    pub singular: &'static str,
    pub id: &'static str,
    pub number: &'static str,
    pub spoken: &'static str,
    /// As which it begins.
    pub status: &'static str,
}

pub(super) const INVOICES: Kind =
    Kind { plural: "invoices", singular: "invoice", id: "invoice_id", number: "invoice_number", spoken: "Invoice", status: "draft" };
pub(super) const CREDIT_NOTES: Kind = Kind {
    plural: "creditnotes",
    singular: "creditnote",
    id: "creditnote_id",
    number: "creditnote_number",
    spoken: "Credit note",
    status: "open",
};

/// Those of one kind, with the organisation and the time of each.
#[derive(Default)]
pub(super) struct Documents(Vec<(String, UtcTime, Value)>);

impl Documents {
    pub(super) fn all(&self) -> Vec<&Value> {
        self.0.iter().map(|(_, _, document)| document).collect()
    }

    pub(super) fn get(&mut self, call: &Call<'_>, id: &str, kind: &Kind) -> Option<&mut Value> {
        let found = self.0.iter_mut().find(|(own, _, document)| *own == call.organisation && document[kind.id] == id);
        found.map(|(_, _, document)| document)
    }

    /// What was this customer's is gone.
    pub(super) fn forget_of(&mut self, customer: &str) {
        self.0.retain(|(_, _, document)| document["customer_id"] != customer);
    }

    /// What is this customer's.
    pub(super) fn of_customer<'a>(&'a mut self, id: &'a str) -> impl Iterator<Item = &'a mut Value> {
        self.0.iter_mut().map(|(_, _, document)| document).filter(move |document| document["customer_id"] == id)
    }

    /// A search: what was made a moment ago is not found yet.
    pub(super) fn list(&self, call: &Call<'_>, kind: &Kind) -> SandboxAnswer {
        let fits = |document: &Value, field: &str| call.param(field).is_none_or(|wanted| document[field] == wanted);
        let found: Vec<&Value> = self
            .0
            .iter()
            .filter(|(own, at, _)| *own == call.organisation && *at <= call.found_until)
            .map(|(_, _, document)| document)
            .filter(|document| fits(document, kind.number) && fits(document, "reference_number"))
            .collect();
        ok(200, kind.plural, &json!(found))
    }

    pub(super) fn set_status(&mut self, call: &Call<'_>, id: &str, status: &str, kind: &Kind) -> SandboxAnswer {
        let Some(document) = self.get(call, id, kind) else { return not_there(kind.spoken) };
        // Nothing is owed on an invoice over nothing.
        let status = if kind.singular == "invoice" && micros(&document["balance"]) == Some(0) { "paid" } else { status };
        document["status"] = json!(status);
        SandboxAnswer::json(200, &json!({ "code": 0, "message": format!("{} status has been changed.", kind.spoken) }))
    }
}

pub(super) fn create(books: &mut Books, call: &Call<'_>, kind: &Kind) -> SandboxAnswer {
    let body = call.body();
    if !body.is_object() {
        return error(400, 1038, "JSON is not well formed");
    }
    let Some(contact) = books.contacts.get(&call.organisation, body["customer_id"].as_str().unwrap_or_default()).cloned() else {
        return not_there("Customer");
    };
    let Some(number) = body[kind.number].as_str().filter(|_| call.param("ignore_auto_number_generation") == Some("true")) else {
        return error(400, 4097, &format!("{} number: automatic numbers are on, and an own one was not asked for.", kind.spoken));
    };
    let documents = if kind.singular == "invoice" { &books.invoices } else { &books.credit_notes };
    if documents.0.iter().any(|(own, _, document)| *own == call.organisation && document[kind.number] == number) {
        // The code is not published (inferred).
        return error(400, 1001, &format!("{} with the number \"{number}\" already exists.", kind.spoken));
    }
    let Some(mut total) = total(&body["line_items"]) else {
        return error(400, 15, "Each line needs a name of at most 100 characters, a quantity and a rate.");
    };
    if books.surcharge {
        total += total / 5;
    }
    let document = json!({
        kind.id: books.id(), kind.number: number, "reference_number": body["reference_number"], "customer_id": body["customer_id"],
        "date": body["date"], "status": kind.status, "line_items": body["line_items"], "currency_code": contact["currency_code"],
        "total": amount(total), "balance": amount(total),
    });
    let documents = if kind.singular == "invoice" { &mut books.invoices } else { &mut books.credit_notes };
    documents.0.push((call.organisation.clone(), call.now, document.clone()));
    ok(201, kind.singular, &document)
}

fn total(lines: &Value) -> Option<i64> {
    let lines = lines.as_array().filter(|lines| !lines.is_empty())?;
    lines.iter().try_fold(0_i64, |sum, line| {
        line["name"].as_str().filter(|name| !name.is_empty() && name.chars().count() <= 100)?;
        sum.checked_add(micros(&line["rate"])?.checked_mul(line["quantity"].as_i64()?)?)
    })
}
