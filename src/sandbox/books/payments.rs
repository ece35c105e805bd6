//! Payments of customers, each applied to invoices that are owed.

use serde_json::{Value, json};

use super::documents::INVOICES;
use super::{Books, Call, amount, error, micros, not_there, ok};
use crate::sandbox::answer::SandboxAnswer;

/// Where payments go.
const ACCOUNT: &str = "982000000000361";

/// Those that exist, and what was paid out of credit notes, each with its organisation.
#[derive(Default)]
pub(super) struct Payments {
    all: Vec<(String, Value)>,
    pub refunds: Vec<(String, Value)>,
}

impl Payments {
    pub(super) fn all(&self) -> Vec<&Value> {
        self.all.iter().map(|(_, payment)| payment).collect()
    }

    pub(super) fn refunds(&self) -> Vec<&Value> {
        self.refunds.iter().map(|(_, refund)| refund).collect()
    }

    pub(super) fn get(&self, call: &Call<'_>, id: &str) -> SandboxAnswer {
        match self.all.iter().find(|(own, payment)| *own == call.organisation && payment["payment_id"] == id) {
            Some((_, payment)) => ok(200, "payment", payment),
            None => not_there("Payment"),
        }
    }
}

/// Read from the invoice: no search, so nothing is missing. Its entries do not name the account.
pub(super) fn of_invoice(books: &mut Books, call: &Call<'_>, id: &str) -> SandboxAnswer {
    if books.invoices.get(call, id, &INVOICES).is_none() {
        return not_there("Invoice");
    }
    let names = |payment: &Value| payment["invoices"].as_array().is_some_and(|all| all.iter().any(|one| one["invoice_id"] == id));
    let of_it = books.payments.all.iter().filter(|(own, payment)| *own == call.organisation && names(payment));
    let told: Vec<Value> = of_it
        .map(|(_, payment)| {
            json!({ "payment_id": payment["payment_id"], "reference_number": payment["reference_number"], "amount": payment["amount"] })
        })
        .collect();
    ok(200, "payments", &json!(told))
}

pub(super) fn create(books: &mut Books, call: &Call<'_>) -> SandboxAnswer {
    let body = call.body();
    if books.contacts.get(&call.organisation, body["customer_id"].as_str().unwrap_or_default()).is_none() {
        return not_there("Customer");
    }
    let Some(paid) = micros(&body["amount"]).filter(|paid| *paid > 0) else {
        return error(400, 4, "Invalid value passed for amount");
    };
    let mut applied = 0;
    for part in body["invoices"].as_array().into_iter().flatten() {
        let id = part["invoice_id"].as_str().unwrap_or_default();
        let Some(invoice) = books.invoices.get(call, id, &INVOICES) else { return not_there("Invoice") };
        let (owed, now) = (micros(&invoice["balance"]).unwrap_or_default(), micros(&part["amount_applied"]).unwrap_or_default());
        if invoice["status"] == "draft" {
            return error(400, 24_016, "Payments cannot be recorded for a draft.");
        }
        if now > owed {
            return error(400, 24_017, "The amount entered is more than the balance due for the selected invoices.");
        }
        applied += now;
        invoice["balance"] = amount(owed - now);
        if owed == now {
            invoice["status"] = json!("paid");
        }
    }
    if applied > paid {
        return error(400, 24_018, "More is applied than was paid.");
    }
    let payment = json!({
        "payment_id": books.id(), "customer_id": body["customer_id"], "payment_mode": body["payment_mode"], "amount": body["amount"],
        "date": body["date"], "reference_number": body["reference_number"], "invoices": body["invoices"], "account_id": ACCOUNT,
    });
    books.payments.all.push((call.organisation.clone(), payment.clone()));
    ok(201, "payment", &payment)
}
