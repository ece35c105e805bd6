//! Two programs on one database, and two people who save the same thing at the same moment: one of them has saved it, and the other is
//! told, or both have, one after the other. Nothing is lost without a word, nothing half saved.

use diesel::prelude::*;
use throughline::accounts::Role;
use throughline::db::schema::{audit, consent_wordings, mail_choices};

use super::browser::{Browser, PASSWORD};
use super::seller_pages;
use crate::harness::{TestApp, Whole, both_engines};

const ROUNDS: i64 = 20;

/// A browser of the same admin at another process of the same installation: its writers are its own.
async fn at_another_process(app: &TestApp, whole: &Whole) -> Browser {
    let browser = Browser(whole.client_elsewhere(app).await);
    assert_eq!(browser.sign_in("admin@example.com", PASSWORD).await.status.code, 303);
    browser
}

async fn both_admins(app: &TestApp, whole: &Whole) -> (Browser, Browser) {
    let here = Browser::signed_in(whole, Role::Admin).await;
    (here, at_another_process(app, whole).await)
}

async fn acts(whole: &Whole, action: &'static str) -> i64 {
    whole.ask(move |conn| audit::table.filter(audit::action.eq(action)).count().get_result(conn)).await
}

both_engines! {
    async fn of_two_who_save_the_sellers_settings_one_is_told_of_the_other(app: TestApp) {
        let whole = app.whole().await;
        let (here, there) = both_admins(&app, &whole).await;
        for round in 0..ROUNDS {
            let version = round.to_string();
            let form = |name| seller_pages::with(&[("version", version.as_str()), ("name", name)]);
            let (one, two) = (form("One"), form("Two"));
            let (one, two) = tokio::join!(here.post(seller_pages::PAGE, &one), there.post(seller_pages::PAGE, &two));
            let mut answers = [(one.status.code, "One"), (two.status.code, "Two")];
            answers.sort_unstable();
            assert_eq!([answers[0].0, answers[1].0], [303, 409], "round {round}");
            let stored = seller_pages::current(&whole).await;
            assert_eq!((stored.name.as_str(), stored.version), (answers[0].1, round + 1), "round {round}");
        }
        assert_eq!(acts(&whole, "seller.edit").await, ROUNDS);
    }

    async fn of_two_who_change_a_wording_one_makes_the_next_version(app: TestApp) {
        let whole = app.whole().await;
        let (here, there) = both_admins(&app, &whole).await;
        for round in 1..=ROUNDS {
            let version = round.to_string();
            let texts = ["here", "there"].map(|browser| format!("You may write to me about offers ({browser}, {round})."));
            let [one, two] = texts.each_ref().map(|text| [("language", "en"), ("version", version.as_str()), ("wording", text.as_str())]);
            let (one, two) = tokio::join!(here.post("/settings/forms/wording", &one), there.post("/settings/forms/wording", &two));
            assert_eq!((one.status.code, two.status.code), (303, 303), "{} {}", one.text, two.text);
            let told = [here.get("/settings/forms").await.text, there.get("/settings/forms").await.text];
            let saved = told.iter().filter(|page| page.contains(&format!("Forms show version en-{} from now on", round + 1))).count();
            let refused = told.iter().filter(|page| page.contains("Theirs is shown now; yours was not saved")).count();
            assert_eq!((saved, refused), (1, 1), "round {round}");
        }
        let english: i64 = whole.ask(|conn| consent_wordings::table.filter(consent_wordings::language.eq("en")).count().get_result(conn)).await;
        assert_eq!((english, acts(&whole, "consent.replace").await), (ROUNDS + 1, ROUNDS));
    }

    async fn of_two_choices_of_mails_at_once_one_stands_whole(app: TestApp) {
        let whole = app.whole().await;
        let (here, there) = both_admins(&app, &whole).await;
        for round in 0..ROUNDS {
            let (one, two) = ([("new_leads", "at_once"), ("daily_at", "07:30")], [("new_leads", "daily"), ("daily_at", "18:00")]);
            let (one, two) = tokio::join!(here.post("/account/mail", &one), there.post("/account/mail", &two));
            assert_eq!((one.status.code, two.status.code), (303, 303), "round {round}: {} {}", one.text, two.text);
            let kept: Vec<(String, String)> =
                whole.ask(|conn| mail_choices::table.select((mail_choices::new_leads, mail_choices::daily_at)).load(conn)).await;
            let pair = |one: &str, two: &str| vec![(one.to_owned(), two.to_owned())];
            assert!(kept == pair("at_once", "07:30") || kept == pair("daily", "18:00"), "round {round}: {kept:?}");
            if round % 2 == 0 {
                // Whoever has chosen nothing yet races as well as whoever changes a choice.
                let forget = |tx: &mut throughline::db::Tx<'_>| -> throughline::Result<usize> { Ok(diesel::delete(mail_choices::table).execute(tx.conn())?) };
                whole.app.store.write("test.forget", "k", forget).await.expect("it is forgotten");
            }
        }
        assert_eq!(acts(&whole, "accounts.choose_mails").await, 2 * ROUNDS);
    }
}
