//! What is said of an event: on the timeline, and back to whoever had it interpreted.

use diesel::prelude::*;
use serde_json::{Value, json};
use throughline::clock::UtcTime;
use throughline::db::Tx;
use throughline::db::schema::events;
use throughline::integrations::stripe::event::Event;
use throughline::line::LineId;
use throughline::orders::Applied;
use throughline::orders::stripe::{self, Told};

use crate::harness::{TestApp, both_engines};

fn event(number: u32, kind: &str, object: Value) -> Event {
    let event = json!({ "id": format!("evt_{number}"), "type": kind, "created": 1_785_340_000 + number, "data": { "object": object } });
    Event::parse(event.to_string().as_bytes()).expect("an event")
}

async fn apply(app: &TestApp, told: Vec<Event>) -> Vec<Applied> {
    let apply = move |tx: &mut Tx<'_>| {
        let line = LineId::mint(UtcTime::default());
        let told: Vec<Told<'_>> = told.iter().map(|event| Told { event, line: &line }).collect();
        stripe::apply(tx, UtcTime::default(), &told).map_err(throughline::Error::from)
    };
    app.store.write("test", "stripe", apply).await.expect("they are taken")
}

both_engines! {
    async fn a_refunded_charge_is_told_with_what_went_back(app: TestApp) {
        let charge = json!({ "object": "charge", "id": "ch_1", "payment_intent": "pi_1", "amount": 8_950, "amount_refunded": 1_350, "currency": "eur" });
        apply(&app, vec![event(1, "charge.refunded", charge)]).await;
        let told: String = app
            .store
            .read(|conn| -> throughline::Result<_> { Ok(events::table.filter(events::kind.eq("payment.refunded")).select(events::data).first(conn)?) })
            .await
            .expect("it is told");
        let told: Value = serde_json::from_str(&told).expect("JSON");
        assert_eq!((&told["amount_minor"], &told["currency"]), (&json!(1_350), &json!("EUR")));
    }

    async fn an_event_of_ours_that_cannot_be_read_is_told_apart_from_one_nobody_reads(app: TestApp) {
        let paid = json!({ "object": "payment_intent", "id": "pi_1", "status": "succeeded", "amount": 100, "amount_received": 100, "currency": "eur" });
        let some = vec![
            event(1, "customer.created", json!({ "object": "customer", "id": "cus_1" })),
            event(2, "payment_intent.succeeded", Value::Null),
            event(3, "payment_intent.succeeded", paid),
            event(4, "charge.refunded", json!({ "id": "ch_1" })),
        ];
        let expected = [Applied::NotRead, Applied::Unreadable, Applied::Taken { object: "pi_1".into(), order: None }, Applied::Unreadable];
        assert_eq!(apply(&app, some.clone()).await, expected);
        let without: Vec<Event> = some.into_iter().filter(|event| event.head.id != "evt_3").collect();
        assert_eq!(apply(&app, without).await, [Applied::NotRead, Applied::Unreadable, Applied::Unreadable]);
    }
}
