//! Whatever the order and the number of an order's events: the end is the same, and its sums agree to the minor unit.

use futures_util::future::join_all;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use throughline::clock::UtcTime;
use throughline::db::{Conn, Tx};
use throughline::integrations::stripe::event::Event;
use throughline::integrations::stripe::snapshot::Snapshot;
use throughline::line::LineId;
use throughline::orders::model::Said;
use throughline::orders::{Object, OrderId, OrderState, Standing, queries, standing, stripe};

use super::scenario::{Outcome, Purchase};
use crate::harness::{TestApp, both_engines};

fn joined(events: &[Event]) -> Vec<Object> {
    let line = LineId::mint(UtcTime::default());
    let mut known: std::collections::BTreeMap<String, Object> = std::collections::BTreeMap::new();
    for event in events {
        let snapshot = Snapshot::of(event).expect("it is read");
        let word = Object::new(snapshot, Said { event_id: &event.head.id, at: event.at, line: &line });
        let last = match known.remove(&word.object_id) {
            Some(known) => known.join(word),
            None => word,
        };
        known.insert(last.object_id.clone(), last);
    }
    // Which line a word came on is not part of what it says.
    known.into_values().map(|object| Object { line_id: String::new(), ..object }).collect()
}

/// All of them in any order, and some again.
fn shuffled(events: Vec<Event>) -> impl Strategy<Value = Vec<Event>> {
    let again = prop::sample::subsequence(events.clone(), 0..=events.len());
    again.prop_flat_map(move |again| Just([events.clone(), again].concat()).prop_shuffle())
}

fn purchase_and_two_tellings() -> impl Strategy<Value = (Purchase, Vec<Event>, Vec<Event>)> {
    Purchase::any(1).prop_flat_map(|purchase| {
        let events = purchase.events(None);
        (Just(purchase), shuffled(events.clone()), shuffled(events))
    })
}

proptest! {
    #![proptest_config(Config { cases: 2_000, ..Config::default() })]

    #[test]
    fn objects_end_the_same_in_whatever_order_and_however_often_they_are_told((_, one, other) in purchase_and_two_tellings()) {
        prop_assert_eq!(joined(&one), joined(&other));
    }

    #[test]
    fn the_sums_of_an_order_are_those_of_its_purchase((purchase, events, _) in purchase_and_two_tellings()) {
        match standing::of(None, &joined(&events)) {
            Some(standing) => prop_assert_eq!(outcome(&standing), purchase.outcome(), "{:?}", events),
            // A checkout that ran out, begun at Stripe, is no order.
            None => prop_assert_eq!(purchase.outcome().state, OrderState::Expired),
        }
    }
}

fn outcome(standing: &Standing) -> Outcome {
    Outcome { state: standing.state, paid_minor: standing.paid_minor, refunded_minor: standing.refunded_minor }
}

async fn tell(app: &TestApp, events: Vec<Event>) {
    for event in events {
        take_in(app, "stripe", event).await;
    }
}

async fn take_in(app: &TestApp, key: &str, event: Event) {
    let now = app.clock.now();
    let apply = move |tx: &mut Tx<'_>| stripe::apply(tx, now, &event, &LineId::mint(now)).map_err(throughline::Error::from);
    app.store.write("test", key, apply).await.expect("it is taken");
}

async fn orders(app: &TestApp) -> Vec<Outcome> {
    let read_all = |conn: &mut Conn| -> throughline::Result<Vec<Outcome>> {
        let mut found = Vec::new();
        for id in 1.. {
            match queries::find(conn, OrderId(id))? {
                Some(order) => found.push(outcome(&order.standing)),
                None => break,
            }
        }
        Ok(found)
    };
    app.store.read(read_all).await.expect("they are read")
}

both_engines! {
    async fn orders_end_the_same_in_whatever_order_events_come(app: TestApp) {
        let mut runner = TestRunner::deterministic();
        for number in 1..=25 {
            let purchase = Purchase::any(number).new_tree(&mut runner).expect("a purchase").current();
            let events = shuffled(purchase.events(None)).new_tree(&mut runner).expect("a telling").current();
            let before = orders(&app).await.len();
            tell(&app, events.clone()).await;
            let after = orders(&app).await;
            let expected = (purchase.outcome().state != OrderState::Expired).then(|| purchase.outcome());
            assert_eq!(after.into_iter().skip(before).collect::<Vec<_>>(), expected.into_iter().collect::<Vec<_>>(), "{purchase:?} told as {events:#?}");
        }
    }

    async fn events_that_several_writers_take_in_side_by_side_are_not_missed_by_each_other(app: TestApp) {
        let mut runner = TestRunner::deterministic();
        for number in 1..=40 {
            let purchase = Purchase::any(number).new_tree(&mut runner).expect("a purchase").current();
            let before = orders(&app).await.len();
            join_all(purchase.events(None).into_iter().map(|event| async {
                // Another key, another writer.
                let key = event.head.id.clone();
                take_in(&app, &key, event).await;
            }))
            .await;
            let after = orders(&app).await;
            let expected = (purchase.outcome().state != OrderState::Expired).then(|| purchase.outcome());
            assert_eq!(after.into_iter().skip(before).collect::<Vec<_>>(), expected.into_iter().collect::<Vec<_>>(), "{purchase:?}");
        }
    }
}
