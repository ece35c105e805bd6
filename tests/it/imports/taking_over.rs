//! What becomes of an older system's leads: states and dates kept, nothing twice, nothing half done.

use std::fmt::Write;
use std::io::Cursor;

use diesel::prelude::*;
use rocket::http::Header;
use serde_json::json;
use throughline::db::Tx;
use throughline::db::schema::{events, import_pieces, import_refusals, jobs, leads};
use throughline::imports::run::{Run, Step};
use throughline::imports::staged::{self, Staging};
use throughline::imports::survey::survey;
use throughline::imports::{ImportState, Standing, actions, report, run};
use throughline::leads::{Lead, LeadStatus};
use throughline::line::LineId;
use throughline::outbox::admin::Request;

use super::{STATES, begun, completed, found, imported, run_out};
use crate::harness::{Whole, both_engines};

async fn leads(whole: &Whole) -> Vec<Lead> {
    whole.ask(|conn| leads::table.order(leads::id).select(Lead::as_select()).load(conn)).await
}

async fn count_leads(whole: &Whole) -> i64 {
    whole.ask(|conn| leads::table.count().get_result(conn)).await
}

/// Some unsent leads without an id of their own.
fn many(rows: u32) -> String {
    let mut text = String::from("name,email,date\n");
    for row in 0..rows {
        writeln!(text, "Lead {row},n{row}@example.com,2024-01-01").expect("text grows");
    }
    text
}

fn by(whole: &Whole) -> Request {
    Request { actor: "user:1".into(), reason: None, address: None, now: whole.app.clock.now() }
}

both_engines! {
    async fn states_and_dates_are_kept_and_only_what_was_not_sent_is_sent(app: TestApp) {
        let whole = app.whole().await;
        let standing = imported(&whole, STATES).await;
        assert_eq!((standing.rows_done, standing.queued, standing.sent, standing.failed, standing.noted), (5, 3, 1, 1, 1));

        let lanes: Vec<(String, String)> = whole.ask(|conn| jobs::table.order(jobs::id).select((jobs::kind, jobs::lane)).load(conn)).await;
        assert_eq!(lanes, vec![("leads.deliver".into(), "backfill".into()); 3], "behind what comes today");
        whole.run_until_idle().await;

        let all = leads(&whole).await;
        let told: Vec<_> = all.iter().map(|lead| (lead.name.as_str(), lead.status, lead.received_at.to_string())).collect();
        let sent = LeadStatus::Sent;
        assert_eq!(told, [
            ("Ada Lovelace", sent, "2024-03-01 10:00:00".into()),
            ("Bob Stone", sent, "2024-03-02 10:00:00".into()),
            ("Cyd Hall", sent, "2024-03-03 10:00:00".into()),
            ("Dan Oak", sent, "2024-03-04 10:00:00".into()),
            ("Eve Lane", LeadStatus::Failed, "2024-03-05 10:00:00".into()),
        ]);
        assert_eq!(whole.sandbox.leads().len(), 3, "Cyd is not sent again and Eve stays failed");
        assert_eq!(all[2].zoho_lead_id.as_deref(), Some("5725767000000524157"));
        assert_eq!(all[2].processed_at.expect("a time").to_string(), "2024-03-03 10:00:09");
        assert_eq!((all[4].last_error.as_deref(), all[4].retry_count), (Some("INVALID_DATA: Email"), 3));
        let extra: serde_json::Value = serde_json::from_str(&all[0].extra).expect("JSON");
        assert_eq!(extra, json!({"colour": "teal", "imported_from": "old", "imported_id": "1"}));
        let imported: i64 = whole.ask(|conn| events::table.filter(events::kind.eq("lead.imported")).count().get_result(conn)).await;
        assert_eq!(imported, 5);
    }

    async fn a_failed_lead_of_the_older_system_can_be_sent_again_from_its_page(app: TestApp) {
        let whole = app.whole().await;
        imported(&whole, STATES).await;
        whole.sign_in(throughline::accounts::Role::Operator).await;
        let failed = leads(&whole).await[4].id;
        assert_eq!(whole.client.post(format!("/leads/{failed}/delivery")).header(Header::new("Sec-Fetch-Site", "same-origin")).dispatch().await.status().code, 303);
        whole.run_until_idle().await;
        assert_eq!(whole.lead(failed).await.status, LeadStatus::Sent);
    }

    async fn a_second_import_brings_nothing_twice(app: TestApp) {
        let whole = app.whole().await;
        imported(&whole, STATES).await;
        let more = format!("{STATES}6,Fay Moor,fay@example.com,,pending,2024-03-06 10:00:00,,,,0,,\n").replace("1,Ada", "1,Ada Augusta");
        let again = imported(&whole, &more).await;
        assert_eq!((again.imported(), again.skipped), (1, 5));
        assert_eq!(count_leads(&whole).await, 6);
    }

    async fn one_that_is_killed_between_two_chunks_goes_on_where_it_was(app: TestApp) {
        let whole = app.whole().await;
        let text = many(350);
        let import = begun(&whole, &text, ImportState::Running).await;
        let mut killed = Run::begin(&whole.app, import.clone(), Cursor::new(text.clone())).await.expect("it begins");
        for _ in 0..2 {
            assert!(matches!(killed.step().await, Ok(Step::On(_))));
        }
        drop(killed);
        let import = found(&whole, import.id).await;
        assert_eq!((import.standing.rows_done, count_leads(&whole).await), (200, 200));

        let done = run_out(&whole, import.clone(), &text).await;
        assert_eq!((done.rows_done, done.queued, done.skipped, count_leads(&whole).await), (350, 350, 0, 350));
        assert_eq!(found(&whole, import.id).await.state, ImportState::Done);
    }

    async fn of_two_runs_of_one_import_one_steps_back(app: TestApp) {
        let whole = app.whole().await;
        let text = many(350);
        let import = begun(&whole, &text, ImportState::Running).await;
        let run = async || Run::begin(&whole.app, import.clone(), Cursor::new(text.clone())).await.expect("it begins");
        let (mut first, mut second) = (run().await, run().await);
        assert!(matches!(first.step().await, Ok(Step::On(_))));
        assert_eq!(second.step().await.expect("a step"), Step::SteppedBack);
        assert!(matches!(first.step().await, Ok(Step::On(Standing { rows_done: 200, skipped: 0, .. }))));
        assert_eq!(count_leads(&whole).await, 200);
    }

    async fn one_file_imported_twice_at_once_brings_each_lead_once(app: TestApp) {
        let whole = app.whole().await;
        let text = many(350);
        let (first, second) = tokio::join!(imported(&whole, &text), imported(&whole, &text));
        assert_eq!((first.queued + second.queued, first.skipped + second.skipped), (350, 350));
        assert_eq!(count_leads(&whole).await, 350);
        let queued: i64 = whole.ask(|conn| jobs::table.count().get_result(conn)).await;
        assert_eq!(queued, 350);
    }

    async fn an_uploaded_file_is_worked_through_by_whichever_process_takes_the_job(app: TestApp) {
        let whole = app.whole().await;
        let text = many(2_500);
        let import = begun(&whole, &text, ImportState::Staged).await;
        let mut staging = Staging::of(&whole.app, import.id);
        staging.take(text.as_bytes()).await.expect("it is kept");
        completed(&whole, staging, &text).await;
        let (id, by, line) = (import.id, by(&whole), LineId::mint(whole.app.clock.now()));
        let start = move |tx: &mut Tx<'_>| actions::start(tx, id, &line, &by);
        let job = whole.app.store.write("test.start", "k", start).await.expect("it starts");
        // A process that was killed after its first chunk.
        let import = found(&whole, id).await;
        let mut killed = Run::begin(&whole.app, import.clone(), staged::file(&whole.app, (id, import.file_bytes))).await.expect("it begins");
        assert!(matches!(killed.step().await, Ok(Step::On(_))));
        drop(killed);

        whole.run_until_idle().await;

        let import = found(&whole, id).await;
        assert_eq!((import.state, import.standing.queued, import.standing.skipped), (ImportState::Done, 2_500, 0));
        assert_eq!(import.file_hash.len(), 64);
        assert_eq!(whole.sandbox.leads().len(), 2_500);
        let pieces: i64 = whole.ask(|conn| import_pieces::table.count().get_result(conn)).await;
        assert_eq!(pieces, 0, "the file is not kept");
        let progress = whole.ask(move |conn| throughline::outbox::progress::of(conn, job)).await.expect("it was told");
        assert!(progress.done > 0 && progress.total == Some(import.file_bytes));
    }

    async fn one_that_is_cancelled_keeps_what_it_brought_and_brings_no_more(app: TestApp) {
        let whole = app.whole().await;
        let text = many(250);
        let import = begun(&whole, &text, ImportState::Running).await;
        let mut run = Run::begin(&whole.app, import.clone(), Cursor::new(text)).await.expect("it begins");
        assert!(matches!(run.step().await, Ok(Step::On(_))));
        let (id, by) = (import.id, by(&whole));
        let again = by.clone();
        whole.app.store.write("test.cancel", "k", move |tx: &mut Tx<'_>| actions::cancel(tx, id, &by)).await.expect("it ends");
        assert_eq!(run.step().await.expect("a step"), Step::SteppedBack);
        assert_eq!((count_leads(&whole).await, found(&whole, id).await.state), (100, ImportState::Cancelled));
        let twice = whole.app.store.write("test.cancel", "k", move |tx: &mut Tx<'_>| actions::cancel(tx, id, &again)).await;
        assert!(throughline::Error::from(twice.expect_err("over")).to_string().contains("has ended already"));
    }

    async fn hostile_rows_are_refused_alone_and_come_back_as_a_file_that_can_be_mended(app: TestApp) {
        let whole = app.whole().await;
        let text = format!(
            "name,email,note\n=HYPERLINK(1),a@example.com,\"kept \u{0} quietly\"\nAda,{},x\nB\0b,b@example.com,x\nCyd,nonsense,-1\nDan,d@example.com,{}\nEve,e@example.com,ok\n",
            "x".repeat(10 * 1024 * 1024), ",".repeat(5_000),
        );
        let import = begun(&whole, &text, ImportState::Running).await;
        let standing = run_out(&whole, import, &text).await;
        assert_eq!((standing.queued, standing.refused), (2, 4));
        let import = found(&whole, throughline::imports::ImportId(1)).await;
        let mut file = Vec::new();
        report::write_refused(&whole.app, &import, &mut file).await.expect("it is written");
        let file = String::from_utf8(file).expect("text");
        let told: Vec<&str> = file.lines().map(|line| &line[..line.len().min(90)]).collect();
        assert_eq!(told[0], "import_line,import_why,name,email,note");
        assert!(told[1].starts_with("3,is longer than 256 KiB"), "{told:?}");
        assert_eq!(told[2], "4,name must not contain the NUL character,B\u{0}b,b@example.com,x");
        assert_eq!(told[3], "5,\"email is not an email address, such as name@example.com\",Cyd,nonsense,'-1");
        assert!(told[4].starts_with("6,has more than 200 columns"));

        // Mended, it is imported with the same columns.
        let mended = format!("{}\r\n{}\r\n", told[0], told[3].replace("nonsense", "cyd@example.com"));
        let again = imported(&whole, &mended).await;
        assert_eq!((again.queued, again.refused), (1, 0));
        let cyd = leads(&whole).await.pop().expect("Cyd");
        assert_eq!(cyd.message.as_deref(), Some("-1"), "without the apostrophe");
        assert!(!cyd.extra.contains("import_why"), "{}", cyd.extra);
    }

    async fn a_survey_counts_everything_and_writes_nothing(app: TestApp) {
        let whole = app.whole().await;
        imported(&whole, &STATES[..STATES.find("3,Cyd").expect("it is there")]).await;
        let text = format!("{STATES}7,Gus,,,pending,,,,,,,\n1,Ada Lovelace,ada@example.com,,pending,,,,,,,\n");
        let import = begun(&whole, &text, ImportState::Staged).await;
        let before = count_leads(&whole).await;
        let rules = run::rules(&whole.app, import.plan().expect("a plan")).await.expect("rules");
        let found = survey(&whole.app, (Cursor::new(text), rules), "old", 1_000, |_| {}).await.expect("it is read");
        assert_eq!((found.rows, found.queued, found.sent, found.failed, found.refused, found.there), (7, 4, 1, 1, 1, 3));
        assert!(found.is_whole);
        assert_eq!((found.mistakes[0].line, found.mistakes[0].why.as_str()), (7, "email is required where there is no phone number"));
        assert_eq!(found.first[0].1.lead.new.contact.name, "Ada Lovelace");
        let refusals: i64 = whole.ask(|conn| import_refusals::table.count().get_result(conn)).await;
        assert_eq!((count_leads(&whole).await, refusals), (before, 0));
    }

    async fn files_that_nobody_imports_and_rows_that_were_refused_are_forgotten(app: TestApp) {
        let whole = app.whole().await;
        imported(&whole, "name,email\nAda,nonsense\n").await;
        let import = begun(&whole, STATES, ImportState::Staged).await;
        let mut staging = Staging::of(&whole.app, import.id);
        staging.take(STATES.as_bytes()).await.expect("it is kept");
        completed(&whole, staging, STATES).await;
        let day = std::time::Duration::from_secs(24 * 60 * 60);
        let left = || whole.ask(|conn| Ok((import_pieces::table.count().get_result(conn)?, import_refusals::table.count().get_result(conn)?)));
        for (days, expected) in [(6, (1, 1)), (2, (0, 1)), (23, (0, 0))] {
            app.clock.advance(day * days);
            throughline::retention::sweep(&whole.app).await.expect("it sweeps");
            assert_eq!(left().await, expected);
        }
        assert_eq!(found(&whole, import.id).await.state, ImportState::Cancelled);
    }
}
