//! An address that was merely stated, confirmed by staff: it finds its contact from then on, and never two.

use diesel::prelude::*;
use serde_json::json;
use throughline::accounts::Role;
use throughline::contacts;
use throughline::db::Tx;
use throughline::db::schema::{audit, contact_addresses};
use throughline::people::{ContactId, confirm_queries};

use super::scenario::{kinds, lead, link, links, session, tell};
use crate::harness::{Whole, both_engines};
use crate::web::browser::Browser;

/// Ada paid; then somebody gave her address and another number on a form.
async fn stated(whole: &Whole) {
    tell(whole, 1, "checkout.session.completed", session(1, "cus_1", "ada@engines.example")).await;
    lead(whole, json!({ "name": "Ada", "email": "ada@engines.example", "phone": "+442079460958" })).await;
    link(whole).await;
}

async fn address(whole: &Whole, value: &'static str, contact: i64) -> i64 {
    whole
        .ask(move |conn| {
            let this = contact_addresses::table
                .filter(contact_addresses::value.eq(value))
                .filter(contact_addresses::contact_id.eq(ContactId(contact)));
            this.select(contact_addresses::id).first(conn)
        })
        .await
}

both_engines! {
    async fn a_confirmed_address_finds_its_contact_from_then_on(app: TestApp) {
        let whole = app.whole().await;
        stated(&whole).await;
        let before = links(&whole).await;
        let id = address(&whole, "+442079460958", 1).await;
        let path = format!("/contacts/1/addresses/{id}/confirmation");
        let viewer = Browser::signed_in(&whole, Role::Viewer).await;
        assert!(!viewer.get("/contacts/1").await.text.contains("confirmation"), "a viewer confirms nothing");
        assert_eq!(viewer.post(&path, &[]).await.status.code, 403);
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        assert!(browser.get("/contacts/1").await.text.contains(&path));

        assert_eq!(browser.post(&path, &[]).await.header("Location"), Some("/contacts/1"));

        let page = browser.get("/contacts/1").await.text;
        for told in ["is this contact. What came before stays where it is.", "Identifies, confirmed by staff", "Address confirmed", "by Test operator"] {
            assert!(page.contains(told), "{told}: {page}");
        }
        assert!(!page.contains(&path) && !page.contains("Merely stated"), "{page}");
        assert_eq!(links(&whole).await, before, "what was linked before stays");
        assert!(kinds(&whole, "contact:1").await.iter().any(|kind| kind == "address.confirmed"));
        let after: Option<String> = whole.ask(|conn| audit::table.filter(audit::action.eq("contacts.confirm_address")).select(audit::after).first(conn)).await;
        assert!(after.is_some_and(|after| after.contains("+442079460958") && after.contains("phone")));
        lead(&whole, json!({ "name": "A. L.", "phone": "+442079460958" })).await;
        link(&whole).await;
        assert!(browser.get("/leads/2").await.text.contains("matched by phone number"), "whoever calls from there is her");
        browser.post(&path, &[]).await;
        assert!(browser.get("/contacts/1").await.text.contains("+442079460958 identifies this contact already."));
        assert_eq!(browser.post("/contacts/1/addresses/999/confirmation", &[]).await.status.code, 404);
    }

    async fn an_address_that_identifies_another_is_refused_with_their_name(app: TestApp) {
        let whole = app.whole().await;
        stated(&whole).await;
        // Not confirmed: whoever calls from that number is somebody else, whom it identifies from then on.
        lead(&whole, json!({ "name": "Eve", "phone": "+442079460958" })).await;
        link(&whole).await;
        let id = address(&whole, "+442079460958", 1).await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        browser.post(&format!("/contacts/1/addresses/{id}/confirmation"), &[]).await;
        let page = browser.get("/contacts/1").await.text;
        assert!(page.contains("+442079460958 identifies Eve (contact 2) already, and can identify one contact only. Two contacts cannot be made one yet: write to them there."), "{page}");
        assert!(page.contains("Merely stated"));
        assert_eq!(browser.post(&format!("/contacts/2/addresses/{id}/confirmation"), &[]).await.status.code, 404, "it is not theirs");
        let rows = whole.ask(|conn| audit::table.filter(audit::action.eq("contacts.confirm_address")).count().get_result::<i64>(conn)).await;
        assert_eq!(rows, 0);
    }

    async fn of_two_who_confirm_one_address_for_two_contacts_one_is_refused(app: TestApp) {
        let whole = app.whole().await;
        stated(&whole).await;
        tell(&whole, 2, "checkout.session.completed", session(2, "cus_2", "eve@example.com")).await;
        lead(&whole, json!({ "name": "Eve", "email": "eve@example.com", "phone": "+442079460958" })).await;
        link(&whole).await;
        let (one, two) = (address(&whole, "+442079460958", 1).await, address(&whole, "+442079460958", 2).await);
        // A second store is a second process, as far as the database can tell.
        let (other, now) = (app.open_store(|_| {}), app.clock.now());
        let confirm = |contact: i64, address: i64| {
            move |tx: &mut Tx<'_>| -> throughline::Result<()> { confirm_queries::confirm(tx, now, ContactId(contact), address, "test").map(drop) }
        };
        let (first, second) = tokio::join!(
            whole.app.store.write("test.confirm", "one", confirm(1, one)),
            other.write("test.confirm", "two", confirm(2, two))
        );
        assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
        let owners: i64 = whole
            .ask(|conn| {
                let of = contact_addresses::table.filter(contact_addresses::value.eq("+442079460958"));
                of.filter(contact_addresses::is_identifying.eq(true)).count().get_result(conn)
            })
            .await;
        assert_eq!(owners, 1);
    }

    async fn a_confirmed_mail_address_says_where_they_work(app: TestApp) {
        let whole = app.whole().await;
        lead(&whole, json!({ "name": "Ada", "email": "ada@gmail.com", "phone": "+442079460958" })).await;
        lead(&whole, json!({ "name": "Ada", "email": "ada@engines.example", "phone": "+442079460958" })).await;
        link(&whole).await;
        contacts::link_new(&whole.app).await.expect("it links");
        let id = address(&whole, "ada@engines.example", 1).await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        browser.post(&format!("/contacts/1/addresses/{id}/confirmation"), &[]).await;
        assert!(browser.get("/contacts/1").await.text.contains("engines.example, by the domain of the mail address"));
    }
}
