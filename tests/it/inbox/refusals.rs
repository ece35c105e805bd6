//! Wrong signatures: kept apart within limits, and shown with the likely reason.

use std::time::Duration;

use diesel::prelude::*;
use throughline::accounts::Role;
use throughline::db::Tx;
use throughline::db::schema::{refused_webhook_counts, refused_webhooks};
use throughline::inbox::refusals::{BODY_KEPT_MAX, KEPT_MAX, Refused};
use throughline::inbox::refused_queries;
use throughline::integrations::stripe::signature::Flaw;

use super::{refund, with_stripe};
use crate::harness::{Whole, both_engines};
use crate::web::browser::{Browser, PASSWORD};

async fn kept(whole: &Whole) -> Vec<(i64, i64, Vec<u8>)> {
    let all = refused_webhooks::table.order(refused_webhooks::id);
    whole.ask(move |conn| all.select((refused_webhooks::id, refused_webhooks::size_bytes, refused_webhooks::body)).load(conn)).await
}

async fn counted(whole: &Whole) -> i64 {
    let all: Vec<i64> = whole.ask(|conn| refused_webhook_counts::table.select(refused_webhook_counts::refused).load(conn)).await;
    all.iter().sum()
}

both_engines! {
    async fn a_flood_is_counted_whole_and_kept_in_part(app: TestApp) {
        let whole = with_stripe(&app).await;
        let large = vec![b'x'; 100 * 1024];
        for _ in 0..70 {
            assert_eq!(whole.push_signed(&large, Some("t=1,v1=0")).await.status.code, 401);
        }
        assert_eq!((kept(&whole).await.len(), counted(&whole).await), (50, 50), "the first fifty");
        app.clock.advance(Duration::from_secs(1));
        whole.push_signed(b"small", Some("t=1,v1=0")).await;
        assert_eq!((kept(&whole).await.len(), counted(&whole).await), (51, 71), "the next brings the count of those between");
        let (_, size_bytes, body) = &kept(&whole).await[0];
        assert_eq!((*size_bytes, body.len()), (100 * 1024, BODY_KEPT_MAX));
    }

    async fn no_more_than_a_thousand_are_kept(app: TestApp) {
        let whole = with_stripe(&app).await;
        let now = app.clock.now();
        for _ in 0..3 {
            let write = move |tx: &mut Tx<'_>| -> throughline::Result<()> {
                for _ in 0..400 {
                    let refused = Refused {
                        provider: "stripe", flaw: Flaw::NoMatch, address: "192.0.2.1".into(), headers: "{}".into(), body: vec![1], size_bytes: 1,
                    };
                    refused_queries::insert(tx, now, &refused)?;
                }
                Ok(())
            };
            whole.app.store.write("test.refuse", "k", write).await.expect("it is written");
        }
        let kept = kept(&whole).await;
        assert_eq!(i64::try_from(kept.len()), Ok(KEPT_MAX));
        assert_eq!((kept[0].0, kept[999].0), (201, 1_200), "the newest");
    }

    async fn the_pages_say_how_many_and_why_and_show_what_was_said_as_text(app: TestApp) {
        let whole = with_stripe(&app).await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        assert!(browser.get("/inbox/refused").await.text.contains("None is kept"));
        let webhook = refund(&app, &whole, 1);
        whole.push(&webhook.of_another_endpoint(app.clock.now())).await;
        whole.push_signed(b"<script>alert(1)</script>", None).await;

        let list = browser.get("/inbox/refused").await.text;
        assert!(list.contains("Signature does not fit: 1") && list.contains("Not signed: 1"), "{list}");
        let one = browser.get("/inbox/refused/2").await.text;
        assert!(one.contains("&#60;script&#62;alert(1)") && !one.contains("<script>alert"), "{one}");
        assert_eq!(browser.get("/inbox/refused/9").await.status.code, 404);
        let connection = browser.get("/connections/stripe").await.text;
        assert!(connection.contains("2 webhooks were refused in the last 24 hours"), "{connection}");
        app.clock.advance(Duration::from_secs(26 * 3600));
        browser.sign_in("viewer@example.com", PASSWORD).await;
        assert!(!browser.get("/inbox/refused").await.text.contains("Not signed: 1"), "a day later they are no news");
    }
}
