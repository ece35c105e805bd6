//! Lists as files: CSV of any length, JSON, and who asked for them.

use diesel::prelude::*;
use rocket::http::Header;
use throughline::accounts::Role;
use throughline::db::schema::audit;

use super::browser::Browser;
use crate::harness::{Answered, both_engines, read};

async fn as_program(browser: &Browser, path: &str, accept: &'static str) -> Answered {
    read(browser.0.get(path.to_owned()).header(Header::new("Accept", accept)).dispatch().await).await
}

/// The rows of a file, without its header.
fn rows(file: &str) -> Vec<Vec<String>> {
    let file = file.trim_start_matches('\u{feff}');
    csv::Reader::from_reader(file.as_bytes())
        .records()
        .map(|record| record.expect("each row has the columns of the header").iter().map(str::to_owned).collect())
        .collect()
}

both_engines! {
    async fn a_file_holds_every_lead_that_fits_however_many_pages_that_are(app: TestApp) {
        let whole = app.whole().await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        // More than one piece of 500.
        for n in 0..520 {
            whole.post_lead(&format!("Lead {n}"), &format!("n{n}@example.com")).await;
        }
        whole.run_until_idle().await;
        whole.post_lead("Last", "last@example.com").await;

        let all = browser.get("/leads?format=csv").await;

        assert_eq!(all.header("Content-Type"), Some("text/csv; charset=utf-8"));
        assert_eq!(all.header("Content-Disposition"), Some("attachment; filename=\"leads.csv\""));
        assert!(all.text.starts_with("\u{feff}id,received_at,kind,"), "a spreadsheet is told that it is UTF-8");
        let names: Vec<String> = rows(&all.text).into_iter().map(|row| row[4].clone()).collect();
        assert_eq!(names.len(), 521);
        assert!(names[0] == "Last" && names[520] == "Lead 0", "newest first");
        assert_eq!(rows(&browser.get("/leads?format=csv&status=pending").await.text).len(), 1, "the filter holds");
        assert_eq!(rows(&browser.get("/leads?format=csv&text=lead+51").await.text).len(), 11, "so does a search");
        let jobs = browser.get("/outbox?format=csv&state=done").await.text;
        let ids: Vec<i64> = rows(&jobs).iter().map(|row| row[0].parse().expect("an id")).collect();
        assert!(ids.len() == 520 && ids.is_sorted_by(|one, next| one > next));
        let plain = as_program(&browser, "/leads?status=pending", "text/csv").await.text;
        assert!(plain.starts_with("id,received_at,"), "a program needs no byte order mark");
    }

    async fn a_cell_that_a_spreadsheet_would_run_is_made_text(app: TestApp) {
        let whole = app.whole().await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        for name in ["=HYPERLINK(A1;\"x\")", "@SUM(1)", "-1+1", "سارة, \"quoted\""] {
            whole.post_lead(name, "x@example.com").await;
        }
        let names: Vec<String> = rows(&browser.get("/leads?format=csv").await.text).into_iter().map(|row| row[4].clone()).collect();
        assert_eq!(names, ["سارة, \"quoted\"", "'-1+1", "'@SUM(1)", "'=HYPERLINK(A1;\"x\")"]);
    }

    async fn every_list_has_its_files_and_its_data(app: TestApp) {
        let whole = app.whole().await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        whole.post_lead("Ada", "ada@example.com").await;
        whole.run_until_idle().await;
        for (list, name) in [
            ("/leads", "leads"), ("/outbox", "outbox"), ("/schedules", "schedules"), ("/schedules/leads.sweep", "schedule-leads.sweep"),
            ("/processes", "processes"), ("/operations", "operations"), ("/connections", "connections"), ("/products", "products"),
            ("/price-lists", "price-lists"),
        ] {
            let file = browser.get(&format!("{list}?format=csv")).await;
            assert_eq!(file.header("Content-Disposition"), Some(format!("attachment; filename=\"{name}.csv\"").as_str()));
            rows(&file.text);
            assert!(browser.get(&format!("{list}?format=json")).await.json().is_object(), "{list}");
            let page = browser.get(list).await.text;
            assert!(page.contains(&format!("href=\"{list}?format=csv\"")) && page.contains(&format!("href=\"{list}?format=json\"")), "{list}");
            let refused = browser.get(&format!("{list}?format=xml")).await;
            assert!(refused.status.code == 400 && refused.text.contains("Ask for format=csv or format=json"), "{}", refused.text);
        }
        assert_eq!(rows(&browser.get("/connections?format=csv").await.text)[0][..2], ["zoho", "connected"]);
    }

    async fn the_address_of_the_next_page_keeps_filter_and_format(app: TestApp) {
        let whole = app.whole().await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        for n in 0..60 {
            whole.post_lead(&format!("Lead {n}"), &format!("n{n}@example.com")).await;
        }
        for (list, rows) in [("/leads?source=website", "leads"), ("/outbox?kind=leads.deliver&lane=lead", "jobs")] {
            let first = browser.get(&format!("{list}&format=json")).await.json();
            let next = first["next"].as_str().expect("a next page").to_owned();
            assert!(next.starts_with(list) && next.contains("format=json"), "{next}");
            let second = browser.get(&next).await.json();
            assert_eq!((first[rows].as_array().expect("rows").len(), second[rows].as_array().expect("rows").len()), (50, 10), "{list}");
        }
        let next = as_program(&browser, "/leads", "application/json").await.json()["next"].clone();
        assert!(!next.as_str().expect("a next page").contains("format"), "a program that says Accept goes on saying it");
    }

    async fn whoever_takes_personal_data_along_is_written_down(app: TestApp) {
        let whole = app.whole().await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        browser.get("/leads?format=csv&status=failed&text=ada").await;
        browser.get("/outbox?format=csv&class=validation").await;
        as_program(&browser, "/leads?source=shop", "application/json").await;
        as_program(&browser, "/outbox?state=failed", "application/json").await;
        browser.get("/leads").await;
        browser.get("/outbox").await;
        let told: Vec<(String, String, Option<String>)> = whole
            .ask(|conn| audit::table.filter(audit::action.like("%.export")).order(audit::id).select((audit::actor, audit::action, audit::after)).load(conn))
            .await;
        let told: Vec<_> = told.iter().map(|(actor, action, after)| (actor.as_str(), action.as_str(), after.as_deref().unwrap_or_default())).collect();
        assert_eq!(told[0].1, "leads.export");
        assert!(told[0].0.starts_with("user:") && told[0].2.contains("failed") && told[0].2.contains("ada"), "{told:?}");
        assert_eq!((told[1].1, told[1].2), ("jobs.export", "{\"class\":\"validation\",\"format\":\"csv\"}"));
        assert_eq!((told[2].1, told[2].2), ("leads.export", "{\"format\":\"json\",\"source\":\"shop\",\"status\":null,\"text\":null}"));
        assert_eq!((told[3].1, told[3].2), ("jobs.export", "{\"format\":\"json\",\"state\":\"failed\"}"));
        assert_eq!(told.len(), 4, "whoever looks at a page takes nothing along");
        let nobody = Browser::open(&whole).await;
        assert_eq!(as_program(&nobody, "/leads?format=csv", "text/csv").await.status.code, 401);
        assert_eq!(nobody.get("/leads?format=csv").await.status.code, 303, "a person is led to the sign-in");
    }
}
