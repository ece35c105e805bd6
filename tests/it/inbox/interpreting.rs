//! Interpreting: effects and the word about them together, once, again by a person's wish, and what a preview leaves behind.

use std::time::Duration;

use diesel::prelude::*;
use serde_json::json;
use throughline::accounts::Role;
use throughline::audit::{self, Act};
use throughline::clock::UtcTime;
use throughline::db::schema::audit as audit_rows;
use throughline::db::{Tx, WriteError};
use throughline::inbox::actions::{self, Rehearsal};
use throughline::inbox::interpret_job::Interpret;
use throughline::inbox::interpreters::{Asked, Choice, Interpreter, Meaning, Occasion, Reading};
use throughline::inbox::model::{ReceiptId, ReceiptState};
use throughline::outbox::{Change, Job, JobId, JobState};
use throughline::{Error, Result, retention};

use super::{jobs_of_inbox, receipt, receipts, refund, with_stripe};
use crate::harness::{Whole, both_engines};
use crate::web::browser::Browser;

const ID: ReceiptId = ReceiptId(1);

/// An effect that can be counted.
fn leave_a_mark(tx: &mut Tx<'_>, now: UtcTime) -> Result<()> {
    let act =
        Act { actor: "test", action: "test.effect", subject: "test", line: None, reason: None, before: None, after: None, address: None };
    Ok(audit::record(tx, now, &act)?)
}

async fn marks(whole: &Whole) -> i64 {
    whole.ask(|conn| audit_rows::table.filter(audit_rows::action.eq("test.effect")).count().get_result(conn)).await
}

fn handles(tx: &mut Tx<'_>, now: UtcTime, asked: &[Asked<'_>]) -> Result<Vec<Meaning>> {
    let handled = || Meaning::Handled { caused: json!([{ "subject": "lead:1", "what": "Marked" }]) };
    asked.iter().map(|_| leave_a_mark(tx, now).map(|()| handled())).collect()
}

fn fails(tx: &mut Tx<'_>, now: UtcTime, _: &[Asked<'_>]) -> Result<Vec<Meaning>> {
    leave_a_mark(tx, now)?;
    Err(Error::Internal(anyhow::anyhow!("the order is of another currency")))
}

fn is_superseded(_: &mut Tx<'_>, _: UtcTime, asked: &[Asked<'_>]) -> Result<Vec<Meaning>> {
    Ok(asked.iter().map(|_| Meaning::Superseded("A later refund is known".into())).collect())
}

fn panics(tx: &mut Tx<'_>, now: UtcTime, _: &[Asked<'_>]) -> Result<Vec<Meaning>> {
    leave_a_mark(tx, now)?;
    panic!("a mistake in an interpreter")
}

async fn interpret(whole: &Whole, key: &str, choice: Choice) -> Result<Option<Meaning>, WriteError<Error>> {
    let (now, app, asked) = (whole.app.clock.now(), whole.app.clone(), [(ID, Occasion::Arrival)]);
    let interpret = move |tx: &mut Tx<'_>| actions::interpret(tx, now, &asked, Reading { choice, stripe: &app.config.stripe });
    let meanings = whole.app.store.write("test.interpret", key, interpret).await?;
    Ok(meanings.into_iter().next().flatten())
}

async fn rehearse(whole: &Whole, choice: Choice) -> Result<Rehearsal, WriteError<Error>> {
    let (now, app) = (whole.app.clock.now(), whole.app.clone());
    let rehearse = move |tx: &mut Tx<'_>| actions::rehearse(tx, now, ID, Reading { choice, stripe: &app.config.stripe });
    whole.app.store.write("test.rehearse", "k", rehearse).await
}

/// What the job's mirror is told.
async fn mirrored(whole: &Whole, state: JobState, error: Option<&'static str>) {
    let at = whole.app.clock.now();
    let line = receipt(whole, ID).await.line();
    let reflect = move |tx: &mut Tx<'_>| -> Result<()> {
        let job = Interpret::of(ID, Occasion::Arrival);
        let change = Change { id: JobId(1), job, line: &line, state, attempts: 4, error, note: None, response: None, at, by_look: false };
        Ok(Interpret::reflect(tx, &[change])?)
    };
    whole.app.store.write("test.reflect", "k", reflect).await.expect("it is mirrored");
}

fn handling(_: &str) -> Interpreter {
    handles
}

fn failing(_: &str) -> Interpreter {
    fails
}

fn superseding(_: &str) -> Interpreter {
    is_superseded
}

fn panicking(_: &str) -> Interpreter {
    panics
}

both_engines! {
    async fn a_process_interprets_in_two_runs_at_once_however_much_waits(app: TestApp) {
        let whole = with_stripe(&app).await;
        for number in 0..150 {
            whole.push(&refund(&app, &whole, number)).await;
        }
        let runs = whole.outbox.claim(100).await.expect("a claim");
        assert_eq!(runs.len(), 2, "{runs:?}");
    }

    async fn an_effect_and_the_word_about_it_commit_together(app: TestApp) {
        let whole = with_stripe(&app).await;
        whole.push(&refund(&app, &whole, 1)).await;
        for breaks in [failing as Choice, panicking] {
            interpret(&whole, "k", breaks).await.expect_err("it fails");
            assert_eq!((marks(&whole).await, receipt(&whole, ID).await.state), (0, ReceiptState::Received), "nothing of it is left");
        }

        interpret(&whole, "k", handling).await.expect("it is interpreted");
        let settled = receipt(&whole, ID).await;
        assert_eq!((marks(&whole).await, settled.state, settled.settled_at), (1, ReceiptState::Handled, Some(app.clock.now())));
        assert_eq!(settled.caused.as_deref(), Some(r#"[{"subject":"lead:1","what":"Marked"}]"#));

        // As after a crash between that commit and the end of the job.
        assert_eq!(interpret(&whole, "k", handling).await.expect("it is asked again"), None);
        assert_eq!(marks(&whole).await, 1);
    }

    async fn of_two_runs_at_once_one_has_the_effect(app: TestApp) {
        let whole = with_stripe(&app).await;
        whole.push(&refund(&app, &whole, 1)).await;
        let keys = whole.app.store.spread_keys("test", 2);
        let other = keys.last().expect("a key");
        let (one, two) = tokio::join!(interpret(&whole, &keys[0], handling), interpret(&whole, other, handling));
        let meanings = [one.expect("it runs"), two.expect("it runs")];
        assert_eq!(meanings.iter().flatten().count(), 1, "{meanings:?}");
        assert_eq!(marks(&whole).await, 1);
    }

    async fn one_that_fails_keeps_none_of_those_interpreted_beside_it(app: TestApp) {
        let whole = with_stripe(&app).await;
        for number in 1..=5 {
            whole.push(&refund(&app, &whole, number)).await;
        }
        let remove = |tx: &mut Tx<'_>| -> Result<()> {
            use throughline::db::schema::receipts;
            diesel::delete(receipts::table.filter(receipts::id.eq(3))).execute(tx.conn())?;
            Ok(())
        };
        whole.app.store.write("test.remove", "k", remove).await.expect("it is removed");
        whole.run_until_idle().await;
        let states: Vec<(ReceiptId, ReceiptState)> = receipts(&whole).await.into_iter().map(|receipt| (receipt.id, receipt.state)).collect();
        assert_eq!(states, [1, 2, 4, 5].map(|id| (ReceiptId(id), ReceiptState::Handled)));
        let jobs = jobs_of_inbox(&whole).await;
        assert_eq!(jobs.iter().filter(|job| job.state == JobState::Succeeded).count(), 4, "{jobs:?}");
        assert!(jobs[2].last_error.as_deref().is_some_and(|error| error.contains("no longer in our database")), "{:?}", jobs[2]);
    }

    async fn what_failed_for_good_says_why_and_comes_back_with_its_job(app: TestApp) {
        let whole = with_stripe(&app).await;
        whole.push(&refund(&app, &whole, 1)).await;
        mirrored(&whole, JobState::Running, None).await;
        assert_eq!(receipt(&whole, ID).await.state, ReceiptState::Received);
        mirrored(&whole, JobState::Dead, Some("the order is of another currency")).await;
        let failed = receipt(&whole, ID).await;
        assert_eq!((failed.state, failed.reason.as_deref()), (ReceiptState::Failed, Some("the order is of another currency")));
        mirrored(&whole, JobState::Pending, None).await;
        let taken_up = receipt(&whole, ID).await;
        assert_eq!((taken_up.state, taken_up.reason, taken_up.settled_at), (ReceiptState::Received, None, None));

        interpret(&whole, "k", handling).await.expect("it is interpreted");
        for state in [JobState::Dead, JobState::Cancelled, JobState::Pending] {
            mirrored(&whole, state, Some("late")).await;
            assert_eq!(receipt(&whole, ID).await.state, ReceiptState::Handled, "what is settled stays, whatever becomes of its job");
        }
    }

    async fn a_job_that_is_cancelled_and_run_again_leads_its_receipt(app: TestApp) {
        let whole = with_stripe(&app).await;
        whole.push(&refund(&app, &whole, 1)).await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        let job = jobs_of_inbox(&whole).await[0].id;
        browser.post(&format!("/outbox/{job}/cancellation"), &[]).await;
        let failed = receipt(&whole, ID).await;
        assert_eq!((failed.state, failed.reason.as_deref()), (ReceiptState::Failed, Some("Its job was cancelled.")));
        browser.post(&format!("/outbox/{job}/run"), &[]).await;
        whole.run_until_idle().await;
        assert_eq!(receipt(&whole, ID).await.state, ReceiptState::Handled);
    }

    async fn a_rehearsal_tells_everything_and_leaves_nothing(app: TestApp) {
        let whole = with_stripe(&app).await;
        whole.push(&refund(&app, &whole, 1)).await;
        let waiting = rehearse(&whole, handling).await.expect("it is told");
        assert!(matches!(&waiting, Rehearsal::Impossible(why) if why.contains("waiting to be interpreted already")), "{waiting:?}");
        whole.run_until_idle().await;
        let before = receipt(&whole, ID).await;

        let would = rehearse(&whole, handling).await.expect("it is told");
        assert!(matches!(&would, Rehearsal::Possible(Meaning::Handled { .. })), "{would:?}");
        let would = rehearse(&whole, superseding).await.expect("it is told");
        assert_eq!(would, Rehearsal::Possible(Meaning::Superseded("A later refund is known".into())));
        rehearse(&whole, failing).await.expect_err("it would fail");

        let after = receipt(&whole, ID).await;
        assert_eq!((marks(&whole).await, after.state, after.settled_at), (0, before.state, before.settled_at));
    }

    async fn a_replay_is_shown_first_then_done_without_mails_and_written_down(app: TestApp) {
        let whole = with_stripe(&app).await;
        for number in 1..=3 {
            whole.push(&refund(&app, &whole, number)).await;
        }
        whole.run_until_idle().await;
        whole.push(&refund(&app, &whole, 4)).await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;

        let preview = browser.get("/inbox/replay?id=1&id=2&id=4&id=99").await.text;
        assert!(preview.contains("Left alone") && preview.contains("Replay 2 events") && preview.contains("0 of 3 events would change"), "{preview}");
        assert!(receipts(&whole).await[..3].iter().all(|receipt| receipt.state == ReceiptState::Handled), "nothing was done");
        assert!(browser.get("/inbox/replay").await.text.contains("No event was chosen"));

        let answered = browser.post("/inbox/replays", &[("id", "2"), ("id", "1"), ("id", "4")]).await;
        assert_eq!(answered.header("location"), Some("/inbox"));
        let said = browser.get("/inbox").await.text;
        assert!(said.contains("2 events will be interpreted again now.") && said.contains("Left alone: 1"), "{said}");
        let jobs = jobs_of_inbox(&whole).await;
        assert_eq!(jobs.len(), 6);
        assert_eq!(jobs[4].payload, r#"{"receipt":1,"again_with_mails":false}"#, "as they came, and quietly");
        assert_eq!(jobs[4].subject.as_str(), "receipt:1");
        assert_eq!(receipt(&whole, ReceiptId(1)).await.state, ReceiptState::Received);
        whole.run_until_idle().await;
        let again = receipt(&whole, ReceiptId(1)).await;
        assert_eq!(again.state, ReceiptState::Handled, "what it caused stays told");
        assert!(again.caused.is_some_and(|caused| caused.contains("stripe:")) && again.reason.is_none());

        browser.post("/inbox/replays", &[("id", "3"), ("mails", "yes")]).await;
        assert_eq!(jobs_of_inbox(&whole).await[6].payload, r#"{"receipt":3,"again_with_mails":true}"#);
        let acts: Vec<(String, Option<String>)> = whole
            .ask(|conn| audit_rows::table.filter(audit_rows::action.eq("inbox.replay")).order(audit_rows::id).select((audit_rows::subject, audit_rows::after)).load(conn))
            .await;
        assert_eq!(acts.len(), 3);
        assert_eq!(acts[2], ("receipt:3".into(), Some(r#"{"state":"received","with_mails":true}"#.into())));
    }

    async fn a_failed_event_gets_its_own_job_back(app: TestApp) {
        let whole = with_stripe(&app).await;
        whole.push(&refund(&app, &whole, 1)).await;
        let kill = |tx: &mut Tx<'_>| -> Result<()> {
            use throughline::db::schema::jobs;
            let dead = (jobs::state.eq(JobState::Dead), jobs::order_place.eq(None::<i64>), jobs::last_error.eq("it broke"));
            diesel::update(jobs::table.filter(jobs::kind.eq("inbox.interpret"))).set(dead).execute(tx.conn())?;
            Ok(actions::give_up(tx, UtcTime::default(), ID, "it broke")?)
        };
        whole.app.store.write("test.kill", "k", kill).await.expect("it is written");
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        assert!(browser.get("/inbox/1").await.text.contains("It could not be interpreted"));
        browser.post("/inbox/replays", &[("id", "1")]).await;
        let jobs = jobs_of_inbox(&whole).await;
        assert_eq!((jobs.len(), jobs[0].state), (1, JobState::Pending), "no second job");
        whole.run_until_idle().await;
        assert_eq!(receipt(&whole, ID).await.state, ReceiptState::Handled);
    }

    async fn content_goes_after_90_days_and_the_row_after_400(app: TestApp) {
        let whole = with_stripe(&app).await;
        whole.push(&refund(&app, &whole, 1)).await;
        whole.run_until_idle().await;
        let sweep_after = async |days: u32| {
            app.clock.advance(Duration::from_secs(24 * 3600) * days);
            retention::sweep(&whole.app).await.expect("it sweeps");
            receipts(&whole).await
        };
        assert!(sweep_after(89).await[0].body.is_some());
        let emptied = &sweep_after(2).await[0];
        assert!(emptied.body.is_none() && emptied.headers.is_none() && emptied.address.is_none() && emptied.event_type == "charge.refunded");
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        let page = browser.get("/inbox/1").await.text;
        assert!(page.contains("removed, as it is after 90 days") && !page.contains("/inbox/replay"), "{page}");
        browser.post("/inbox/replays", &[("id", "1")]).await;
        assert!(browser.get("/inbox/1").await.text.contains("What it said was removed"));
        assert_eq!(sweep_after(308).await.len(), 1, "after 399 days");
        assert_eq!(sweep_after(2).await.len(), 0);
    }
}
