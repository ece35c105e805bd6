//! What providers tell us: taken in, interpreted once, replayed, and read where no webhook came.

mod contracts;
mod interpreting;
mod pages;
mod reading;
mod refusals;
mod replaying_all;
mod webhooks;

use diesel::prelude::*;
use serde_json::{Value, json};
use throughline::db::schema::{jobs, receipts};
use throughline::inbox::model::{Receipt, ReceiptId};
use throughline::outbox::JobRow;
use throughline::sandbox::Options;
use throughline::sandbox::stripe::Webhook;

use crate::harness::{STRIPE, TestApp, Whole};

/// The whole program with Stripe set, as the sandbox has it.
async fn with_stripe(app: &TestApp) -> Whole {
    app.whole_with(Options::default(), &STRIPE).await
}

/// Something happens at Stripe, and this is the webhook that tells of it.
fn happens(app: &TestApp, whole: &Whole, event_type: &str, object: &Value) -> Webhook {
    whole.sandbox.happen_at_stripe(event_type, object, app.clock.now())
}

/// A charge is refunded.
fn refund(app: &TestApp, whole: &Whole, number: u32) -> Webhook {
    let object =
        json!({ "id": format!("ch_{number}"), "object": "charge", "payment_intent": format!("pi_{number}"), "amount_refunded": 500 });
    happens(app, whole, "charge.refunded", &object)
}

/// Every receipt, oldest first.
async fn receipts(whole: &Whole) -> Vec<Receipt> {
    whole.ask(|conn| receipts::table.order(receipts::id).select(Receipt::as_select()).load(conn)).await
}

/// Each receipt as `type state`.
async fn told(whole: &Whole) -> Vec<String> {
    receipts(whole).await.iter().map(|receipt| format!("{} {}", receipt.event_type, receipt.state.as_str())).collect()
}

/// Every job that interprets something, oldest first.
async fn jobs_of_inbox(whole: &Whole) -> Vec<JobRow> {
    whole.ask(|conn| jobs::table.filter(jobs::kind.eq("inbox.interpret")).order(jobs::id).select(JobRow::as_select()).load(conn)).await
}

/// The receipt as it stands.
async fn receipt(whole: &Whole, id: ReceiptId) -> Receipt {
    whole.ask(move |conn| throughline::inbox::queries::find(conn, id)).await.expect("it is there")
}
