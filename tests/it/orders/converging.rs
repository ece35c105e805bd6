//! Whatever the order and the number of an order's events: the end is the same, and its sums agree to the minor unit.

use diesel::prelude::*;
use futures_util::future::join_all;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use throughline::clock::UtcTime;
use throughline::db::schema::orders;
use throughline::db::{Conn, Tx};
use throughline::integrations::stripe::event::Event;
use throughline::integrations::stripe::snapshot::Snapshot;
use throughline::line::LineId;
use throughline::orders::model::Said;
use throughline::orders::stripe::Told;
use throughline::orders::{Object, OrderId, OrderState, Standing, queries, standing, stripe};

use super::scenario::{Ending, Outcome, Purchase};
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
    take_in_together(app, key, vec![event]).await;
}

async fn take_in_together(app: &TestApp, key: &str, events: Vec<Event>) {
    let now = app.clock.now();
    let apply = move |tx: &mut Tx<'_>| {
        let line = LineId::mint(now);
        let told: Vec<Told<'_>> = events.iter().map(|event| Told { event, line: &line }).collect();
        stripe::apply(tx, now, &told).map_err(throughline::Error::from)
    };
    app.store.write("test", key, apply).await.expect("they are taken");
}

/// An order of our own that nobody has paid yet.
async fn place(app: &TestApp, reference: &'static str, total_minor: i64) -> OrderId {
    let now = app.clock.now();
    let place = move |tx: &mut Tx<'_>| -> throughline::Result<OrderId> {
        let mut standing = standing::of(None, &joined(&paid_at_once(1, total_minor).events(None))).expect("an order");
        (standing.state, standing.paid_minor, standing.paid_at) = (OrderState::Open, 0, None);
        let order = queries::insert(tx, now, LineId::mint(now).as_str(), standing)?;
        diesel::update(orders::table.find(order.id.0)).set(orders::reference.eq(reference)).execute(tx.conn())?;
        Ok(order.id)
    };
    app.store.write("test", "stripe", place).await.expect("it is placed")
}

fn paid_at_once(number: u32, amount_minor: i64) -> Purchase {
    Purchase { number, amount_minor, ending: Ending::PaidAtOnce, declined: 0, refunds: Vec::new(), dispute: None }
}

async fn standing_of(app: &TestApp, id: OrderId) -> Standing {
    let found = app.store.read(move |conn: &mut Conn| -> throughline::Result<_> { Ok(queries::find(conn, id)?) }).await;
    found.expect("it is read").expect("it is there").standing
}

/// However they are sorted.
fn sorted(outcomes: Vec<Outcome>) -> Vec<String> {
    let mut told: Vec<String> = outcomes.iter().map(|outcome| format!("{outcome:?}")).collect();
    told.sort();
    told
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
    async fn orders_end_the_same_however_many_events_are_taken_in_together(app: TestApp) {
        let mut runner = TestRunner::deterministic();
        for round in 0..6 {
            let purchases: Vec<Purchase> =
                (1..=8).map(|number| Purchase::any(round * 8 + number).new_tree(&mut runner).expect("a purchase").current()).collect();
            let events = shuffled(purchases.iter().flat_map(|purchase| purchase.events(None)).collect()).new_tree(&mut runner).expect("a telling").current();
            let before = orders(&app).await.len();
            for together in events.chunks([1, 2, 5, 16, 48, 500][round as usize]) {
                take_in_together(&app, "stripe", together.to_vec()).await;
            }
            let after = orders(&app).await.into_iter().skip(before).collect();
            let expected = purchases.iter().map(Purchase::outcome).filter(|outcome| outcome.state != OrderState::Expired).collect();
            assert_eq!(sorted(after), sorted(expected), "{purchases:?} told as {events:#?}");
        }
    }

    async fn a_family_with_too_many_objects_does_not_cost_another_its_order(app: TestApp) {
        let refunds: Vec<(i64, bool)> = vec![(1, false); 520];
        let crowd = Purchase { refunds, ..paid_at_once(1, 1_000_000) };
        let (mut crowded, other) = (crowd.events(None), paid_at_once(2, 700));
        let (last, told) = (crowded.pop().expect("a refund"), other.events(None));
        // Behind the crowd, and found only by asking for what names the payment.
        let (payment, page) = (told[0].clone(), told[1].clone());
        let kept = joined(&[crowded, vec![page]].concat());
        let keep = move |tx: &mut Tx<'_>| -> throughline::Result<()> {
            let (pages, rest): (Vec<_>, Vec<_>) = kept.iter().partition(|object| object.object_id == "cs_2");
            queries::insert_objects(tx, UtcTime::default(), &rest)?;
            Ok(queries::insert_objects(tx, UtcTime::default(), &pages)?)
        };
        app.store.write("test", "stripe", keep).await.expect("they are kept");
        take_in_together(&app, "stripe", vec![last, payment]).await;
        assert!(orders(&app).await.contains(&other.outcome()), "{:?}", orders(&app).await);
    }

    async fn two_payments_of_one_order_taken_in_together_see_each_other(app: TestApp) {
        // Nothing but the order joins them: each has a checkout page and a payment of its own.
        let (together, one_by_one) = (place(&app, "r-together", 500).await, place(&app, "r-alone", 500).await);
        let told = |numbers: [u32; 2], reference: &str| numbers.map(|number| paid_at_once(number, 500).events(Some(reference))).concat();
        take_in_together(&app, "stripe", told([11, 12], "r-together")).await;
        tell(&app, told([21, 22], "r-alone")).await;

        let (together, one_by_one) = (standing_of(&app, together).await, standing_of(&app, one_by_one).await);
        assert_eq!((together.state, together.paid_minor), (OrderState::Paid, 1000));
        assert_eq!(together, one_by_one);
    }

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
