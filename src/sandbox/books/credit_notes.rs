//! What is paid out of credit notes.

use serde_json::{Value, json};

use super::documents::CREDIT_NOTES;
use super::{Books, Call, amount, error, micros, not_there, ok};
use crate::sandbox::answer::SandboxAnswer;

pub(super) fn refunds(books: &mut Books, call: &Call<'_>, id: &str) -> SandboxAnswer {
    if books.credit_notes.get(call, id, &CREDIT_NOTES).is_none() {
        return not_there("Credit note");
    }
    let of_it: Vec<&Value> =
        books.payments.refunds.iter().map(|(_, refund)| refund).filter(|refund| refund["creditnote_id"] == id).collect();
    ok(200, "creditnote_refunds", &json!(of_it))
}

pub(super) fn refund(books: &mut Books, call: &Call<'_>, id: &str) -> SandboxAnswer {
    let body = call.body();
    if body["from_account_id"].as_str().is_none_or(str::is_empty) {
        return error(400, 4, "Invalid value passed for from_account_id");
    }
    let Some(note) = books.credit_notes.get(call, id, &CREDIT_NOTES) else { return not_there("Credit note") };
    let (left, paid) = (micros(&note["balance"]).unwrap_or_default(), micros(&body["amount"]).unwrap_or_default());
    if paid <= 0 || paid > left {
        return error(400, 12_017, "The refund is more than what is left of the credit note.");
    }
    note["balance"] = amount(left - paid);
    if left == paid {
        note["status"] = json!("closed");
    }
    let refund = json!({
        "creditnote_refund_id": books.id(), "creditnote_id": id, "amount": body["amount"], "date": body["date"],
        "reference_number": body["reference_number"], "refund_mode": body["refund_mode"], "account_id": body["from_account_id"],
    });
    books.payments.refunds.push((call.organisation.clone(), refund.clone()));
    ok(201, "creditnote_refund", &refund)
}
