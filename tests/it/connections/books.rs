//! The page of the connection to Books: choosing, trying, and what it says where something is missing.

use diesel::prelude::*;
use throughline::accounts::Role;
use throughline::connections::ConnectionState;
use throughline::db::schema::{audit, connections};

use crate::harness::{Whole, both_engines};
use crate::web::browser::Browser;

async fn chosen(whole: &Whole) -> Option<(ConnectionState, Option<String>, Option<i64>)> {
    whole
        .ask(|conn| {
            let row = connections::table.filter(connections::provider.eq("zoho_books"));
            row.select((connections::state, connections::organisation_id, connections::calls_per_day)).first(conn).optional()
        })
        .await
}

both_engines! {
    async fn an_admin_chooses_an_organisation_from_the_list_of_books(app: TestApp) {
        let whole = app.whole().await;
        let admin = Browser::signed_in(&whole, Role::Admin).await;
        assert!(admin.get("/connections").await.text.contains("No organisation is chosen yet"));
        let listed = admin.post("/connections/books/organisations", &[]).await;
        assert_eq!(listed.status.code, 200);
        assert!(listed.text.contains("Sample Seller, second shop") && listed.text.contains(r#"<option value="premium" selected>"#), "{}", listed.text);
        assert_eq!(chosen(&whole).await, None, "looking chooses nothing");

        for wrong in [[("organisation_id", "1"), ("plan", "standard")], [("organisation_id", "10234696"), ("plan", "gold")]] {
            let refused = admin.post("/connections/books", &wrong).await;
            assert_eq!((refused.status.code, refused.text.contains("Nothing was chosen yet")), (422, true), "{}", refused.text);
        }
        assert_eq!(chosen(&whole).await, None);
        let answered = admin.post("/connections/books", &[("organisation_id", "10234696"), ("plan", "standard")]).await;
        assert_eq!(answered.status.code, 303);
        assert_eq!(chosen(&whole).await, Some((ConnectionState::Connected, Some("10234696".into()), Some(2_000))));
        let acts: i64 = whole.ask(|conn| audit::table.filter(audit::action.eq("connections.choose_books")).count().get_result(conn)).await;
        assert_eq!(acts, 1);

        let page = admin.get("/connections/books").await.text;
        for told in ["Sample Seller, second shop (id 10234696)", "Standard: 2,000 calls a day", "Organisation of Zoho Books chosen", "of 2,000"] {
            assert!(page.contains(told), "{told}: {page}");
        }
        assert_eq!(admin.post("/connections/books/test", &[]).await.status.code, 303);
        assert!(admin.get("/connections/books").await.text.contains("It works: Zoho Books knows us"));
    }

    async fn a_grant_without_permissions_for_books_is_told_to_reconnect(app: TestApp) {
        let whole = app.whole_with(throughline::sandbox::Options::default(), &[]).await;
        whole.sandbox.narrow_self_client("ZohoCRM.modules.ALL ZohoCRM.settings.fields.READ ZohoCRM.coql.READ ZohoCRM.org.READ");
        whole.connect_zoho().await;
        let admin = Browser::signed_in(&whole, Role::Admin).await;
        let page = admin.get("/connections/books").await.text;
        assert!(page.contains("The grant lacks permissions for Books") && page.contains("ZohoBooks.creditnotes.ALL"), "{page}");
        admin.post("/connections/books/organisations", &[]).await;
        assert!(admin.get("/connections/books").await.text.contains("reconnect Zoho and grant all of them"));
        assert_eq!(chosen(&whole).await, None);
    }

    async fn without_zoho_there_is_nothing_to_choose_and_the_page_says_so(app: TestApp) {
        let whole = app.whole_with(throughline::sandbox::Options::default(), &[]).await;
        let admin = Browser::signed_in(&whole, Role::Admin).await;
        assert!(admin.get("/connections/books").await.text.contains("Zoho is not connected"));
        admin.post("/connections/books/organisations", &[]).await;
        assert!(admin.get("/connections/books").await.text.contains("Zoho is not connected yet: connect it under Connections"));
        admin.post("/connections/books/test", &[]).await;
        assert!(admin.get("/connections/books").await.text.contains("no organisation is chosen yet"));
    }
}
