//! Files that were cut off, files of long rows, and dates that say no offset.

use diesel::prelude::*;
use rocket::http::{ContentType, Header};
use throughline::accounts::Role;
use throughline::db::Tx;
use throughline::db::schema::{import_pieces, imports, jobs, leads};
use throughline::imports::run::{Run, Step};
use throughline::imports::{ImportId, ImportState, Standing, batches, queries, staged};

use super::{STATES, begun, completed, found, imported, plan};
use crate::harness::{Whole, both_engines, read};
use crate::web::browser::Browser;
use crate::web::seller_pages;

const MIB: i64 = 1024 * 1024;

/// An upload whose line breaks before the form has ended.
async fn broken_upload(browser: &Browser) -> u16 {
    let head = "--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"leads.csv\"\r\n\r\n";
    let kind = ContentType::new("multipart", "form-data").with_params([("boundary", "X")]);
    let request = browser.0.post("/imports").header(kind).header(Header::new("Sec-Fetch-Site", "same-origin"));
    read(request.body(format!("{head}{STATES}")).dispatch().await).await.status.code
}

/// What stands in the database when the process ended in the middle of an upload: a piece, and no digest.
async fn left_behind(whole: &Whole) -> ImportId {
    let import = begun(whole, STATES, ImportState::Staged).await;
    let (id, now) = (import.id, whole.app.clock.now());
    let cut = move |tx: &mut Tx<'_>| -> throughline::Result<usize> {
        queries::keep_piece(tx, now, id, (0, STATES.as_bytes()))?;
        Ok(diesel::update(imports::table.filter(imports::id.eq(id)))
            .set((imports::file_hash.eq(""), imports::file_bytes.eq(0)))
            .execute(tx.conn())?)
    };
    whole.app.store.write("test.cut", "k", cut).await.expect("it is cut off");
    id
}

async fn count_pieces(whole: &Whole) -> i64 {
    whole.ask(|conn| import_pieces::table.count().get_result(conn)).await
}

async fn count_jobs(whole: &Whole) -> i64 {
    whole.ask(|conn| jobs::table.count().get_result(conn)).await
}

both_engines! {
    async fn dates_without_an_offset_are_the_sellers_and_another_zone_brings_nothing_twice(app: TestApp) {
        let whole = app.whole().await;
        let admin = Browser::signed_in(&whole, Role::Admin).await;
        let text = "name,email,date,status\nAda,ada@example.com,2024-03-01 10:00:00,sent\nBob,bob@example.com,2024-03-01T10:00:00+01:00,sent\n";
        seller_pages::save(&admin, &[("zone", "Asia/Dubai")]).await;

        assert_eq!(imported(&whole, text).await.sent, 2);
        let received = || whole.ask(|conn| leads::table.order(leads::id).select(leads::received_at).load::<chrono::NaiveDateTime>(conn));
        let told: Vec<String> = received().await.iter().map(ToString::to_string).collect();
        assert_eq!(told, ["2024-03-01 06:00:00", "2024-03-01 09:00:00"], "ten o'clock in Dubai; the other says itself when it was");

        seller_pages::save(&admin, &[("zone", "Europe/Berlin"), ("version", "1")]).await;
        let again = imported(&whole, text).await;
        assert_eq!((again.imported(), again.skipped, received().await.len()), (0, 2, 2), "the same rows, whatever they are read as");
    }

    async fn an_upload_that_breaks_off_leaves_nothing_to_start(app: TestApp) {
        let whole = app.whole().await;
        let admin = Browser::signed_in(&whole, Role::Admin).await;
        assert_eq!(broken_upload(&admin).await, 400);
        let import = found(&whole, ImportId(1)).await;
        assert_eq!((import.state, import.last_error.as_deref()), (ImportState::Cancelled, Some("the upload was cut off")));
        assert_eq!((count_pieces(&whole).await, admin.post("/imports/1/start", &[]).await.status.code), (0, 303));
        assert_eq!((found(&whole, ImportId(1)).await.state, count_jobs(&whole).await), (ImportState::Cancelled, 0));
    }

    async fn what_a_killed_process_left_of_an_upload_cannot_be_started_and_makes_room(app: TestApp) {
        let whole = app.whole().await;
        let admin = Browser::signed_in(&whole, Role::Admin).await;
        let id = left_behind(&whole).await;
        let page = admin.get("/imports/1").await.text;
        assert!(page.contains("This file has not come whole") && page.contains("Discard") && !page.contains("/imports/1/start"), "{page}");

        assert_eq!(admin.post("/imports/1/start", &[]).await.status.code, 303);
        let page = admin.get("/imports/1").await.text;
        assert!(page.contains("This file has not come whole: its upload was cut off. Discard it and upload it again."), "{page}");
        assert_eq!((found(&whole, id).await.state, count_jobs(&whole).await), (ImportState::Staged, 0));

        // Ten minutes are what an upload may take: only then nobody can be uploading it any more.
        broken_upload(&admin).await;
        assert_eq!(found(&whole, id).await.state, ImportState::Staged);
        app.clock.advance(std::time::Duration::from_secs(12 * 60));
        broken_upload(&admin).await;
        assert_eq!((found(&whole, id).await.state, count_pieces(&whole).await), (ImportState::Cancelled, 0));
    }

    async fn a_file_that_lost_a_piece_is_neither_started_nor_taken_for_whole(app: TestApp) {
        let whole = app.whole().await;
        let admin = Browser::signed_in(&whole, Role::Admin).await;
        let text = format!("name,email,note\n{}", format!("Ada,ada@example.com,{}\n", "x".repeat(1_000)).repeat(200));
        let import = begun(&whole, &text, ImportState::Staged).await;
        let mut staging = staged::Staging::of(&whole.app, import.id);
        staging.take(text.as_bytes()).await.expect("it is kept");
        completed(&whole, staging, &text).await;
        let lose = |tx: &mut Tx<'_>| -> throughline::Result<usize> {
            Ok(diesel::delete(import_pieces::table.filter(import_pieces::seq.eq(1))).execute(tx.conn())?)
        };
        assert_eq!(whole.app.store.write("test.lose", "k", lose).await.expect("it is gone"), 1);

        admin.post("/imports/1/start", &[]).await;
        assert!(admin.get("/imports/1").await.text.contains("This file has not come whole"));
        assert_eq!((found(&whole, import.id).await.state, count_jobs(&whole).await), (ImportState::Staged, 0));

        // Started before it lost its piece: the run ends with the reason, not as if the file had ended there.
        let import = found(&whole, import.id).await;
        let file = staged::file(&whole.app, (import.id, import.file_bytes));
        let mut run = Run::begin(&whole.app, import, file).await.expect("it begins");
        let ended = loop {
            match run.step().await {
                Ok(Step::On(_) | Step::SteppedBack) => {}
                Ok(Step::Done(_)) => panic!("it took the file for whole"),
                Err(cause) => break cause.to_string(),
            }
        };
        assert!(ended.contains("bytes are missing; upload it again"), "{ended}");
    }

    async fn a_batch_ends_at_4_mib_however_few_rows_that_are(app: TestApp) {
        let whole = app.whole().await;
        let mut text = String::new();
        for row in 0..45 {
            let note = "x".repeat(200 * 1024);
            text.push_str(&format!("{{\"name\":\"Lead {row}\",\"email\":\"n{row}@example.com\",\"status\":\"sent\",\"remark\":\"{note}\"}}\n"));
        }
        let import = begun(&whole, &text, ImportState::Running).await;
        let mut run = Run::begin(&whole.app, import, std::io::Cursor::new(text.clone())).await.expect("it begins");
        let (mut steps, mut bytes) = (Vec::new(), 0);
        while let Step::On(Standing { rows_done, bytes_done, .. }) = run.step().await.expect("a step") {
            assert!(bytes_done - bytes < batches::BYTES + MIB, "{bytes_done}");
            bytes = bytes_done;
            steps.push(rows_done);
        }
        assert_eq!(steps, [21, 42, 45]);
        assert_eq!(plan(&text).order.len(), 4);
    }
}
