//! What becomes of a mail on its way to the server: refused addresses, lost answers, limits, a server that is away.

use std::time::Duration;

use serde_json::json;
use throughline::accounts::NewLeadMails;
use throughline::outbox::{JobRow, JobState};

use super::{mails_to, reader, with_mail, with_mail_and};
use crate::harness::{Whole, both_engines};

/// The newest job that sends a mail.
async fn sending(whole: &Whole) -> JobRow {
    use diesel::prelude::*;
    use throughline::db::schema::jobs;
    whole.ask(|conn| jobs::table.filter(jobs::kind.like("messages.%")).order(jobs::id.desc()).select(JobRow::as_select()).first(conn)).await
}

async fn state(whole: &Whole) -> (String, Option<String>) {
    use diesel::prelude::*;
    use throughline::db::schema::connections;
    let mail = connections::table.filter(connections::provider.eq("mail"));
    whole.ask(move |conn| mail.select((connections::state, connections::state_reason)).first(conn)).await
}

both_engines! {
    async fn a_refused_address_fails_at_once_and_alone(app: TestApp) {
        let whole = with_mail(&app).await;
        reader(&whole, "gone", NewLeadMails::AtOnce, "08:00").await;
        reader(&whole, "noor", NewLeadMails::AtOnce, "08:00").await;
        whole.sandbox.script_mail(json!({"fault": "recipient", "to": "gone@desk.example"}));
        whole.post_lead("Ada", "ada@example.com").await;
        whole.run_until_idle().await;
        let failed: Vec<JobRow> = whole.ask(|conn| {
            use diesel::prelude::*;
            use throughline::db::schema::jobs;
            jobs::table.filter(jobs::state.eq("dead")).select(JobRow::as_select()).load(conn)
        }).await;
        assert_eq!(failed.len(), 1);
        assert!(failed[0].last_error.as_deref().is_some_and(|why| why.contains("refuses the address") && why.contains("No such user here [550]")), "{:?}", failed[0].last_error);
        assert_eq!(mails_to(&whole, "noor@desk.example").len(), 1);
        assert_eq!(state(&whole).await.0, "connected");
    }

    async fn a_mail_that_is_put_off_is_sent_later(app: TestApp) {
        let whole = with_mail(&app).await;
        reader(&whole, "noor", NewLeadMails::AtOnce, "08:00").await;
        whole.sandbox.script_mail(json!({"fault": "content", "times": 2}));
        whole.post_lead("Ada", "ada@example.com").await;
        whole.run_until_idle().await;
        let job = sending(&whole).await;
        assert_eq!((job.state, job.attempts), (JobState::Pending, 1), "{:?}", job.last_error);
        for wait_s in [70, 340] {
            app.clock.advance(Duration::from_secs(wait_s));
            whole.run_until_idle().await;
        }
        assert_eq!((sending(&whole).await.state, mails_to(&whole, "noor@desk.example").len()), (JobState::Succeeded, 1));
    }

    async fn a_lost_answer_to_staff_is_sent_again_under_the_same_id(app: TestApp) {
        let whole = with_mail(&app).await;
        reader(&whole, "noor", NewLeadMails::AtOnce, "08:00").await;
        whole.sandbox.script_mail(json!({"fault": "lost", "times": 1}));
        whole.post_lead("Ada", "ada@example.com").await;
        whole.run_until_idle().await;
        assert_eq!(sending(&whole).await.state, JobState::Pending);
        app.clock.advance(Duration::from_secs(60));
        whole.run_until_idle().await;
        let mails = mails_to(&whole, "noor@desk.example");
        assert_eq!((mails.len(), sending(&whole).await.state), (2, JobState::Succeeded), "told twice rather than not at all");
        assert_eq!(mails[0].header("Message-ID"), mails[1].header("Message-ID"), "so that a mail program may show it once");
        assert_eq!(mails[0].header("Date"), mails[1].header("Date"));
    }

    async fn a_server_that_refuses_our_sign_in_holds_every_mail_and_says_so(app: TestApp) {
        let whole = with_mail(&app).await;
        reader(&whole, "noor", NewLeadMails::AtOnce, "08:00").await;
        whole.sandbox.script_mail(json!({"fault": "sign_in", "times": 1}));
        whole.post_lead("Ada", "ada@example.com").await;
        whole.run_until_idle().await;
        app.clock.advance(Duration::from_secs(3_600));
        whole.run_until_idle().await;
        let (held, why) = state(&whole).await;
        assert_eq!((held.as_str(), sending(&whole).await.state), ("needs_reconnect", JobState::Pending));
        assert!(why.as_deref().is_some_and(|why| why.contains("refuses our user name or password") && why.contains("THROUGHLINE_SMTP_URL")), "{why:?}");
        assert_eq!(whole.sandbox.mails().len(), 0);

        // Started again with the settings corrected.
        throughline::messages::announce(&whole.app).await.expect("noted");
        app.clock.advance(Duration::from_secs(60));
        whole.run_until_idle().await;
        assert_eq!((state(&whole).await, mails_to(&whole, "noor@desk.example").len()), (("connected".into(), None), 1));
    }

    async fn a_server_that_is_away_costs_no_mail_its_tries(app: TestApp) {
        let whole = with_mail(&app).await;
        reader(&whole, "noor", NewLeadMails::AtOnce, "08:00").await;
        whole.sandbox.script_mail(json!({"fault": "refuse", "times": 8}));
        whole.post_lead("Ada", "ada@example.com").await;
        for _ in 0..12 {
            whole.run_until_idle().await;
            app.clock.advance(Duration::from_secs(330));
        }
        let job = sending(&whole).await;
        assert_eq!((job.state, job.attempts, mails_to(&whole, "noor@desk.example").len()), (JobState::Succeeded, 0, 1), "{:?}", job.last_error);
    }

    async fn no_more_mails_leave_than_the_settings_allow(app: TestApp) {
        let whole = with_mail_and(&app, &[("THROUGHLINE_MAILS_PER_MINUTE", "10"), ("THROUGHLINE_MAILS_PER_HOUR", "20")]).await;
        for n in 0..30 {
            reader(&whole, &format!("n{n}"), NewLeadMails::AtOnce, "08:00").await;
        }
        whole.post_lead("Ada", "ada@example.com").await;
        whole.run_until_idle().await;
        // The last tenth is kept for what a person waits for.
        assert_eq!(whole.sandbox.mails().len(), 9);
        app.clock.advance(Duration::from_secs(62));
        whole.run_until_idle().await;
        assert_eq!(whole.sandbox.mails().len(), 18, "the hour is used up");
        app.clock.advance(Duration::from_secs(600));
        whole.run_until_idle().await;
        assert_eq!(whole.sandbox.mails().len(), 18);
        app.clock.advance(Duration::from_secs(3_700));
        whole.run_until_idle().await;
        app.clock.advance(Duration::from_secs(62));
        whole.run_until_idle().await;
        assert_eq!(whole.sandbox.mails().len(), 30, "and nothing was lost");
    }

    async fn the_page_of_connections_has_the_mail_server(app: TestApp) {
        use crate::web::browser::Browser;
        let whole = with_mail(&app).await;
        reader(&whole, "noor", NewLeadMails::AtOnce, "08:00").await;
        whole.post_lead("Ada", "ada@example.com").await;
        whole.run_until_idle().await;
        let browser = Browser::signed_in(&whole, throughline::accounts::Role::Operator).await;
        let page = browser.get("/connections").await.text;
        for words in ["Mail server", "Mails in any minute", "1 of 30", "1 of 500", "are kept for test mails", "Pause Mail server"] {
            assert!(page.contains(words), "{words} is not in\n{page}");
        }
        whole.sandbox.script_mail(json!({"fault": "sign_in", "times": 1}));
        whole.post_lead("Grace", "grace@example.com").await;
        whole.run_until_idle().await;
        let page = browser.get("/connections").await.text;
        assert!(page.contains("Sign-in refused") && page.contains("It refuses us.") && page.contains("THROUGHLINE_SMTP_URL"));
    }

    async fn the_story_of_a_lead_tells_of_its_mail(app: TestApp) {
        use crate::web::browser::Browser;
        let whole = with_mail(&app).await;
        reader(&whole, "noor", NewLeadMails::AtOnce, "08:00").await;
        whole.post_lead("Ada", "ada@example.com").await;
        whole.run_until_idle().await;
        let browser = Browser::signed_in(&whole, throughline::accounts::Role::Viewer).await;
        let line = whole.lead(throughline::leads::LeadId(1)).await.line_id;
        let page = browser.get(&format!("/lines/{line}")).await.text;
        assert!(page.contains("Mail sent") && page.contains("SMTP, 250"), "{page}");
    }
}
