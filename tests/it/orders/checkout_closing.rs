//! An order never gets a second page while somebody could still pay, or has paid, on the first.

use std::time::Duration;

use rocket::http::Status;
use serde_json::json;
use throughline::orders::OrderState;

use super::checkout::{ask, grinders, hear, orders, session_of, shop};
use crate::harness::both_engines;

const CARD: [(&str, &str); 1] = [("card", "4242424242424242")];
/// Half a minute before a page of Stripe runs out.
const NEARLY_OVER: Duration = Duration::from_secs(24 * 3_600 - 30);
const A_DAY_LATER: Duration = Duration::from_secs(25 * 3_600);

both_engines! {
    async fn a_page_that_was_paid_and_that_no_webhook_told_of_is_not_followed_by_another(app: TestApp) {
        let whole = shop(&app).await;
        for (key, later) in [("k1", NEARLY_OVER), ("k2", A_DAY_LATER)] {
            let id = session_of(&ask(&whole.client, key, &grinders("EUR")).await);
            let pages = whole.sandbox.checkout_sessions().len();
            whole.sandbox.pay(&id, &CARD, app.clock.now());
            app.clock.advance(later);
            let again = ask(&whole.client, key, &grinders("EUR")).await;
            assert_eq!(again.status, Status::Conflict, "{}", again.text);
            assert!(again.text.contains("has been paid or is being paid already"), "{}", again.text);
            assert_eq!(whole.sandbox.checkout_sessions().len(), pages, "no other page");
        }
        hear(&app, &whole).await;
        assert!(orders(&whole).await.iter().all(|order| order.standing.state == OrderState::Paid));
    }

    async fn a_page_about_to_run_out_is_closed_before_another_is_opened(app: TestApp) {
        let whole = shop(&app).await;
        let first = session_of(&ask(&whole.client, "k1", &grinders("EUR")).await);
        app.clock.advance(NEARLY_OVER);
        let second = session_of(&ask(&whole.client, "k1", &grinders("EUR")).await);
        assert_ne!(first, second);
        let state = |id: &str| {
            let all = whole.sandbox.checkout_sessions();
            all.into_iter().find(|session| session["id"] == id).expect("a session")["status"].as_str().map(str::to_owned)
        };
        assert_eq!((state(&first).as_deref(), state(&second).as_deref()), (Some("expired"), Some("open")));
        assert_eq!(whole.sandbox.pay(&first, &CARD, app.clock.now()).0, 410, "nobody can pay there any more");
        whole.sandbox.pay(&second, &CARD, app.clock.now());
        hear(&app, &whole).await;
        let found = orders(&whole).await;
        assert_eq!((found.len(), found[0].standing.paid_minor, found[0].standing.state), (1, 9_800, OrderState::Paid));
    }

    async fn while_stripe_is_silent_nothing_is_opened(app: TestApp) {
        let whole = shop(&app).await;
        let first = session_of(&ask(&whole.client, "k1", &grinders("EUR")).await);
        app.clock.advance(NEARLY_OVER);
        // Silent when it is looked at, then when it is to be closed; the look itself went well then.
        for method in ["GET", "POST"] {
            whole.sandbox.script(json!({ "fault": "server_error", "path": "/v1/checkout", "method": method }));
            let silent = ask(&whole.client, "k1", &grinders("EUR")).await;
            assert_eq!((silent.status, silent.header("Retry-After")), (Status::ServiceUnavailable, Some("10")), "{method}: {}", silent.text);
            whole.sandbox.clear_faults();
            assert_eq!(whole.sandbox.checkout_sessions().len(), 1, "{method}");
        }
        let second = session_of(&ask(&whole.client, "k1", &grinders("EUR")).await);
        assert_ne!(first, second, "once it answers it goes on");
    }

    async fn a_lost_answer_to_the_closing_closes_it_once_and_goes_on(app: TestApp) {
        let whole = shop(&app).await;
        let first = session_of(&ask(&whole.client, "k1", &grinders("EUR")).await);
        app.clock.advance(NEARLY_OVER);
        whole.sandbox.script(json!({ "fault": "timeout_after_commit", "path": "/v1/checkout", "method": "POST", "times": 1 }));
        let lost = ask(&whole.client, "k1", &grinders("EUR")).await;
        assert_eq!(lost.status, Status::ServiceUnavailable, "{}", lost.text);
        let second = session_of(&ask(&whole.client, "k1", &grinders("EUR")).await);
        assert_ne!(first, second);
        assert_eq!(whole.sandbox.checkout_sessions().len(), 2);
    }
}
