//! The page of mail: who may see it, the test mail, the answer to those who write, previews under a policy of their own.

use serde_json::json;
use throughline::accounts::Role;

use super::{mails_to, reader, with_mail};
use crate::harness::both_engines;
use crate::web::browser::Browser;

both_engines! {
    async fn a_test_mail_brings_the_servers_own_answer(app: TestApp) {
        let whole = with_mail(&app).await;
        let browser = Browser::signed_in(&whole, Role::Admin).await;
        assert_eq!(browser.post("/settings/mail/test", &[]).await.status.code, 303);
        let page = browser.get("/settings/mail").await.text;
        assert!(page.contains("took the test mail to admin@example.com. Its answer: 250 2.0.0 Ok: kept as 1"), "{page}");
        assert_eq!(mails_to(&whole, "admin@example.com")[0].subject(), "Test mail from Throughline");

        whole.sandbox.script_mail(json!({"fault": "recipient", "code": 553, "times": 1}));
        browser.post("/settings/mail/test", &[]).await;
        assert!(browser.get("/settings/mail").await.text.contains("was not sent. The mail server refuses the address: 5.1.1 No such user here [553]"));
    }

    async fn a_test_mail_that_is_taken_lets_held_mails_go(app: TestApp) {
        let whole = with_mail(&app).await;
        reader(&whole, "noor", throughline::accounts::NewLeadMails::AtOnce, "08:00").await;
        whole.sandbox.script_mail(json!({"fault": "sign_in", "times": 2}));
        whole.post_lead("Ada", "ada@example.com").await;
        whole.run_until_idle().await;
        let browser = Browser::signed_in(&whole, Role::Admin).await;
        assert!(browser.get("/settings/mail").await.text.contains("refuses our user name or password"));
        browser.post("/settings/mail/test", &[]).await;
        assert!(browser.get("/settings/mail").await.text.contains("The test mail was not sent"));
        browser.post("/settings/mail/test", &[]).await;
        whole.run_until_idle().await;
        assert!(!browser.get("/settings/mail").await.text.contains("refuses our user name"));
        assert_eq!(mails_to(&whole, "noor@desk.example").len(), 1);
    }

    async fn the_answer_is_kept_shown_and_sent(app: TestApp) {
        let whole = with_mail(&app).await;
        let browser = Browser::signed_in(&whole, Role::Admin).await;
        let wrong = browser.post("/settings/mail/replies", &[("is_on", "yes"), ("language", "english"), ("subject", "Hi"), ("body", "<script>x</script>")]).await;
        assert_eq!(wrong.status.code, 422);
        assert!(wrong.text.contains("english: the language is a tag") && wrong.text.contains("&#60;script&#62;x") && !wrong.text.contains("<script>x"));
        let right = [("is_on", "yes"), ("language", "en"), ("subject", "We have it"), ("body", "Thank you."), ("language", "ar"), ("subject", "وصلنا"), ("body", "شكرا")];
        assert_eq!(browser.post("/settings/mail/replies", &right).await.status.code, 303);
        let page = browser.get("/settings/mail").await.text;
        assert!(page.contains("in 2 languages") && page.contains("value=\"We have it\"") && page.contains("checked"));
        whole.post_lead("Ada", "ada@example.com").await;
        whole.run_until_idle().await;
        assert_eq!(mails_to(&whole, "ada@example.com")[0].subject(), "We have it");
        let audited: i64 = whole.ask(|conn| {
            use diesel::prelude::*;
            use throughline::db::schema::audit;
            audit::table.filter(audit::action.eq("leads.set_reply")).count().get_result(conn)
        }).await;
        assert_eq!(audited, 1);
    }

    async fn previews_are_documents_that_can_do_nothing(app: TestApp) {
        let whole = with_mail(&app).await;
        let browser = Browser::signed_in(&whole, Role::Admin).await;
        for name in ["lead", "leads", "daily", "reply", "test"] {
            let page = browser.get(&format!("/settings/mail/previews/{name}")).await;
            assert_eq!(page.status.code, 200, "{name}");
            assert!(page.text.contains("<iframe") && page.text.contains(" sandbox "), "{name}");
            let html = browser.get(&format!("/settings/mail/previews/{name}/html")).await;
            let policy = html.header("Content-Security-Policy").expect("a policy");
            assert!(policy.starts_with("sandbox; default-src 'none'") && html.text.starts_with("<!doctype html>"), "{name}: {policy}");
        }
        assert!(browser.get("/settings/mail").await.header("Content-Security-Policy").expect("a policy").starts_with("default-src 'self'"));
        assert_eq!(browser.get("/settings/mail/previews/nonsense").await.status.code, 404);
    }

    async fn without_a_mail_server_the_page_says_so_and_a_test_is_refused(app: TestApp) {
        let whole = app.whole().await;
        let browser = Browser::signed_in(&whole, Role::Admin).await;
        let page = browser.get("/settings/mail").await.text;
        assert!(page.contains("No mail is sent") && !page.contains("Send a test mail"));
        let refused = browser.post("/settings/mail/test", &[]).await;
        assert_eq!(refused.status.code, 409);
        assert!(refused.text.contains("THROUGHLINE_SMTP_URL"));
    }
}
