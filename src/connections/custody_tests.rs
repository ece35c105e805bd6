//! Tokens that expire, are revoked, are renewed by two at once, too often, or by a process that died.

use std::time::Duration;

use diesel::prelude::*;
use secrecy::ExposeSecret;
use serde_json::json;

use super::*;
use crate::connections::bench::{Bench, by_cli, form, now};
use crate::connections::{Summary, connect, summary};
use crate::db::schema::connections;
use crate::integrations::zoho::PROVIDER;

async fn token(app: &App) -> String {
    access_token(app, PROVIDER).await.expect("a token").token.expose_secret().to_owned()
}

async fn seen(bench: &Bench) -> Summary {
    bench.app.store.read(|conn| summary(conn).map_err(ReadError::from)).await.expect("a read").expect("a connection")
}

#[tokio::test]
async fn a_token_is_used_until_five_minutes_before_its_end_also_by_another_process() {
    let bench = Bench::connected().await;
    let first = token(&bench.app).await;
    bench.clock.advance(Duration::from_secs(3600 - 301));
    assert_eq!(token(&bench.app).await, first);
    assert_eq!(token(&bench.other_process()).await, first);
    assert_eq!(bench.refreshes(), 1);
    bench.clock.advance(Duration::from_secs(1));
    assert_ne!(token(&bench.app).await, first);
    assert_eq!(bench.refreshes(), 2);
}

#[tokio::test]
async fn an_expired_token_is_renewed_once_however_many_ask() {
    let bench = Bench::connected().await;
    bench.clock.advance(Duration::from_secs(3601));
    bench.sandbox.script(json!({ "fault": "slow", "path": "/oauth", "delay_ms": 300 }));
    let other = bench.other_process();
    let (one, two, three) = tokio::join!(token(&bench.app), token(&other), token(&bench.app));
    assert_eq!((&one, &one), (&two, &three));
    assert_eq!(bench.refreshes(), 2, "one for connecting, one for all three");
}

#[tokio::test]
async fn while_somebody_renews_a_token_that_still_lives_the_others_go_on_with_it() {
    let bench = Bench::connected().await;
    let first = token(&bench.app).await;
    bench.clock.advance(Duration::from_secs(3600 - 120));
    bench.sandbox.script(json!({ "fault": "slow", "path": "/oauth", "delay_ms": 300 }));
    let other = bench.other_process();
    let (renewed, old) = tokio::join!(token(&bench.app), token(&other));
    let both = [renewed, old];
    assert_eq!(both.iter().filter(|token| **token == first).count(), 1, "one renews, one goes on");
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_for_all_who_were_refused() {
    let bench = Bench::connected().await;
    let refused = access_token(&bench.app, PROVIDER).await.expect("a token").token;
    bench.sandbox.revoke_access_tokens();
    let (one, two) =
        tokio::join!(refresh_after_rejection(&bench.app, PROVIDER, &refused), refresh_after_rejection(&bench.app, PROVIDER, &refused));
    let (one, two) = (one.expect("a token"), two.expect("a token"));
    assert_eq!(one.token.expose_secret(), two.token.expose_secret());
    assert_ne!(one.token.expose_secret(), refused.expose_secret());
    assert_eq!(bench.refreshes(), 2);
}

#[tokio::test]
async fn a_revoked_grant_asks_for_a_person_once_and_connecting_again_releases_it() {
    let bench = Bench::connected().await;
    let next = bench.sandbox.revoke_refresh_token();
    bench.clock.advance(Duration::from_secs(3601));
    let failure = access_token(&bench.app, PROVIDER).await.expect_err("revoked");
    assert_eq!(failure.class, FailureClass::Authentication);
    assert!(failure.message.contains("Connect Zoho again") && failure.message.ends_with("[invalid_code]"), "{}", failure.message);
    bench.clock.advance(Duration::from_secs(3600));
    assert_eq!(access_token(&bench.app, PROVIDER).await.expect_err("still"), failure);
    assert_eq!(bench.refreshes(), 2, "nobody asks again");
    let told = seen(&bench).await;
    assert_eq!((told.state, told.state_reason), (ConnectionState::NeedsReconnect, Some(failure.message)));

    let mut topics = bench.app.store.subscribe();
    connect(&bench.app, form(&next), by_cli()).await.expect("connected again");
    let told = seen(&bench).await;
    assert_eq!((told.state, told.state_reason, told.last_error), (ConnectionState::Connected, None, None));
    // The workers are woken: the test would wait for ever otherwise.
    while topics.recv().await.expect("a topic") != Topic::Jobs {}
    token(&bench.app).await;
}

#[tokio::test]
async fn a_throttled_refresh_is_parked_and_not_repeated_for_thirty_seconds() {
    let bench = Bench::connected().await;
    bench.clock.advance(Duration::from_secs(3601));
    for _ in 0..10 {
        let grant = crate::integrations::zoho::oauth::Grant {
            client_id: "another program".into(),
            client_secret: "s".into(),
            refresh_token: "sandbox".into(),
        };
        crate::integrations::zoho::oauth::refresh(&*bench.app.transport, "http://sandbox.test", &grant).await;
    }
    let asked = bench.refreshes();
    let failure = access_token(&bench.app, PROVIDER).await.expect_err("throttled");
    assert_eq!((failure.class, failure.retry_after_s), (FailureClass::RateLimited, Some(600)));
    bench.clock.advance(Duration::from_secs(10));
    let failure = access_token(&bench.app, PROVIDER).await.expect_err("cooling down");
    assert_eq!((failure.class, failure.retry_after_s), (FailureClass::RateLimited, Some(20)));
    assert!(failure.message.contains("too many were asked for"), "{}", failure.message);
    assert_eq!(bench.refreshes(), asked + 1);
    assert_eq!(seen(&bench).await.state, ConnectionState::Connected);
    bench.clock.advance(Duration::from_secs(600));
    token(&bench.app).await;
}

#[tokio::test]
async fn no_more_than_five_refreshes_in_ten_minutes() {
    let bench = Bench::connected().await;
    for _ in 0..4 {
        let refused = access_token(&bench.app, PROVIDER).await.expect("a token").token;
        refresh_after_rejection(&bench.app, PROVIDER, &refused).await.expect("another");
    }
    let refused = access_token(&bench.app, PROVIDER).await.expect("a token").token;
    bench.clock.advance(Duration::from_secs(60));
    let failure = refresh_after_rejection(&bench.app, PROVIDER, &refused).await.expect_err("the sixth");
    assert_eq!((failure.class, failure.retry_after_s), (FailureClass::RateLimited, Some(540)));
    assert_eq!(bench.refreshes(), 5);
    bench.clock.advance(Duration::from_secs(541));
    refresh_after_rejection(&bench.app, PROVIDER, &refused).await.expect("allowed again");
}

#[tokio::test]
async fn a_refresh_left_by_a_dead_process_lapses_after_thirty_seconds() {
    let bench = Bench::connected().await;
    bench.clock.advance(Duration::from_secs(3601));
    let seen = load(&bench.app, PROVIDER).await.expect("connected");
    let dead = bench.other_process();
    assert!(matches!(refresh::take_turn(&dead, PROVIDER, &seen).await, Ok(Turn::Ours(_))));
    assert!(matches!(refresh::take_turn(&bench.app, PROVIDER, &seen).await, Ok(Turn::Theirs)));
    bench.clock.advance(Duration::from_secs(30));
    token(&bench.app).await;
}

#[tokio::test]
async fn a_refresh_that_fails_for_the_moment_leaves_a_living_token_in_use() {
    let bench = Bench::connected().await;
    let first = token(&bench.app).await;
    bench.clock.advance(Duration::from_secs(3600 - 120));
    bench.sandbox.script(json!({ "fault": "timeout_after_commit", "path": "/oauth" }));
    assert_eq!(token(&bench.app).await, first);
    bench.clock.advance(Duration::from_secs(121));
    let failure = access_token(&bench.app, PROVIDER).await.expect_err("expired and not renewed");
    assert!(!failure.effect_unknown && !failure.of_record, "no lead is at fault: {failure:?}");
    assert!(seen(&bench).await.last_error.expect("told").contains("answer was lost"));
}

#[tokio::test]
async fn an_api_domain_that_is_not_zohos_is_never_called() {
    let bench = Bench::connected().await;
    bench.sandbox.set_base_url("https://evil.example");
    bench.clock.advance(Duration::from_secs(3601));
    let failure = access_token(&bench.app, PROVIDER).await.expect_err("not followed");
    assert!(failure.message.contains("https://evil.example, which is not one of Zoho's hosts"), "{}", failure.message);
}

#[tokio::test]
async fn a_renewed_token_that_is_refused_too_asks_for_a_person() {
    let bench = Bench::connected().await;
    let refused = access_token(&bench.app, PROVIDER).await.expect("a token").token;
    let renewed = refresh_after_rejection(&bench.app, PROVIDER, &refused).await.expect("another").token;
    require_reconnect(&bench.app, PROVIDER, &refused, "outdated").await;
    assert_eq!(seen(&bench).await.state, ConnectionState::Connected, "there is another token by now");
    require_reconnect(&bench.app, PROVIDER, &renewed, "Zoho refuses our access token [INVALID_TOKEN]").await;
    assert_eq!(seen(&bench).await.state, ConnectionState::NeedsReconnect);
}

#[tokio::test]
async fn nothing_readable_is_stored() {
    let bench = Bench::connected().await;
    let columns = (connections::client_secret_sealed, connections::refresh_token_sealed, connections::access_token_sealed);
    let sealed: (String, String, Option<String>) =
        bench.app.store.read(move |conn| connections::table.select(columns).first(conn).map_err(ReadError::from)).await.expect("a row");
    for text in [sealed.0, sealed.1, sealed.2.expect("a token")] {
        assert!(text.starts_with("v1.") && !text.contains("secret") && !text.contains("sandbox") && !text.contains("1000."), "{text}");
    }
    let told = seen(&bench).await;
    assert_eq!((told.connected_at, told.token_refreshed_at, told.connected_by.as_str()), (now(), Some(now()), "cli"));
}
