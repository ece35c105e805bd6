//! Events that happen to people, and what became of them.

use diesel::prelude::*;
use serde_json::{Value, json};
use throughline::db::schema::{contact_links, contacts, event_links, events};
use throughline::leads::LeadId;

use crate::harness::Whole;
pub use crate::orders::pages::tell;

/// A paid checkout.
pub fn session(number: u32, customer: &str, email: &str) -> Value {
    json!({ "object": "checkout.session", "id": format!("cs_{number}"), "status": "complete", "payment_status": "paid", "amount_total": 900,
        "currency": "eur", "payment_intent": format!("pi_{number}"), "customer": customer, "customer_details": { "email": email, "name": "Ada Lovelace" } })
}

/// Posts a lead that is accepted.
pub async fn lead(whole: &Whole, body: Value) -> LeadId {
    let answered = whole.post("/api/store-lead", &body).await;
    assert_eq!(answered.status.code, 201, "{}", answered.text);
    LeadId(answered.json()["id"].as_i64().expect("an id"))
}

/// Runs the linker until nothing is new.
pub async fn link(whole: &Whole) {
    while throughline::contacts::link_new(&whole.app).await.expect("it links") > 0 {}
}

/// Each link as `lead:1 -> 1 email`, in order.
pub async fn links(whole: &Whole) -> Vec<String> {
    let rows: Vec<(String, i64, String)> = whole
        .ask(|conn| {
            let named = contact_links::table.filter(contact_links::subject.not_like("stripe:%")).order(contact_links::id);
            named.select((contact_links::subject, contact_links::contact_id, contact_links::rule)).load(conn)
        })
        .await;
    rows.into_iter().map(|(subject, contact, rule)| format!("{subject} -> {contact} {rule}")).collect()
}

/// The kinds of events in a timeline, the latest last.
pub async fn kinds(whole: &Whole, owner: &'static str) -> Vec<String> {
    let order = (event_links::occurred_at, event_links::event_id);
    whole.ask(move |conn| event_links::table.filter(event_links::owner.eq(owner)).order(order).select(event_links::kind).load(conn)).await
}

/// How many contacts there are, and how many events stand in nobody's timeline.
pub async fn counts(whole: &Whole) -> (i64, i64) {
    whole
        .ask(|conn| {
            let linked = event_links::table.select(event_links::event_id).into_boxed();
            let linked: Vec<i64> = linked.load(conn)?;
            let all: Vec<i64> = events::table.select(events::id).load(conn)?;
            let missing = all.iter().filter(|id| !linked.contains(id)).count();
            Ok((contacts::table.count().get_result(conn)?, i64::try_from(missing).unwrap_or(-1)))
        })
        .await
}
