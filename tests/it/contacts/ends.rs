//! Where lists and timelines end: files have all that a search means, and pages say what they leave out.

use diesel::prelude::*;
use serde_json::Value;
use throughline::accounts::Role;
use throughline::db::{Engine, Tx};

use crate::harness::{Whole, both_engines};
use crate::web::browser::Browser;

async fn execute(whole: &Whole, sql: String) {
    let write = move |tx: &mut Tx<'_>| -> throughline::Result<usize> { Ok(diesel::sql_query(sql.clone()).execute(tx.conn())?) };
    whole.app.store.write("test.execute", "k", write).await.expect("it is written");
}

/// So many contacts, each with a mail address, and companies of the same name; every tenth is called something else.
async fn fill(whole: &Whole, engine: Engine, count: i64, company: &str) {
    let at = match engine {
        Engine::Sqlite => "strftime('%Y-%m-%d %H:%M:%S', '2026-01-01', '+' || i || ' seconds')",
        Engine::Postgres => "TIMESTAMP '2026-01-01' + i * INTERVAL '1 second'",
    };
    let rows = format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})");
    let name = |start: &str| format!("CASE WHEN i % 10 = 0 THEN 'zed ' || i ELSE '{start} ' || i END");
    execute(
        whole,
        format!(
            "INSERT INTO companies (name, name_key, domain, created_at) {rows} SELECT {0}, {0}, {1}, {at} FROM n",
            name("engines"),
            "'d' || i || '.example'"
        ),
    )
    .await;
    execute(whole, format!("INSERT INTO contacts (name, name_key, is_name_vouched, company_id, company_rule, created_at, updated_at) {rows} SELECT {0}, {0}, FALSE, {company}, 'domain', {at}, {at} FROM n", name("ada"))).await;
    execute(
        whole,
        format!(
            "INSERT INTO contact_addresses (contact_id, kind, value, is_identifying, is_vouched, told_by, told_at) {rows}
        SELECT i, 'email', CASE WHEN i % 20 = 0 THEN 'ada.' ELSE 'n' END || i || '@example.com', TRUE, FALSE, 'lead:1', {at} FROM n"
        ),
    )
    .await;
}

/// All pages of a list as JSON, joined.
async fn joined(browser: &Browser, path: &str, list: &str) -> Vec<i64> {
    let (mut ids, mut next) = (Vec::new(), Some(path.to_owned()));
    while let Some(path) = next {
        let told: Value = serde_json::from_str(&browser.get(&path).await.text).expect("JSON");
        ids.extend(told[list].as_array().expect("a list").iter().filter_map(|row| row["id"].as_i64()));
        next = told["next"].as_str().map(str::to_owned);
    }
    ids
}

both_engines! {
    async fn a_file_of_a_search_has_all_that_begin_so(app: TestApp) {
        let whole = app.whole().await;
        fill(&whole, app.engine, 2_600, "NULL").await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        // Those called so, and those with an address that begins so: every tenth is not called so, half of these have the address.
        let expected: Vec<i64> = (1..=2_600).rev().filter(|i| i % 10 != 0 || i % 20 == 0).collect();

        let file = browser.get("/contacts?text=ada&format=csv").await.text;
        let ids: Vec<i64> = file.lines().skip(1).filter_map(|line| line.split(',').next()?.parse().ok()).collect();
        assert!(ids == expected, "{} of {}", ids.len(), expected.len());
        assert!(joined(&browser, "/contacts?text=ADA&format=json", "contacts").await == expected);
        assert!(browser.get("/contacts?text=ada").await.text.contains("Among the first 1,000 names and 1,000 addresses that begin so"));

        let expected: Vec<i64> = (1..=2_600).rev().filter(|i| i % 10 != 0).collect();
        let file = browser.get("/companies?text=eng&format=csv").await.text;
        let ids: Vec<i64> = file.lines().skip(1).filter_map(|line| line.split(',').next()?.parse().ok()).collect();
        assert!(ids == expected, "{} of {}", ids.len(), expected.len());
        assert!(joined(&browser, "/companies?text=engines&format=json", "companies").await == expected);
        assert_eq!(joined(&browser, "/contacts?text=zed&format=json", "contacts").await.len(), 260, "fewer than the end need no walk");
    }

    async fn a_company_of_more_than_400_says_whose_timeline_it_shows(app: TestApp) {
        let whole = app.whole().await;
        fill(&whole, app.engine, 400, "1").await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        let page = browser.get("/companies/1").await.text;
        assert!(!page.contains("Of the 400 newest contacts") && page.contains("The latest 50"), "all 400 are in: {page}");
        execute(&whole, "UPDATE contacts SET company_id = NULL WHERE id > 40".into()).await;
        assert!(!browser.get("/companies/1").await.text.contains("The latest 50"), "all 40 are listed");
        execute(&whole, "UPDATE contacts SET company_id = 1".into()).await;
        execute(&whole, "INSERT INTO contacts (name, name_key, is_name_vouched, company_id, company_rule, created_at, updated_at) SELECT name, name_key, FALSE, 1, 'domain', created_at, updated_at FROM contacts WHERE id = 1".into()).await;
        let page = browser.get("/companies/1").await.text;
        assert!(page.contains("Of the 400 newest contacts") && page.contains("stands on their own pages"), "{page}");
    }

    async fn a_filter_that_stopped_looking_says_so(app: TestApp) {
        let whole = app.whole().await;
        fill(&whole, app.engine, 1, "1").await;
        let at = match app.engine {
            Engine::Sqlite => "strftime('%Y-%m-%d %H:%M:%S', '2026-01-01', '+' || i || ' seconds')",
            Engine::Postgres => "TIMESTAMP '2026-01-01' + i * INTERVAL '1 second'",
        };
        let fill_events = |from: i64, to: i64| {
            let rows = format!("WITH RECURSIVE n(i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i < {to})");
            [
                format!("INSERT INTO events (id, line_id, source, source_event_id, kind, subject, occurred_at, recorded_at, data) {rows}
                    SELECT i + 1000, 'line', 'outbox', 'e' || i, 'lead.sent', 'lead:1', {at}, {at}, '{{}}' FROM n"),
                format!("INSERT INTO event_links (owner, occurred_at, event_id, source, kind) {rows} SELECT 'contact:1', {at}, i + 1000, 'outbox', 'lead.sent' FROM n"),
            ]
        };
        for sql in fill_events(1, 2_400) {
            execute(&whole, sql).await;
        }
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        let whole_look = browser.get("/companies/1?source=stripe").await.text;
        assert!(whole_look.contains("No event fits this filter here.") && !whole_look.contains("looked back to"), "{whole_look}");
        for sql in fill_events(2_401, 5_100) {
            execute(&whole, sql).await;
        }
        for path in ["/companies/1?source=stripe", "/contacts/1?source=stripe", "/timeline?source=stripe"] {
            let page = browser.get(path).await.text;
            for told in ["A filter looks at up to 5,000 events a page: this one looked back to", "Look further back", "older ones may"] {
                assert!(page.contains(told), "{path} {told}: {page}");
            }
        }
    }
}
