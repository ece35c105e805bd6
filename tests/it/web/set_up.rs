//! The first run: nobody can sign in, and whoever reads the program's output may change that, once.

use rocket::http::Status;
use throughline::accounts::{Accounts, Role};
use throughline::db::schema::users;

use super::browser::{Browser, PASSWORD, user};
use crate::harness::both_engines;
use diesel::prelude::*;

/// A fresh code; the one printed at start is known to nobody here.
fn code(browser: &Browser) -> String {
    let accounts = browser.0.rocket().state::<Accounts>().expect("managed");
    accounts.setup.end();
    accounts.setup.make().expect("a code")
}

both_engines! {
    async fn the_printed_code_makes_the_first_admin_and_then_nothing_more(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        let browser = Browser::open(&whole).await;
        assert_eq!(browser.get("/login").await.header("location"), Some("/setup"));
        assert_eq!(browser.get("/setup").await.status, Status::Ok);
        let form = |code: &str, password: &str| [("code", code.to_owned()), ("email", "ada@example.com".into()), ("password", password.to_owned())];
        let send = async |fields: [(&str, String); 3]| browser.post("/setup", &fields.each_ref().map(|(name, value)| (*name, value.as_str()))).await;

        let guessed = send(form("AAAA-AAAA-AAAA", PASSWORD)).await;
        assert_eq!(guessed.status, Status::UnprocessableEntity);
        let code = code(&browser);
        let weak = send(form(&code, "password1234")).await;
        assert!(weak.text.contains("among the first that attackers try"), "{}", weak.text);

        let done = send(form(&code.to_lowercase(), PASSWORD)).await;

        assert_eq!((done.status, done.header("location")), (Status::SeeOther, Some("/")));
        assert!(browser.get("/account").await.text.contains("Admin"));
        assert_eq!(browser.get("/setup").await.header("location"), Some("/login"));
        assert_eq!(send(form(&code, PASSWORD)).await.status, Status::UnprocessableEntity, "the code is used up");
    }

    async fn two_set_ups_at_once_make_one_admin(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        // Two processes, each with a code of its own.
        let (one, two) = (Browser::open(&whole).await, Browser::open(&whole).await);
        let (code_one, code_two) = (code(&one), code(&two));
        let first = [("code", code_one.as_str()), ("email", "ada@example.com"), ("password", PASSWORD)];
        let second = [("code", code_two.as_str()), ("email", "grace@example.com"), ("password", PASSWORD)];

        let (a, b) = tokio::join!(one.post("/setup", &first), two.post("/setup", &second));

        let mut codes = [a.status.code, b.status.code];
        codes.sort_unstable();
        assert_eq!(codes, [303, 409]);
        let admins: i64 = whole.ask(|conn| users::table.count().get_result(conn)).await;
        assert_eq!(admins, 1);
    }

    async fn an_installation_with_a_user_has_no_set_up(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        user(&whole, Role::Admin).await;
        let browser = Browser::open(&whole).await;
        assert_eq!(browser.get("/setup").await.header("location"), Some("/login"));
        let fields = [("code", ""), ("email", "eve@example.com"), ("password", PASSWORD)];
        assert_eq!(browser.post("/setup", &fields).await.status, Status::UnprocessableEntity);
    }
}
