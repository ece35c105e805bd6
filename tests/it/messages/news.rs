//! Staff is told of new leads: at once, together, once a day, or not at all.

use std::time::Duration;

use serde_json::json;
use throughline::accounts::{NewLeadMails, Role};
use throughline::outbox::JobState;

use super::{mails_to, reader, subjects_to, with_mail, with_mail_and};
use crate::harness::{Whole, both_engines};

const MINUTE: u64 = 60;

async fn tick(whole: &Whole) {
    let due = throughline::schedules(&whole.app).expect("the schedules");
    throughline::outbox::schedules::tick(&whole.app, &due).await.expect("a tick");
    whole.run_until_idle().await;
}

both_engines! {
    async fn each_is_told_as_they_chose(app: TestApp) {
        let whole = with_mail(&app).await;
        reader(&whole, "noor", NewLeadMails::AtOnce, "08:00").await;
        reader(&whole, "omar", NewLeadMails::Off, "08:00").await;
        let lead = json!({"name": "سارة المنصوري", "email": "sara@oasis.example", "phone": "+971 50 123 4567", "company": "Oasis",
            "message": "Two, please.\n<b>soon</b>", "items": [{"sku": "G65", "quantity": 2}]});
        whole.post("/api/store-lead", &lead).await;
        whole.run_until_idle().await;

        let mails = mails_to(&whole, "noor@desk.example");
        assert_eq!((mails.len(), whole.sandbox.mails().len()), (1, 1), "nobody else is told");
        let mail = &mails[0];
        assert_eq!((mail.subject().as_str(), mail.from.as_str()), ("New lead: سارة المنصوري (Oasis)", "desk@example.com"));
        for words in ["sara@oasis.example", "+971501234567", "2 × G65", "Two, please.", "http://127.0.0.1:8000/leads/1"] {
            assert!(mail.text().contains(words), "{words} is not in\n{}", mail.text());
            assert!(mail.html().contains(words), "{words} is not in the HTML");
        }
        assert!(!mail.html().contains("<b>soon"), "what a form sends is text");
        assert!(mail.header("Reply-To").ends_with("<sara@oasis.example>") && mail.header("Auto-Submitted") == "auto-generated");
        assert_eq!(mail.header("List-Id"), "<new-leads.example.com>");
        assert_eq!(whole.job_of("lead:1").await.state, JobState::Succeeded);
    }

    async fn where_no_mail_server_is_set_nothing_is_queued(app: TestApp) {
        let whole = app.whole().await;
        reader(&whole, "noor", NewLeadMails::AtOnce, "08:00").await;
        whole.post_lead("Ada", "ada@example.com").await;
        let kinds: Vec<String> = whole.ask(|conn| {
            use diesel::prelude::*;
            use throughline::db::schema::jobs;
            jobs::table.select(jobs::kind).load(conn)
        }).await;
        assert_eq!(kinds, ["leads.deliver"]);
    }

    async fn a_flood_of_leads_is_no_flood_of_mails(app: TestApp) {
        let whole = with_mail(&app).await;
        reader(&whole, "noor", NewLeadMails::AtOnce, "08:00").await;
        for n in 0..60 {
            whole.post_lead(&format!("Lead {n}"), &format!("n{n}@example.com")).await;
            if n % 20 == 0 {
                whole.run_until_idle().await;
            }
        }
        whole.run_until_idle().await;
        assert_eq!(subjects_to(&whole, "noor@desk.example"), ["New lead: Lead 0", "New lead: Lead 1", "New lead: Lead 2", "New lead: Lead 3", "New lead: Lead 4"]);

        app.clock.advance(Duration::from_secs(9 * MINUTE));
        whole.run_until_idle().await;
        assert_eq!(mails_to(&whole, "noor@desk.example").len(), 5, "the rest is gathered");
        app.clock.advance(Duration::from_secs(2 * MINUTE));
        whole.run_until_idle().await;
        let mails = mails_to(&whole, "noor@desk.example");
        assert_eq!((mails.len(), mails[5].subject().as_str()), (6, "55 new leads came in"));
        assert!(mails[5].text().contains("The newest 50 are named here.") && mails[5].text().contains("Lead 59"));
        assert!(!mails[5].text().contains("Lead 9\u{2069}") && mails[5].html().contains("http://127.0.0.1:8000/leads/60"));

        // It goes on: one mail a window, and nothing is told twice.
        for n in 60..70 {
            whole.post_lead(&format!("Lead {n}"), &format!("n{n}@example.com")).await;
        }
        whole.run_until_idle().await;
        assert_eq!(mails_to(&whole, "noor@desk.example").len(), 6);
        app.clock.advance(Duration::from_secs(11 * MINUTE));
        whole.run_until_idle().await;
        assert_eq!(subjects_to(&whole, "noor@desk.example")[6..], ["10 new leads came in"]);

        // It is over: leads are told one by one again.
        app.clock.advance(Duration::from_secs(11 * MINUTE));
        whole.run_until_idle().await;
        whole.post_lead("Late", "late@example.com").await;
        whole.run_until_idle().await;
        assert_eq!(subjects_to(&whole, "noor@desk.example")[7..], ["New lead: Late"]);
    }

    async fn a_trickle_of_leads_is_told_one_by_one(app: TestApp) {
        let whole = with_mail(&app).await;
        reader(&whole, "noor", NewLeadMails::AtOnce, "08:00").await;
        for n in 0..8 {
            whole.post_lead(&format!("Lead {n}"), &format!("n{n}@example.com")).await;
            whole.run_until_idle().await;
            app.clock.advance(Duration::from_secs(3 * MINUTE));
        }
        assert_eq!(mails_to(&whole, "noor@desk.example").len(), 8);
    }

    async fn once_a_day_is_at_the_readers_time_and_only_with_news(app: TestApp) {
        // Sunday 09:00 UTC is 13:00 in Dubai.
        let whole = with_mail_and(&app, &[("THROUGHLINE_ZONE", "Asia/Dubai")]).await;
        reader(&whole, "noor", NewLeadMails::Daily, "14:00").await;
        tick(&whole).await;
        whole.post_lead("Ada", "ada@example.com").await;
        whole.post_lead("Grace", "grace@example.com").await;
        whole.run_until_idle().await;
        assert_eq!(whole.sandbox.mails().len(), 0, "not before the time");

        app.clock.advance(Duration::from_secs(60 * MINUTE));
        tick(&whole).await;
        assert_eq!(subjects_to(&whole, "noor@desk.example"), ["2 new leads since your last mail"]);
        let text = mails_to(&whole, "noor@desk.example")[0].text();
        assert!(text.contains("Ada") && text.contains("Grace") && text.contains("22 Nov 2026, 13:00:00"), "{text}");

        app.clock.advance(Duration::from_secs(24 * 60 * MINUTE));
        tick(&whole).await;
        assert_eq!(mails_to(&whole, "noor@desk.example").len(), 1, "nothing new, no mail");
        whole.post_lead("Lise", "lise@example.com").await;
        whole.run_until_idle().await;
        // No process ran at the time itself: it is made up.
        app.clock.advance(Duration::from_secs(26 * 60 * MINUTE));
        tick(&whole).await;
        assert_eq!(subjects_to(&whole, "noor@desk.example")[1..], ["1 new lead since your last mail"]);
    }

    async fn a_new_choice_holds_from_then_on(app: TestApp) {
        let whole = with_mail(&app).await;
        whole.post_lead("Before", "before@example.com").await;
        whole.run_until_idle().await;
        let user = reader(&whole, "noor", NewLeadMails::AtOnce, "08:00").await;
        whole.post_lead("First", "first@example.com").await;
        whole.run_until_idle().await;
        let choose = |wants| throughline::accounts::choose_mails(&whole.app, user, (wants, "08:00".into()), String::new());
        choose(NewLeadMails::Off).await.expect("kept");
        whole.post_lead("While off", "off@example.com").await;
        whole.run_until_idle().await;
        app.clock.advance(Duration::from_secs(1));
        choose(NewLeadMails::AtOnce).await.expect("kept");
        whole.post_lead("Second", "second@example.com").await;
        whole.run_until_idle().await;
        assert_eq!(subjects_to(&whole, "noor@desk.example"), ["New lead: First", "New lead: Second"]);
    }

    async fn whoever_may_not_sign_in_any_more_is_told_nothing(app: TestApp) {
        let whole = with_mail(&app).await;
        let user = reader(&whole, "noor", NewLeadMails::AtOnce, "08:00").await;
        let switch_off = move |tx: &mut throughline::db::Tx<'_>| -> throughline::Result<()> {
            use diesel::prelude::*;
            use throughline::db::schema::users;
            diesel::update(users::table.filter(users::id.eq(user))).set(users::disabled_at.eq(throughline::clock::UtcTime::default())).execute(tx.conn())?;
            Ok(())
        };
        whole.app.store.write("test.disable", "test", switch_off).await.expect("switched off");
        whole.post_lead("Ada", "ada@example.com").await;
        whole.run_until_idle().await;
        assert_eq!(whole.sandbox.mails().len(), 0);
    }

    async fn the_account_page_keeps_a_choice_and_refuses_nonsense(app: TestApp) {
        use crate::web::browser::Browser;
        let whole = with_mail(&app).await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        let page = browser.get("/account").await.text;
        assert!(page.contains("Mails about new leads") && !page.contains("sends no mails"));
        assert_eq!(browser.post("/account/mail", &[("new_leads", "daily"), ("daily_at", "17:30")]).await.status.code, 303);
        let page = browser.get("/account").await.text;
        assert!(page.contains("<option value=\"daily\" selected>") && page.contains("<option value=\"17:30\" selected>") && page.contains("once a day, at 17:30"));
        for (new_leads, daily_at) in [("hourly", "17:30"), ("daily", "17:31"), ("", "")] {
            let refused = browser.post("/account/mail", &[("new_leads", new_leads), ("daily_at", daily_at)]).await;
            assert_eq!(refused.status.code, 422);
            assert!(refused.text.contains("Your choice was not saved") && refused.text.contains("<option value=\"daily\" selected>"));
        }
    }
}
