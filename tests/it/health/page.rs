//! `/health` for people: what it shows, who sees which button, and what the buttons do.

use diesel::prelude::*;
use rocket::http::{Header, Status};
use throughline::accounts::Role;
use throughline::db::schema::audit;

use super::{change, healthy, pass};
use crate::harness::{Whole, both_engines, read};
use crate::web::browser::Browser;

/// How often somebody has asked for what waits to be processed: a row is there once the jobs are chosen.
async fn acts(whole: &Whole) -> i64 {
    whole.ask(|conn| audit::table.filter(audit::action.eq("leads.process")).count().get_result(conn)).await
}

both_engines! {
    async fn the_page_says_in_a_sentence_how_it_stands(app: TestApp) {
        let whole = healthy(&app).await;
        let viewer = Browser::signed_in(&whole, Role::Viewer).await;
        let page = viewer.get("/health").await.text;
        for words in ["Everything works: leads arrive and go out by themselves.", "Healthy", "Nothing to do", "ends in <span data-seconds=\"3600\"", "Calls in any 24 hours", "2 of 5,000", "All 7 checks pass"] {
            assert!(page.contains(words), "{words} is missing in: {page}");
        }
        assert!(!page.contains("action=\"/health/"), "a viewer has no buttons");

        change(&whole, "UPDATE connections SET state = 'needs_reconnect', state_reason = 'The grant is <b>gone</b>'").await;
        pass(&whole, 6).await;
        let page = viewer.get("/health").await.text;
        for words in ["Unhealthy", "Connect Zoho CRM again", "The grant is &#60;b&#62;gone&#60;/b&#62;.", "not accepted", "need a look"] {
            assert!(page.contains(words), "{words} is missing in: {page}");
        }
        assert!(page.find("Zoho CRM: <span").expect("a group") < page.find("The program: <span").expect("a group"), "the worst first");
    }

    async fn a_page_without_a_database_still_says_what_is_wrong(app: TestApp) {
        let whole = healthy(&app).await;
        let viewer = Browser::signed_in(&whole, Role::Viewer).await;
        change(&whole, "ALTER TABLE call_usage RENAME TO somewhere_else").await;
        let page = viewer.get("/health").await;
        assert_eq!(page.status, Status::Ok);
        assert!(page.text.contains("Bring the database back") && page.text.contains("throughline config check"), "{}", page.text);
    }

    async fn an_operator_processes_what_waits_and_sees_what_came_of_it(app: TestApp) {
        let whole = healthy(&app).await;
        let operator = Browser::signed_in(&whole, Role::Operator).await;
        let nothing = operator.post("/health/processing", &[]).await;
        assert_eq!((nothing.status, nothing.header("Location")), (Status::SeeOther, Some("/health")));
        assert!(operator.get("/health").await.text.contains("No lead waits, so there was nothing to process."));

        whole.post_lead("Ada", "ada@example.com").await;
        whole.post_lead("Bo", "bo@example.com").await;
        let mut changes = app.store.subscribe();
        let once_asked = async {
            while acts(&whole).await < 2 {
                changes.recv().await.expect("a topic");
            }
            whole.run_until_idle().await;
        };
        let (asked, ()) = tokio::join!(operator.post("/health/processing", &[]), once_asked);
        assert_eq!(asked.status, Status::SeeOther);
        let page = operator.get("/health").await.text;
        assert!(page.contains("2 leads processed: 2 sent."), "{page}");

        change(&whole, "UPDATE connections SET state = 'needs_reconnect'").await;
        whole.post_lead("Cy", "cy@example.com").await;
        operator.post("/health/processing", &[]).await;
        let page = operator.get("/health").await.text;
        assert!(page.contains("1 lead processed: 1 still waiting. Waits until Zoho CRM is connected again: its sign-in was refused."), "{page}");
    }

    async fn an_operator_tries_the_refresh_out_and_sees_its_result(app: TestApp) {
        let whole = healthy(&app).await;
        let operator = Browser::signed_in(&whole, Role::Operator).await;
        assert!(operator.get("/health").await.text.contains("Test token refresh"));
        assert_eq!(operator.post("/health/refresh", &[]).await.header("Location"), Some("/health"));
        let page = operator.get("/health").await.text;
        assert!(page.contains("The token refresh works: Zoho gave out a new access token in") && page.contains("good until 10:00:00."), "{page}");
        operator.post("/health/refresh", &[]).await;
        operator.get("/health").await;
        operator.post("/health/refresh", &[]).await;
        let page = operator.get("/health").await.text;
        assert!(page.contains("The refresh was not tried out. The Zoho token was renewed 3 times within 10 minutes"), "{page}");

        pass(&whole, 700).await;
        whole.sandbox.revoke_refresh_token();
        operator.post("/health/refresh", &[]).await;
        let page = operator.get("/health").await.text;
        assert!(page.contains("The token refresh does not work.") && page.contains("[invalid_code]"), "{page}");
        assert!(!page.contains("Test token refresh"), "there is nothing to try until it is connected again");
    }

    async fn the_buttons_are_an_operators_and_not_another_sites(app: TestApp) {
        let whole = healthy(&app).await;
        let viewer = Browser::signed_in(&whole, Role::Viewer).await;
        let operator = Browser::signed_in(&whole, Role::Operator).await;
        for path in ["/health/processing", "/health/refresh"] {
            assert_eq!(viewer.post(path, &[]).await.status, Status::Forbidden, "{path}");
            let foreign = operator.0.post(path).header(Header::new("Sec-Fetch-Site", "cross-site")).dispatch().await;
            assert_eq!(read(foreign).await.status, Status::Forbidden, "{path}");
        }
        assert_eq!(whole.sandbox.calls("POST /oauth/v2/token"), 1);
    }
}
