//! Signing in, staying signed in, and being sent away.

use std::time::Duration;

use rocket::http::Status;
use throughline::Error;
use throughline::accounts::{self, NewUser, Passwords, Role};
use throughline::db::schema::{audit, sessions};

use super::browser::{Browser, PASSWORD, user};
use crate::harness::{Whole, both_engines};
use diesel::prelude::*;

async fn acts(whole: &Whole) -> Vec<String> {
    whole.ask(|conn| audit::table.order(audit::id).select(audit::action).load(conn)).await
}

both_engines! {
    async fn the_right_password_opens_a_session_and_signing_out_ends_it(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        let (browser, email) = (Browser::open(&whole).await, user(&whole, Role::Viewer).await);
        assert_eq!(browser.get("/leads").await.header("location"), Some("/login?next=%2Fleads"));

        let wrong = browser.sign_in(&email, "not the password").await;
        assert_eq!(wrong.status, Status::Unauthorized);
        assert!(wrong.text.contains("The mail address or the password is wrong."));

        let right = browser.post("/login", &[("email", "VIEWER@example.com "), ("password", PASSWORD), ("next", "/leads?status=sent")]).await;
        assert_eq!((right.status, right.header("location")), (Status::SeeOther, Some("/leads?status=sent")));
        let cookie = right.header("set-cookie").expect("a cookie");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"), "{cookie}");
        assert_eq!(browser.get("/leads").await.status, Status::Ok);

        let kept: Vec<String> = whole.ask(|conn| sessions::table.select(sessions::token_hash).load(conn)).await;
        assert!(kept.len() == 1 && !cookie.contains(&kept[0]), "only a hash of the token is stored");

        browser.post("/logout", &[]).await;
        assert_eq!(browser.get("/leads").await.status, Status::SeeOther);
        assert_eq!(acts(&whole).await, ["accounts.create_user", "accounts.sign_in_refused", "accounts.sign_in", "accounts.sign_out"]);
    }

    async fn a_sign_in_never_leads_to_another_site_and_unknown_addresses_look_like_known_ones(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        let (browser, email) = (Browser::open(&whole).await, user(&whole, Role::Viewer).await);

        let known = browser.sign_in(&email, "wrong password").await;
        let unknown = browser.sign_in("nobody@example.com", "wrong password").await;
        assert_eq!(known.status, unknown.status);
        assert_eq!(known.text.replace(&email, ""), unknown.text.replace("nobody@example.com", ""));

        let right = browser.post("/login", &[("email", &email), ("password", PASSWORD), ("next", "//evil.example/x")]).await;
        assert_eq!(right.header("location"), Some("/"));
    }

    async fn the_sixth_wrong_password_has_to_wait_even_if_the_seventh_is_right(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        let (browser, email) = (Browser::open(&whole).await, user(&whole, Role::Viewer).await);
        for _ in 0..6 {
            assert_eq!(browser.sign_in(&email, "not the password").await.status, Status::Unauthorized);
        }

        let answered = browser.sign_in(&email, PASSWORD).await;

        assert_eq!(answered.status, Status::TooManyRequests);
        assert!(answered.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok_and(|seconds| seconds <= 61)));
        assert!(answered.text.contains("Too many wrong passwords. Try again in"));
    }

    async fn a_session_ends_when_idle_for_twelve_hours_and_after_seven_days_in_any_case(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        app.clock.advance(Duration::from_secs(13 * 3600));
        assert_eq!(browser.get("/account").await.status, Status::SeeOther, "idle for too long");

        assert_eq!(browser.sign_in("viewer@example.com", PASSWORD).await.status, Status::SeeOther);
        for _ in 0..15 {
            app.clock.advance(Duration::from_secs(11 * 3600));
            assert_eq!(browser.get("/account").await.status, Status::Ok);
            // The note that a session is in use is written beside the request.
            let now = whole.app.clock.now();
            for _ in 0..200 {
                let seen = whole.ask(|conn| sessions::table.select(diesel::dsl::max(sessions::seen_at)).first::<Option<_>>(conn)).await;
                if seen == Some(now) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        app.clock.advance(Duration::from_secs(4 * 3600));
        assert_eq!(browser.get("/account").await.status, Status::SeeOther, "seven days are over");
    }

    async fn a_new_password_ends_the_other_sessions_and_keeps_this_one(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        let here = Browser::signed_in(&whole, Role::Operator).await;
        let there = Browser::open(&whole).await;
        there.sign_in("operator@example.com", PASSWORD).await;

        let short = here.post("/account/password", &[("current_password", PASSWORD), ("new_password", "short")]).await;
        assert_eq!(short.status, Status::UnprocessableEntity);
        assert!(short.text.contains("Use at least 12 characters."));
        let wrong = here.post("/account/password", &[("current_password", "x"), ("new_password", "another odd passphrase")]).await;
        assert!(wrong.text.contains("This is not your current password."));

        let done = here.post("/account/password", &[("current_password", PASSWORD), ("new_password", "another odd passphrase")]).await;

        assert_eq!(done.status, Status::SeeOther);
        let page = here.get("/account").await;
        assert!(page.text.contains("Your password is changed; 1 other session ended."), "{}", page.text);
        assert!(!here.get("/account").await.text.contains("Your password is changed"), "the message is shown once");
        assert_eq!(there.get("/account").await.status, Status::SeeOther);
        assert_eq!(there.sign_in("operator@example.com", PASSWORD).await.status, Status::Unauthorized);
        assert_eq!(there.sign_in("operator@example.com", "another odd passphrase").await.status, Status::SeeOther);
    }

    async fn two_users_with_one_address_at_once_become_one(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        let new = |email: &str| NewUser { email: email.into(), name: String::new(), role: Role::Viewer, password: PASSWORD.into() };
        let (one, two) = (Passwords::default(), Passwords::default());

        let (a, b) = tokio::join!(
            accounts::create_user(&whole.app, &one, new("ada@example.com"), "cli"),
            accounts::create_user(&whole.app, &two, new("ADA@example.com"), "cli")
        );

        assert!(matches!((&a, &b), (Ok(_), Err(Error::Conflict(_))) | (Err(Error::Conflict(_)), Ok(_))), "{a:?} {b:?}");
    }

    async fn two_new_passwords_at_once_leave_one_in_force(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        let here = Browser::signed_in(&whole, Role::Operator).await;
        let there = Browser::open(&whole).await;
        there.sign_in("operator@example.com", PASSWORD).await;
        let (first, second) = ("the first odd passphrase", "the second odd passphrase");

        let form = |new: &'static str| [("current_password", PASSWORD), ("new_password", new)];
        let (form_one, form_two) = (form(first), form(second));

        let (a, b) = tokio::join!(here.post("/account/password", &form_one), there.post("/account/password", &form_two));

        // The slower one finds the password changed, or its session ended, by the faster one.
        let done = [a.status.code, b.status.code].map(|code| code == 303);
        let fresh = Browser::open(&whole).await;
        let opens = [first, second].map(async |password| fresh.sign_in("operator@example.com", password).await.status == Status::SeeOther);
        let [opens_first, opens_second] = opens;
        let opens = [opens_first.await, opens_second.await];
        assert!(opens[0] != opens[1] && (0..2).all(|place| !opens[place] || done[place]), "{} {} {opens:?}", a.status, b.status);
    }

    async fn signing_in_again_ends_the_session_the_browser_had(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        browser.sign_in("viewer@example.com", PASSWORD).await;
        let sessions: i64 = whole.ask(|conn| sessions::table.count().get_result(conn)).await;
        assert_eq!(sessions, 1);
    }

    async fn over_https_the_cookie_is_bound_to_the_host(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[("THROUGHLINE_PUBLIC_URL", "https://desk.example.com")]).await;
        let (browser, email) = (Browser::open(&whole).await, user(&whole, Role::Viewer).await);
        let answered = browser.sign_in(&email, PASSWORD).await;
        let cookie = answered.header("set-cookie").expect("a cookie");
        assert!(cookie.starts_with("__Host-session=") && cookie.contains("Secure"), "{cookie}");
        assert_eq!(answered.header("strict-transport-security"), Some("max-age=31536000"));
    }
}
