//! Tokens that expire, are revoked, are renewed by two at once, too often, or by a process that died.

use std::time::Duration;

use chrono::TimeDelta;
use diesel::prelude::*;
use secrecy::ExposeSecret;
use serde_json::json;
use throughline::app::App;
use throughline::connections::{
    ConnectionState, Summary, access_token, connect, refresh_after_rejection, require_reconnect, summary, test_refresh,
};
use throughline::db::schema::{audit, connections, events};
use throughline::db::{Topic, Tx};
use throughline::integrations::FailureClass;
use throughline::integrations::zoho::PROVIDER;
use throughline::integrations::zoho::oauth::{Grant, refresh};
use throughline::outbox::admin::Request;

use super::{by_cli, form};
use crate::harness::{Whole, both_engines};

async fn token(app: &App) -> String {
    access_token(app, PROVIDER).await.expect("a token").token.expose_secret().to_owned()
}

async fn seen(whole: &Whole) -> Summary {
    whole.ask(summary).await.expect("a connection")
}

/// How many refreshes reached Zoho; connecting was the first.
fn refreshes(whole: &Whole) -> u64 {
    whole.sandbox.calls("POST /oauth/v2/token")
}

both_engines! {
    async fn a_token_is_used_until_five_minutes_before_its_end_also_by_another_process(app: TestApp) {
        let whole = app.whole().await;
        let first = token(&whole.app).await;
        app.clock.advance(Duration::from_secs(3600 - 301));
        assert_eq!(token(&whole.app).await, first);
        assert_eq!(token(&whole.elsewhere(&app)).await, first);
        assert_eq!(refreshes(&whole), 1);
        app.clock.advance(Duration::from_secs(1));
        assert_ne!(token(&whole.app).await, first);
        assert_eq!(refreshes(&whole), 2);
    }

    async fn an_expired_token_is_renewed_once_however_many_ask(app: TestApp) {
        let whole = app.whole().await;
        app.clock.advance(Duration::from_secs(3601));
        whole.sandbox.script(json!({ "fault": "slow", "path": "/oauth", "delay_ms": 300 }));
        let other = whole.elsewhere(&app);
        let (one, two, three) = tokio::join!(token(&whole.app), token(&other), token(&whole.app));
        assert_eq!((&one, &one), (&two, &three));
        assert_eq!(refreshes(&whole), 2, "one for connecting, one for all three");
    }

    async fn while_somebody_renews_a_token_that_still_lives_the_others_go_on_with_it(app: TestApp) {
        let whole = app.whole().await;
        let first = token(&whole.app).await;
        app.clock.advance(Duration::from_secs(3600 - 120));
        whole.sandbox.script(json!({ "fault": "slow", "path": "/oauth", "delay_ms": 300 }));
        let other = whole.elsewhere(&app);
        let (renewed, old) = tokio::join!(token(&whole.app), token(&other));
        let both = [renewed, old];
        assert_eq!(both.iter().filter(|token| **token == first).count(), 1, "one renews, one goes on");
    }

    async fn a_refused_token_is_renewed_once_for_all_who_were_refused(app: TestApp) {
        let whole = app.whole().await;
        let refused = access_token(&whole.app, PROVIDER).await.expect("a token").token;
        whole.sandbox.revoke_access_tokens();
        let (one, two) =
            tokio::join!(refresh_after_rejection(&whole.app, PROVIDER, &refused), refresh_after_rejection(&whole.app, PROVIDER, &refused));
        let (one, two) = (one.expect("a token"), two.expect("a token"));
        assert_eq!(one.token.expose_secret(), two.token.expose_secret());
        assert_ne!(one.token.expose_secret(), refused.expose_secret());
        assert_eq!(refreshes(&whole), 2);
    }

    async fn a_revoked_grant_asks_for_a_person_once_and_connecting_again_releases_it(app: TestApp) {
        let whole = app.whole().await;
        let next = whole.sandbox.revoke_refresh_token();
        app.clock.advance(Duration::from_secs(3601));
        let failure = access_token(&whole.app, PROVIDER).await.expect_err("revoked");
        assert_eq!(failure.class, FailureClass::Authentication);
        assert!(failure.message.contains("Connect Zoho again") && failure.message.ends_with("[invalid_code]"), "{}", failure.message);
        app.clock.advance(Duration::from_secs(3600));
        assert_eq!(access_token(&whole.app, PROVIDER).await.expect_err("still"), failure);
        assert_eq!(refreshes(&whole), 2, "nobody asks again");
        let told = seen(&whole).await;
        assert_eq!((told.state, told.state_reason), (ConnectionState::NeedsReconnect, Some(failure.message)));

        let kinds: Vec<String> = whole.ask(|conn| events::table.select(events::kind).order(events::id).load(conn)).await;
        assert_eq!(kinds, ["connection.connected", "connection.needs_reconnect"], "told once on the timeline");

        let mut topics = whole.app.store.subscribe();
        connect(&whole.app, form(&next), by_cli()).await.expect("connected again");
        let told = seen(&whole).await;
        assert_eq!((told.state, told.state_reason, told.last_error), (ConnectionState::Connected, None, None));
        // The workers are woken: the test would wait for ever otherwise.
        while topics.recv().await.expect("a topic") != Topic::Jobs {}
        token(&whole.app).await;
    }

    async fn a_throttled_refresh_is_parked_and_not_repeated_for_thirty_seconds(app: TestApp) {
        let whole = app.whole().await;
        app.clock.advance(Duration::from_secs(3601));
        for _ in 0..10 {
            let grant = Grant {
                client_id: "another program".into(),
                client_secret: "s".into(),
                refresh_token: "sandbox".into(),
            };
            refresh(&*whole.app.transport, "http://sandbox.test", &grant).await;
        }
        let asked = refreshes(&whole);
        let failure = access_token(&whole.app, PROVIDER).await.expect_err("throttled");
        assert_eq!((failure.class, failure.retry_after_s), (FailureClass::RateLimited, Some(600)));
        app.clock.advance(Duration::from_secs(10));
        let failure = access_token(&whole.app, PROVIDER).await.expect_err("cooling down");
        assert_eq!((failure.class, failure.retry_after_s), (FailureClass::RateLimited, Some(20)));
        assert!(failure.message.contains("too many were asked for"), "{}", failure.message);
        assert_eq!(refreshes(&whole), asked + 1);
        assert_eq!(seen(&whole).await.state, ConnectionState::Connected);
        app.clock.advance(Duration::from_secs(600));
        token(&whole.app).await;
    }

    async fn no_more_than_five_refreshes_in_ten_minutes(app: TestApp) {
        let whole = app.whole().await;
        for _ in 0..4 {
            let refused = access_token(&whole.app, PROVIDER).await.expect("a token").token;
            refresh_after_rejection(&whole.app, PROVIDER, &refused).await.expect("another");
        }
        let refused = access_token(&whole.app, PROVIDER).await.expect("a token").token;
        app.clock.advance(Duration::from_secs(60));
        let failure = refresh_after_rejection(&whole.app, PROVIDER, &refused).await.expect_err("the sixth");
        assert_eq!((failure.class, failure.retry_after_s), (FailureClass::RateLimited, Some(540)));
        assert_eq!(refreshes(&whole), 5);
        app.clock.advance(Duration::from_secs(541));
        refresh_after_rejection(&whole.app, PROVIDER, &refused).await.expect("allowed again");
    }

    async fn a_person_may_try_a_refresh_out_and_leaves_two_of_five_to_the_jobs(app: TestApp) {
        let whole = app.whole().await;
        let first = token(&whole.app).await;
        app.clock.advance(Duration::from_secs(60));
        let by = || Request { actor: "user:7".into(), reason: None, address: Some("192.0.2.1".into()), now: app.clock.now() };
        for _ in 0..2 {
            let tested = test_refresh(&whole.app, PROVIDER, &by()).await.expect("the grant works");
            assert_eq!(tested.expires_at, Some(app.clock.now() + TimeDelta::seconds(3600)));
        }
        assert_ne!(token(&whole.app).await, first, "the new token is the one that is used");
        let refusal = test_refresh(&whole.app, PROVIDER, &by()).await.expect_err("with connecting that would be four");
        assert_eq!((refusal.class, refusal.retry_after_s), (FailureClass::RateLimited, Some(540)));
        assert!(refusal.message.contains("the last 2 of 5 are kept for jobs. Try again in 9 min"), "{}", refusal.message);
        assert_eq!(refreshes(&whole), 3);
        let refused = access_token(&whole.app, PROVIDER).await.expect("a token").token;
        refresh_after_rejection(&whole.app, PROVIDER, &refused).await.expect("a job still gets its own");
        let acts: Vec<(String, Option<String>)> = whole
            .ask(|conn| audit::table.filter(audit::action.eq("connections.test_refresh")).select((audit::actor, audit::address)).load(conn))
            .await;
        assert_eq!(acts, vec![("user:7".to_owned(), Some("192.0.2.1".to_owned())); 2], "each that was made is audited");
    }

    async fn a_refresh_tried_out_on_a_revoked_grant_says_so_and_asks_for_a_person(app: TestApp) {
        let whole = app.whole().await;
        whole.sandbox.revoke_refresh_token();
        let by = Request { actor: "user:7".into(), reason: None, address: None, now: app.clock.now() };
        let failure = test_refresh(&whole.app, PROVIDER, &by).await.expect_err("revoked");
        assert!(failure.message.contains("[invalid_code]"), "{}", failure.message);
        assert_eq!(seen(&whole).await.state, ConnectionState::NeedsReconnect);
        let again = test_refresh(&whole.app, PROVIDER, &by).await.expect_err("nobody asks again");
        assert_eq!((again.class, refreshes(&whole)), (FailureClass::Authentication, 2));
    }

    async fn a_refresh_left_by_a_dead_process_lapses_after_thirty_seconds(app: TestApp) {
        let whole = app.whole().await;
        app.clock.advance(Duration::from_secs(3601));
        let until = app.clock.now() + TimeDelta::seconds(30);
        let dies = move |tx: &mut Tx<'_>| {
            diesel::update(connections::table)
                .set((connections::refreshing_until.eq(until), connections::refreshing_by.eq("a process that died")))
                .execute(tx.conn())
        };
        whole.app.store.write::<_, diesel::result::Error>("test.die", PROVIDER, dies).await.expect("written");
        app.clock.advance(Duration::from_secs(29));
        let waiting = tokio::time::timeout(Duration::from_millis(600), access_token(&whole.app, PROVIDER)).await;
        assert!(waiting.is_err() && refreshes(&whole) == 1, "the lease still holds");
        app.clock.advance(Duration::from_secs(1));
        token(&whole.app).await;
        assert_eq!(refreshes(&whole), 2);
    }

    async fn a_refresh_that_fails_for_the_moment_leaves_a_living_token_in_use(app: TestApp) {
        let whole = app.whole().await;
        let first = token(&whole.app).await;
        app.clock.advance(Duration::from_secs(3600 - 120));
        whole.sandbox.script(json!({ "fault": "timeout_after_commit", "path": "/oauth" }));
        assert_eq!(token(&whole.app).await, first);
        app.clock.advance(Duration::from_secs(121));
        let failure = access_token(&whole.app, PROVIDER).await.expect_err("expired and not renewed");
        assert!(!failure.effect_unknown && !failure.of_record, "no lead is at fault: {failure:?}");
        assert!(seen(&whole).await.last_error.expect("told").contains("answer was lost"));
    }

    async fn an_api_domain_that_is_not_zohos_is_never_called(app: TestApp) {
        let whole = app.whole().await;
        whole.sandbox.set_base_url("https://evil.example");
        app.clock.advance(Duration::from_secs(3601));
        let failure = access_token(&whole.app, PROVIDER).await.expect_err("not followed");
        assert!(failure.message.contains("Zoho answers for https://evil.example"), "{}", failure.message);
    }

    async fn a_renewed_token_that_is_refused_too_asks_for_a_person(app: TestApp) {
        let whole = app.whole().await;
        let refused = access_token(&whole.app, PROVIDER).await.expect("a token").token;
        let renewed = refresh_after_rejection(&whole.app, PROVIDER, &refused).await.expect("another").token;
        require_reconnect(&whole.app, PROVIDER, &refused, "outdated").await;
        assert_eq!(seen(&whole).await.state, ConnectionState::Connected, "there is another token by now");
        require_reconnect(&whole.app, PROVIDER, &renewed, "Zoho refuses our access token [INVALID_TOKEN]").await;
        assert_eq!(seen(&whole).await.state, ConnectionState::NeedsReconnect);
    }

    async fn nothing_readable_is_stored(app: TestApp) {
        let whole = app.whole().await;
        let columns = (connections::client_secret_sealed, connections::refresh_token_sealed, connections::access_token_sealed);
        let sealed: (String, String, Option<String>) =
            whole.ask(move |conn| connections::table.select(columns).first(conn)).await;
        for text in [sealed.0, sealed.1, sealed.2.expect("a token")] {
            assert!(text.starts_with("v1.") && !text.contains("secret") && !text.contains("sandbox") && !text.contains("1000."), "{text}");
        }
        let told = seen(&whole).await;
        assert_eq!((told.connected_at, told.token_refreshed_at, told.connected_by.as_str()), (app.clock.now(), Some(app.clock.now()), "cli"));
    }
}
