//! Who facts speak of: one contact an address, whoever writes at the same time, and nobody taken over by a form.

use diesel::prelude::*;
use throughline::db::schema::{contact_addresses, contacts};
use throughline::db::{Store, Tx};
use throughline::people::{Facts, Identified, Rule, identify};

use crate::harness::both_engines;

fn facts(told_by: &str, email: &str, phone: &str) -> Facts {
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Facts { told_by: told_by.into(), name: Some("Ada".into()), email: given(email), phone: given(phone), ..Facts::default() }
}

async fn whose(store: &Store, facts: Facts, key: &str) -> Option<Identified> {
    let change = move |tx: &mut Tx<'_>| identify(tx, chrono::NaiveDateTime::default(), &facts).map_err(throughline::Error::from);
    store.write("test.identify", key, change).await.expect("it is identified")
}

both_engines! {
    async fn two_writers_with_one_address_end_in_one_contact(app: TestApp) {
        // A second store is a second process, as far as the database can tell.
        let other = app.open_store(|_| {});
        for round in 0..40 {
            let told = facts(&format!("lead:{round}"), &format!("ada.{round}@example.com"), &format!("+4420794{round:05}"));
            let (one, two) = tokio::join!(whose(&app.store, told.clone(), "one"), whose(&other, told, "two"));
            let (one, two) = (one.expect("somebody"), two.expect("somebody"));
            assert_eq!(one.contact, two.contact, "round {round}");
            assert_ne!(one.rule, two.rule, "round {round}: one made it, one found it");
        }
        let count = app.store.read(|conn| contacts::table.count().get_result::<i64>(conn).map_err(throughline::Error::from)).await;
        assert_eq!(count.expect("it reads"), 40);
    }

    async fn a_form_takes_nobody_over(app: TestApp) {
        let paid = Facts { stripe_customer: Some("cus_1".into()), is_vouched: true, ..facts("order:1", "ada@engines.example", "") };
        let ada = whose(&app.store, paid, "k").await.expect("she paid");
        // A stranger types her address beside their own number and another name.
        let stranger = Facts { name: Some("Mallory".into()), company: Some("Mallory Ltd".into()), ..facts("lead:1", "ada@engines.example", "+15550100") };
        assert_eq!(whose(&app.store, stranger, "k").await, Some(Identified { contact: ada.contact, rule: Rule::Email }));
        // What was merely stated matches nobody: who calls from that number is not Ada.
        let caller = whose(&app.store, facts("lead:2", "", "+15550100"), "k").await.expect("somebody");
        assert_ne!(caller.contact, ada.contact);
        let (name, stated): (Option<String>, Vec<(String, bool)>) = app.store.read(move |conn| -> throughline::Result<_> {
            let name = contacts::table.find(ada.contact.0).select(contacts::name).first(conn)?;
            let rows = contact_addresses::table.filter(contact_addresses::contact_id.eq(ada.contact)).order(contact_addresses::id);
            Ok((name, rows.select((contact_addresses::value, contact_addresses::is_identifying)).load(conn)?))
        }).await.expect("it reads");
        assert_eq!(name.as_deref(), Some("Ada"), "a form does not rename her");
        assert_eq!(stated, [("cus_1".to_owned(), true), ("ada@engines.example".to_owned(), true), ("+15550100".to_owned(), false)]);
    }

    async fn the_first_rule_that_fits_decides(app: TestApp) {
        let one = whose(&app.store, facts("lead:1", "ada@example.com", "+15550101"), "k").await.expect("somebody");
        let two = whose(&app.store, facts("lead:2", "eve@example.com", "+15550102"), "k").await.expect("somebody");
        assert_ne!(one.contact, two.contact);
        // Her mail address, and a number that is another's: mail counts before phone.
        let both = whose(&app.store, facts("lead:3", "ada@example.com", "+15550102"), "k").await;
        assert_eq!(both, Some(Identified { contact: one.contact, rule: Rule::Email }));
        // No mail address: the number decides. The same name: a second address of the same person.
        assert_eq!(whose(&app.store, facts("lead:4", "", "+15550102"), "k").await, Some(Identified { contact: two.contact, rule: Rule::Phone }));
        assert_eq!(whose(&app.store, facts("lead:5", "ada@home.example", "+15550101"), "k").await, Some(Identified { contact: one.contact, rule: Rule::Phone }));
        assert_eq!(whose(&app.store, facts("lead:6", "", ""), "k").await, None, "nothing to go by");
    }
}
