//! The pages of imports: upload, columns, start, refused rows; who may, and what is refused.

use rocket::http::{ContentType, Header};
use throughline::accounts::Role;
use throughline::imports::{ImportId, ImportState};
use throughline::leads::LeadStatus;

use super::{STATES, found};
use crate::harness::{Answered, TestApp, Whole, both_engines, read};
use crate::web::browser::Browser;

const BOUNDARY: &str = "----a-form-of-ours";

/// Sends a form with a file, as a browser without script does.
async fn upload(browser: &Browser, name: &str, file: &[u8]) -> Answered {
    let mut body = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"source\"\r\n\r\nold shop\r\n--{BOUNDARY}\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: text/csv\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(file);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    let kind = ContentType::new("multipart", "form-data").with_params([("boundary", BOUNDARY)]);
    let request = browser.0.post("/imports").header(kind).header(Header::new("Sec-Fetch-Site", "same-origin")).body(body);
    read(request.dispatch().await).await
}

async fn page(browser: &Browser, path: &str) -> String {
    let answered = browser.get(path).await;
    assert_eq!(answered.status.code, 200, "{}", answered.text);
    answered.text
}

async fn admin(app: &TestApp) -> (Whole, Browser) {
    let whole = app.whole().await;
    let browser = Browser::signed_in(&whole, Role::Admin).await;
    (whole, browser)
}

both_engines! {
    async fn a_file_is_uploaded_looked_over_imported_and_its_refused_rows_fetched(app: TestApp) {
        let (whole, browser) = admin(&app).await;
        assert!(page(&browser, "/imports").await.contains("Nothing was imported yet"));
        let file = format!("{STATES}6,Gus,nonsense,,pending,,,,,,,\n").replace("name,email", "name,Wohin");
        let uploaded = upload(&browser, "C:\\old\\leads.csv", file.as_bytes()).await;
        assert_eq!((uploaded.status.code, uploaded.header("Location")), (303, Some("/imports/1")), "{}", uploaded.text);
        let shown = page(&browser, "/imports/1").await;
        assert!(shown.contains("leads.csv") && shown.contains("Line 2") && shown.contains("email is required where there is no phone number"));

        // The column was not recognised: a person says what it holds.
        let columns = [("source", "old shop"), ("c0", "id"), ("c1", "name"), ("c2", "email"), ("c4", "status"), ("c5", "received_at")];
        assert_eq!(browser.post("/imports/1/columns", &columns).await.status.code, 303);
        let shown = page(&browser, "/imports/1").await;
        assert!(shown.contains("Ada Lovelace") && shown.contains("Line 7") && !shown.contains("Line 2"));
        assert_eq!(browser.post("/imports/1/columns", &[("c1", "name"), ("c2", "name")]).await.status.code, 303);
        assert!(page(&browser, "/imports/1").await.contains("“name” and “Wohin” cannot both be name: choose one."));

        assert_eq!(browser.post("/imports/1/start", &[]).await.status.code, 303);
        assert!(page(&browser, "/imports/1").await.contains("<progress"));
        whole.run_until_idle().await;
        let import = found(&whole, ImportId(1)).await;
        assert_eq!((import.state, import.standing.imported(), import.standing.refused), (ImportState::Done, 5, 1));
        let leads: Vec<LeadStatus> = whole.ask(|conn| {
            use diesel::prelude::*;
            use throughline::db::schema::leads;
            leads::table.order(leads::id).select(leads::status).load(conn)
        }).await;
        assert_eq!(leads.iter().filter(|status| **status == LeadStatus::Sent).count(), 4);
        assert!(page(&browser, "/imports/1").await.contains("1 row was refused"));
        let refused = browser.get("/imports/1/refused").await;
        assert_eq!(refused.header("Content-Disposition"), Some("attachment; filename=\"leads.refused.csv\""));
        assert!(refused.text.contains("\r\n7,\"email is not an email address"), "{}", refused.text);
        assert!(browser.post("/imports/1/start", &[]).await.status.code == 303);
        assert!(page(&browser, "/imports/1").await.contains("has been started or ended meanwhile"));
    }

    async fn what_is_no_such_file_is_refused_by_name_and_leaves_nothing(app: TestApp) {
        let (whole, browser) = admin(&app).await;
        for (name, bytes, words) in [
            ("a.xlsx", b"PK\x03\x04".to_vec(), "an Excel workbook"),
            ("a.csv", vec![0xff, 0xfe, b'a', 0], "encoded in UTF-16"),
            ("a.csv", b"  \n".to_vec(), "the file is empty"),
        ] {
            let answered = upload(&browser, name, &bytes).await;
            assert_eq!((answered.status.code, answered.header("Location")), (303, Some("/imports")));
            let shown = page(&browser, "/imports").await;
            assert!(shown.contains("Nothing was imported:") && shown.contains(words), "{shown}");
        }
        assert_eq!(upload(&browser, "", b"x").await.header("Location"), Some("/imports"));
        assert!(page(&browser, "/imports").await.contains("Choose a file first."));
        let plain = browser.post("/imports", &[("source", "x")]).await;
        assert_eq!(plain.status.code, 415);
        let pieces: i64 = whole.ask(|conn| {
            use diesel::prelude::*;
            throughline::db::schema::import_pieces::table.count().get_result(conn)
        }).await;
        assert_eq!(pieces, 0);
    }

    async fn only_a_few_files_wait_and_one_that_is_discarded_makes_room(app: TestApp) {
        let (_whole, browser) = admin(&app).await;
        for number in 1..=5 {
            assert_eq!(upload(&browser, "leads.csv", STATES.as_bytes()).await.header("Location"), Some(format!("/imports/{number}").as_str()));
        }
        assert_eq!(upload(&browser, "leads.csv", STATES.as_bytes()).await.header("Location"), Some("/imports"));
        assert!(page(&browser, "/imports").await.contains("5 uploaded files wait to be imported"));
        assert_eq!(browser.post("/imports/3/cancellation", &[]).await.status.code, 303);
        assert!(page(&browser, "/imports/3").await.contains("Cancelled"));
        assert_eq!(upload(&browser, "leads.csv", STATES.as_bytes()).await.header("Location"), Some("/imports/6"));
    }

    async fn nobody_but_admins_sees_or_does_anything(app: TestApp) {
        let (whole, browser) = admin(&app).await;
        upload(&browser, "leads.csv", STATES.as_bytes()).await;
        let operator = Browser::signed_in(&whole, Role::Operator).await;
        for path in ["/imports", "/imports/1", "/imports/1/refused"] {
            assert_eq!(operator.get(path).await.status.code, 403, "{path}");
        }
        for path in ["start", "columns", "cancellation", "continuation"] {
            assert_eq!(operator.post(&format!("/imports/1/{path}"), &[]).await.status.code, 403, "{path}");
        }
        assert_eq!(upload(&operator, "leads.csv", STATES.as_bytes()).await.status.code, 403);
        assert_eq!(found(&whole, ImportId(1)).await.state, ImportState::Staged);
        assert_eq!(browser.get("/imports/99").await.status.code, 404);
    }

    async fn one_that_stands_still_says_why_and_goes_on(app: TestApp) {
        let (whole, browser) = admin(&app).await;
        upload(&browser, "leads.csv", STATES.as_bytes()).await;
        browser.post("/imports/1/start", &[]).await;
        // Its file is gone, as if somebody had removed it by hand.
        let lose = |tx: &mut throughline::db::Tx<'_>| -> throughline::Result<usize> {
            use diesel::prelude::*;
            Ok(diesel::update(throughline::db::schema::import_pieces::table)
                .set(throughline::db::schema::import_pieces::import_id.eq(77))
                .execute(tx.conn())?)
        };
        whole.app.store.write("test.lose", "k", lose).await.expect("it is gone");
        whole.run_until_idle().await;
        let shown = page(&browser, "/imports/1").await;
        assert!(shown.contains("It stands still") && shown.contains("bytes are missing; upload it again"), "{shown}");
        let find = |tx: &mut throughline::db::Tx<'_>| -> throughline::Result<usize> {
            use diesel::prelude::*;
            Ok(diesel::update(throughline::db::schema::import_pieces::table)
                .set(throughline::db::schema::import_pieces::import_id.eq(1))
                .execute(tx.conn())?)
        };
        whole.app.store.write("test.find", "k", find).await.expect("it is there");
        assert_eq!(browser.post("/imports/1/continuation", &[]).await.status.code, 303);
        whole.run_until_idle().await;
        assert_eq!(found(&whole, ImportId(1)).await.state, ImportState::Done);
        assert!(!page(&browser, "/imports/1").await.contains("stands still"));
    }
}
