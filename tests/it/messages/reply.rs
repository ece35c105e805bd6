//! The answer to those who write to us: off by default, once a day, never to programs, with nothing of what was typed.

use std::time::Duration;

use serde_json::json;
use throughline::db::Tx;
use throughline::leads::news::reply_queries::{ReplyText, keep};
use throughline::outbox::JobState;

use super::{mails_to, with_mail};
use crate::harness::{Whole, both_engines};

async fn switch_on(whole: &Whole) {
    let text = |language: &str, subject: &str| ReplyText {
        language: language.into(),
        subject: subject.into(),
        body: "We have your enquiry.\n\nSomebody will write to you.".into(),
    };
    let (texts, now) = (vec![text("ar", "وصلنا طلبك"), text("en", "We have your enquiry")], whole.app.clock.now());
    let write = move |tx: &mut Tx<'_>| keep(tx, true, &texts, now).map_err(throughline::Error::from);
    whole.app.store.write("test.reply", "test", write).await.expect("kept");
}

both_engines! {
    async fn nobody_is_answered_unless_it_is_switched_on(app: TestApp) {
        let whole = with_mail(&app).await;
        whole.post_lead("Ada", "ada@example.com").await;
        whole.run_until_idle().await;
        assert_eq!(whole.sandbox.mails().len(), 0);
    }

    async fn an_address_is_answered_once_a_day_in_its_language(app: TestApp) {
        let whole = with_mail(&app).await;
        switch_on(&whole).await;
        for _ in 0..3 {
            whole.post_lead("Ada Lovelace", "Ada@example.com").await;
        }
        whole.post("/api/store-lead", &json!({"name": "سارة", "email": "sara@oasis.example", "language": "ar-AE"})).await;
        whole.run_until_idle().await;
        let mails = mails_to(&whole, "Ada@example.com");
        assert_eq!((mails.len(), mails[0].subject().as_str()), (1, "We have your enquiry"));
        assert!(!mails[0].html().contains("Lovelace") && !mails[0].text().contains("Lovelace"), "nothing of what was typed is carried");
        assert_eq!(mails[0].header("Auto-Submitted"), "auto-replied");
        let arabic = mails_to(&whole, "sara@oasis.example");
        assert_eq!(arabic[0].subject(), "وصلنا طلبك");
        assert!(arabic[0].html().contains("<html lang=\"ar\" dir=\"rtl\">"));

        app.clock.advance(Duration::from_secs(23 * 3_600));
        whole.post_lead("Ada", "ada@EXAMPLE.com").await;
        whole.run_until_idle().await;
        assert_eq!(whole.sandbox.mails().len(), 2, "a day has not passed");
        app.clock.advance(Duration::from_secs(2 * 3_600));
        whole.post_lead("Ada", "ada@example.com").await;
        whole.run_until_idle().await;
        assert_eq!(whole.sandbox.mails().len(), 3);
    }

    async fn programs_and_ourselves_are_not_answered(app: TestApp) {
        let whole = with_mail(&app).await;
        switch_on(&whole).await;
        for address in ["no-reply@example.com", "MAILER-DAEMON@example.com", "desk@example.com", "Desk@Example.com"] {
            whole.post_lead("Robot", address).await;
        }
        whole.post("/api/store-lead", &json!({"name": "By phone", "phone": "+971 50 123 4567"})).await;
        whole.run_until_idle().await;
        assert_eq!(whole.sandbox.mails().len(), 0);
    }

    async fn a_lost_answer_leaves_a_reply_to_a_person_and_nobody_is_written_to_twice(app: TestApp) {
        let whole = with_mail(&app).await;
        switch_on(&whole).await;
        whole.sandbox.script_mail(json!({"fault": "lost", "times": 1}));
        whole.post_lead("Ada", "ada@example.com").await;
        whole.run_until_idle().await;
        app.clock.advance(Duration::from_secs(24 * 3_600));
        whole.run_until_idle().await;
        let job = {
            use diesel::prelude::*;
            use throughline::db::schema::jobs;
            whole.ask(|conn| jobs::table.filter(jobs::kind.eq("messages.reply")).select(throughline::outbox::JobRow::as_select()).first(conn)).await
        };
        assert_eq!((job.state, mails_to(&whole, "ada@example.com").len()), (JobState::Uncertain, 1));
        assert!(job.last_error.as_deref().is_some_and(|why| why.contains("may or may not go out")), "{:?}", job.last_error);
    }
}
