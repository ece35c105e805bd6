//! The linker: whose leads, orders and events are, in whatever order they come.

use diesel::prelude::*;
use serde_json::json;
use throughline::accounts::Role;
use throughline::clock::UtcTime;
use throughline::db::Engine;
use throughline::db::schema::{contact_addresses, contacts, events, people_linker_gaps};

use super::scenario::{counts, kinds, lead, link, links, session, tell};
use crate::harness::{Whole, both_engines, on_engine};
use crate::orders::checkout::{ask, hear, session_of, shop};
use crate::web::browser::Browser;

both_engines! {
    async fn leads_are_matched_by_mail_then_phone_and_the_rule_is_kept(app: TestApp) {
        let whole = app.whole().await;
        lead(&whole, json!({ "name": "Ada", "email": "ada@engines.example", "phone": "+442079460958" })).await;
        lead(&whole, json!({ "name": "A. Lovelace", "email": "ADA@engines.example", "phone": "+442079460111" })).await;
        lead(&whole, json!({ "name": "Somebody", "phone": "+442079460958" })).await;
        // A colleague at the same telephone, and then at a number that the second form merely stated.
        lead(&whole, json!({ "name": "Charles", "email": "charles@engines.example", "phone": "+442079460958" })).await;
        lead(&whole, json!({ "name": "Stranger", "phone": "+442079460111" })).await;
        link(&whole).await;
        assert_eq!(links(&whole).await, ["lead:1 -> 1 new", "lead:2 -> 1 email", "lead:3 -> 1 phone", "lead:4 -> 2 new", "lead:5 -> 3 new"]);
        assert_eq!(counts(&whole).await.0, 3);
        assert_eq!(kinds(&whole, "contact:1").await, ["lead.received"; 3]);
    }

    async fn what_happens_later_on_a_line_joins_the_timeline(app: TestApp) {
        let whole = app.whole().await;
        lead(&whole, json!({ "name": "Ada", "email": "ada@gmail.com", "company": "Engines" })).await;
        link(&whole).await;
        whole.run_until_idle().await;
        link(&whole).await;
        assert_eq!(kinds(&whole, "contact:1").await, ["lead.received", "lead.sent"]);
        link(&whole).await;
        assert_eq!(kinds(&whole, "contact:1").await.len(), 2, "once each");
    }

    async fn what_is_held_is_nobodys_until_it_is_released(app: TestApp) {
        let whole = app.whole().await;
        let spam = "We sell backlinks and guest posts: [url=https://seo.example.top]rank your site[/url]";
        lead(&whole, json!({ "name": "Ada", "email": "ada@mailinator.com", "message": spam })).await;
        link(&whole).await;
        assert_eq!(links(&whole).await, [] as [&str; 0]);
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        assert_eq!(browser.post("/leads/1/release", &[]).await.status.code, 303);
        link(&whole).await;
        assert_eq!(links(&whole).await, ["lead:1 -> 1 new"]);
        assert_eq!(kinds(&whole, "contact:1").await, ["lead.quarantined", "lead.released"]);
    }

    async fn purchases_join_the_person_who_wrote_in_any_order_of_events(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        lead(&whole, json!({ "name": "Ada", "email": "ada@engines.example" })).await;
        // The refund comes before anything says whose it is, and so does a payment that names the customer alone.
        let refund = json!({ "object": "refund", "id": "re_1", "payment_intent": "pi_1", "status": "succeeded", "amount": 100, "currency": "eur" });
        tell(&whole, 1, "refund.created", refund).await;
        tell(&whole, 2, "payment_intent.succeeded", json!({ "object": "payment_intent", "id": "pi_1", "status": "succeeded", "amount": 900, "amount_received": 900, "currency": "eur", "customer": "cus_1" })).await;
        link(&whole).await;
        assert_eq!(counts(&whole).await.0, 1, "a customer's id alone makes nobody");
        tell(&whole, 3, "checkout.session.completed", session(1, "cus_1", "Ada@engines.example")).await;
        link(&whole).await;
        assert_eq!(links(&whole).await, ["lead:1 -> 1 new", "order:1 -> 1 email"]);
        let mut told = kinds(&whole, "contact:1").await;
        told.sort();
        assert_eq!(told, ["checkout.paid", "lead.received", "payment.succeeded", "refund.made"]);
        // From now on the customer's id is enough, whatever address it is used with.
        tell(&whole, 4, "checkout.session.completed", session(2, "cus_1", "ada@home.example")).await;
        link(&whole).await;
        assert_eq!(links(&whole).await.last().map(String::as_str), Some("order:2 -> 1 stripe_customer"));
        assert_eq!(counts(&whole).await, (1, 0));
    }

    async fn whoever_pays_nothing_takes_nobody_over(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        lead(&whole, json!({ "name": "Ada", "email": "ada@engines.example" })).await;
        let free = |mut session: serde_json::Value| {
            (session["payment_status"], session["amount_total"], session["payment_intent"]) = (json!("no_payment_required"), json!(0), json!(null));
            session["customer_details"]["name"] = json!("Mallory");
            session
        };
        tell(&whole, 1, "checkout.session.completed", free(session(1, "cus_m", "ada@engines.example"))).await;
        tell(&whole, 2, "checkout.session.completed", session(2, "cus_m", "mallory@evil.example")).await;
        link(&whole).await;
        assert_eq!(links(&whole).await, ["lead:1 -> 1 new", "order:1 -> 1 email", "order:2 -> 2 new"]);
        let name: Option<String> = whole.ask(|conn| contacts::table.find(1).select(contacts::name).first(conn)).await;
        assert_eq!(name.as_deref(), Some("Ada"));
    }

    async fn what_was_stated_with_a_bank_payment_identifies_once_the_money_is_there(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        lead(&whole, json!({ "name": "Ada", "email": "ada@engines.example" })).await;
        let unpaid = |number: u32, customer: &str, email: &str| {
            let mut session = session(number, customer, email);
            session["payment_status"] = json!("unpaid");
            session
        };
        // A bank takes its days; what the customer is called at Stripe, and another address of theirs, are merely stated until then.
        tell(&whole, 1, "checkout.session.completed", unpaid(1, "cus_1", "ada@engines.example")).await;
        link(&whole).await;
        tell(&whole, 2, "checkout.session.completed", unpaid(2, "cus_1", "ada@home.example")).await;
        link(&whole).await;
        assert_eq!(links(&whole).await, ["lead:1 -> 1 new", "order:1 -> 1 email", "order:2 -> 2 new"], "stated, it matches nobody");
        assert_eq!(raised(&whole).await, ["1 email false", "2 email false", "2 stripe_customer false"]);

        tell(&whole, 3, "checkout.session.async_payment_succeeded", session(1, "cus_1", "ada@engines.example")).await;
        link(&whole).await;
        // cus_1 identifies the other by now, and stays theirs; the address is vouched for.
        assert_eq!(raised(&whole).await, ["1 email true", "2 email false", "2 stripe_customer false"]);

        tell(&whole, 4, "checkout.session.completed", unpaid(3, "cus_3", "ada@engines.example")).await;
        link(&whole).await;
        tell(&whole, 5, "checkout.session.async_payment_succeeded", session(3, "cus_3", "ada@engines.example")).await;
        link(&whole).await;
        assert!(raised(&whole).await.contains(&"1 stripe_customer true".to_owned()), "{:?}", raised(&whole).await);
        // From now on the customer's id is enough.
        tell(&whole, 6, "checkout.session.completed", session(4, "cus_3", "ada@elsewhere.example")).await;
        link(&whole).await;
        assert_eq!(links(&whole).await.last().map(String::as_str), Some("order:4 -> 1 stripe_customer"));
        assert_eq!(links(&whole).await.len(), 5, "whose the orders before are has not changed");
    }

    async fn a_checkout_that_stripe_has_not_told_of_makes_nobody(app: TestApp) {
        let whole = shop(&app).await;
        let asked = json!({ "items": [{ "sku": "G65" }], "currency": "EUR", "email": "stranger@evil.example" });
        let begun = ask(&whole.client, "k", &asked).await;
        link(&whole).await;
        assert_eq!(counts(&whole).await.0, 0);
        whole.sandbox.pay(&session_of(&begun), &[("card", "4242424242424242")], app.clock.now());
        hear(&app, &whole).await;
        link(&whole).await;
        assert_eq!(counts(&whole).await, (1, 0), "what was told of it before has found its owner too");
        assert!(kinds(&whole, "contact:1").await.contains(&"order.begun".to_owned()));
    }

    async fn hundreds_of_leads_that_were_there_before_are_brought_in_by_chunks(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        crate::web::big_tables::fill(&app, &whole, &[
            "INSERT INTO leads (line_id, status_token_hash, kind, source, name, email, email_key, items, utm, extra, status, retry_count, received_at, updated_at)
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)
             SELECT 'line-' || i, 'hash-' || i, 'quote', 'web', 'Ada', 'n' || (i % 300) || '@engines.example', 'n' || (i % 300) || '@engines.example', '[]', '{}', '{}', 'sent', 0, AT(i), AT(i) FROM n",
            "INSERT INTO events (line_id, source, source_event_id, kind, subject, occurred_at, recorded_at, data)
             SELECT line_id, 'intake', line_id, 'lead.received', 'lead:' || id, received_at, received_at, '{}' FROM leads ORDER BY id",
        ]).await;
        let progress = Browser::signed_in(&whole, Role::Viewer).await;
        link(&whole).await;
        assert_eq!(counts(&whole).await, (300, 0));
        let page = progress.get("/companies").await.text;
        assert!(page.contains("engines.example") && page.contains("id=\"company-1\"") && !page.contains("id=\"company-2\""), "{page}");
    }
}

/// What identifies, as `contact kind vouched`.
async fn raised(whole: &Whole) -> Vec<String> {
    let rows: Vec<(i64, String, bool)> = whole
        .ask(|conn| {
            let all = contact_addresses::table.filter(contact_addresses::is_identifying.eq(true));
            let order = (contact_addresses::contact_id, contact_addresses::kind, contact_addresses::value);
            all.order(order).select((contact_addresses::contact_id, contact_addresses::kind, contact_addresses::is_vouched)).load(conn)
        })
        .await;
    rows.into_iter().map(|(contact, kind, vouched)| format!("{contact} {kind} {vouched}")).collect()
}

/// On PostgreSQL an id that was given earlier may be committed later: the linker has passed it by then.
#[test]
fn an_event_that_commits_behind_the_linker_is_linked_all_the_same() {
    on_engine(Engine::Postgres, |app| async move {
        let whole = app.whole().await;
        lead(&whole, json!({ "name": "Ada", "email": "ada@engines.example" })).await;
        link(&whole).await;
        let mut late = diesel::pg::PgConnection::establish(&app.url).expect("PostgreSQL answers");
        let at: UtcTime = whole.app.clock.now();
        let row = |name: &'static str| {
            (
                events::line_id.eq("line"),
                events::source.eq("test"),
                events::source_event_id.eq(name),
                events::kind.eq("lead.looked_up"),
                events::subject.eq("lead:1"),
                events::occurred_at.eq(at),
                events::recorded_at.eq(at),
                events::data.eq("{}"),
            )
        };
        diesel::sql_query("BEGIN").execute(&mut late).expect("it begins");
        diesel::insert_into(events::table).values(row("late")).execute(&mut late).expect("it is written");
        lead(&whole, json!({ "name": "Ada", "email": "ada@engines.example" })).await;
        link(&whole).await;
        assert_eq!(kinds(&whole, "contact:1").await, ["lead.received"; 2], "nobody sees the late one yet");
        diesel::sql_query("COMMIT").execute(&mut late).expect("it is there");
        link(&whole).await;
        assert!(kinds(&whole, "contact:1").await.contains(&"lead.looked_up".to_owned()));
        // What was never committed is waited for ten minutes.
        diesel::sql_query("BEGIN").execute(&mut late).expect("it begins");
        diesel::insert_into(events::table).values(row("never")).execute(&mut late).expect("it is written");
        diesel::sql_query("ROLLBACK").execute(&mut late).expect("it is gone");
        lead(&whole, json!({ "name": "Ada", "email": "ada@engines.example" })).await;
        link(&whole).await;
        let gaps = || whole.ask(|conn| people_linker_gaps::table.count().get_result::<i64>(conn));
        assert_eq!(gaps().await, 1);
        app.clock.advance(std::time::Duration::from_secs(601));
        link(&whole).await;
        assert_eq!(gaps().await, 0);
    });
}
