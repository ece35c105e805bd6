//! Lists over many rows: the plan of each question, and a search that stops and says so.

use diesel::prelude::*;
use diesel::sql_types::Text;
use throughline::accounts::Role;
use throughline::db::{Engine, on_backend};

use super::browser::Browser;
use crate::harness::{TestApp, Whole, both_engines};

/// Leads, one a second, the first of them older than all others; a job each, nearly all of them done.
const FILL: &[&str] = &[
    "INSERT INTO leads (line_id, status_token_hash, kind, source, name, email, email_key, items, utm, extra, status, retry_count, received_at, updated_at)
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20100)
     SELECT 'line-' || i, 'hash-' || i, 'quote', 'source-' || (i % 5), CASE WHEN i = 1 THEN 'Needle' ELSE 'Straw ' || i END, 'n' || i || '@example.com',
         'n' || i || '@example.com', '[]', '{}', '{}', CASE WHEN i % 100 = 0 THEN 'failed' WHEN i % 100 = 1 THEN 'pending' ELSE 'sent' END, 0, AT(i), AT(i) FROM n",
    "INSERT INTO jobs (kind, lane, state, payload, line_id, subject, repeatable, run_at, attempts, attempts_max, provider_failures, created_at,
         due_since, finished_at, last_error, updated_at)
     SELECT CASE WHEN id % 1000 = 0 THEN 'rare.kind' ELSE 'leads.deliver' END, 'lead', CASE WHEN status = 'failed' THEN 'dead' WHEN status = 'pending' THEN 'pending' ELSE 'succeeded' END, '{}',
         line_id, 'lead:' || id, TRUE, received_at, 0, 3, 0, received_at, received_at, received_at, CASE WHEN id % 1000 = 1 THEN 'it said no' END, received_at FROM leads ORDER BY id",
    "INSERT INTO audit (at, actor, action, subject, seal_seq, seal)
     SELECT received_at, 'cli', 'leads.edit', 'lead:' || id, CASE WHEN id < 20099 THEN id END, CASE WHEN id < 20099 THEN 'seal' END FROM leads",
    "INSERT INTO schedule_runs (schedule, due_at, decided_at, decided_by, outcome) SELECT 'leads.sweep', received_at, received_at, 'p', 'fired' FROM leads",
    "ANALYZE",
];

/// Runs each statement; `AT(i)` in it becomes the i-th second of a day, as the engine writes it.
pub async fn fill(app: &TestApp, whole: &Whole, statements: &[&str]) {
    let at = match app.engine {
        Engine::Sqlite => "strftime('%Y-%m-%d %H:%M:%f', '2026-11-21 00:00:00', '+' || i || ' seconds')",
        Engine::Postgres => "TIMESTAMP '2026-11-21 00:00:00' + i * INTERVAL '1 second'",
    };
    for statement in statements {
        let sql = statement.replace("AT(i)", at);
        let write = move |tx: &mut throughline::db::Tx<'_>| -> throughline::Result<()> {
            diesel::sql_query(sql.clone()).execute(tx.conn())?;
            Ok(())
        };
        whole.app.store.write("fill", "fill", write).await.expect("filled");
    }
}

#[derive(QueryableByName)]
struct SqliteStep {
    #[diesel(sql_type = Text)]
    detail: String,
}

#[derive(QueryableByName)]
struct PostgresStep {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    step: String,
}

pub async fn plan(app: &TestApp, whole: &Whole, sql: &'static str) -> String {
    let engine = app.engine;
    let steps = whole.ask(move |conn| match engine {
        Engine::Sqlite => {
            let steps: Vec<SqliteStep> = on_backend!(conn, |c| diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load(c))?;
            Ok(steps.into_iter().map(|step| step.detail).collect::<Vec<_>>())
        }
        Engine::Postgres => {
            let steps: Vec<PostgresStep> = on_backend!(conn, |c| diesel::sql_query(format!("EXPLAIN {sql}")).load(c))?;
            Ok(steps.into_iter().map(|step| step.step).collect())
        }
    });
    steps.await.join("\n")
}

fn jobs_on(page: &str) -> Vec<i64> {
    page.split("<tr role=\"row\" id=\"job-").skip(1).filter_map(|row| row.split('"').next()?.parse().ok()).collect()
}

/// Where a button of the pager leads: `prev` to newer jobs, `next` to older ones.
fn link(page: &str, rel: &str) -> Option<String> {
    let button = page.split("href=\"").find(|rest| rest.split('>').next().is_some_and(|tag| tag.contains(&format!("rel=\"{rel}\""))))?;
    Some(button.split('"').next()?.replace("&#38;", "&"))
}

both_engines! {
    async fn a_search_stops_after_twenty_thousand_leads_and_offers_to_go_on(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        fill(&app, &whole, FILL).await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;

        let first = browser.get("/leads?text=needle").await.text;

        assert!(first.contains("Searched 20,000 leads, back to 21 Nov, 00:01.") && first.contains("No leads match"), "{first}");
        let on = first.split('"').find(|part| part.contains("place=older")).expect("a link to go on").replace("&#38;", "&");
        let second = browser.get(&on).await.text;
        assert!(second.contains(">Needle<") && second.contains("Searched to the oldest lead."));
        assert!(browser.get("/leads?text=n19@").await.text.contains("n19@example.com"), "the beginning of an address needs no search");
    }

    async fn every_list_is_read_from_an_index_in_its_order(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        fill(&app, &whole, FILL).await;
        for (index, sql) in [
            ("leads_by_time", "SELECT * FROM leads WHERE status <> 'quarantined' AND status <> 'spam' ORDER BY received_at DESC, id DESC LIMIT 51"),
            ("leads_by_status", "SELECT * FROM leads WHERE status = 'failed' ORDER BY received_at DESC, id DESC LIMIT 51"),
            ("leads_by_source", "SELECT source FROM leads WHERE source > 'source-2' AND status <> 'quarantined' AND status <> 'spam' ORDER BY source LIMIT 1"),
            ("leads_by_email", "SELECT * FROM leads WHERE email_key >= 'n77@' AND email_key < 'n77@x' AND status <> 'quarantined' AND status <> 'spam' ORDER BY received_at DESC, id DESC LIMIT 51"),
            ("leads_by_time", "SELECT COUNT(*) FROM (SELECT 1 FROM leads WHERE received_at >= '2026-11-21 05:00:00' AND status <> 'quarantined' AND status <> 'spam' LIMIT 10000) AS first"),
            ("leads_by_status", "SELECT received_at, id FROM leads WHERE status = 'spam' AND updated_at < '2026-11-21 05:00:00' ORDER BY received_at, id LIMIT 150"),
            ("jobs_open", "SELECT * FROM jobs WHERE state = 'dead' AND state <> 'succeeded' AND state <> 'running' AND kind = 'leads.deliver' ORDER BY id DESC LIMIT 51"),
            // A walk over jobs, for files, bulk operations and filters that no index knows; and one over leads.
            ("jobs_open", "SELECT id, lane, connection, last_class, last_error, updated_at FROM jobs WHERE state = 'dead' AND state <> 'succeeded' AND state <> 'running' AND kind >= 'leads.deliver' AND kind <= 'leads.deliver' AND (kind, id) > ('leads.deliver', 700) ORDER BY kind ASC, id ASC LIMIT 1000"),
            ("leads_by_status", "SELECT * FROM leads WHERE status = 'failed' AND received_at >= '2026-11-21 03:00:00' AND (received_at > '2026-11-21 03:00:00' OR id > 9) ORDER BY received_at, id LIMIT 1000"),
            ("jobs_done", "SELECT * FROM jobs WHERE state = 'succeeded' AND kind = 'rare.kind' ORDER BY id DESC LIMIT 51"),
            ("jobs_done", "SELECT COUNT(*) FROM (SELECT 1 AS one FROM jobs WHERE state = 'succeeded' ORDER BY kind, id LIMIT 10000) AS first"),
            ("jobs_done", "SELECT kind FROM jobs WHERE state = 'succeeded' AND kind > 'leads.deliver' ORDER BY kind LIMIT 1"),
            ("jobs_open", "SELECT COUNT(*) FROM (SELECT 1 AS one FROM jobs WHERE state = 'dead' AND state <> 'succeeded' AND state <> 'running' LIMIT 100) AS first"),
            ("leads_by_", "SELECT received_at, processed_at FROM leads WHERE status = 'sent' AND received_at >= '2026-11-21 05:00:00' ORDER BY received_at DESC, id DESC LIMIT 1000"),
            ("jobs_open", "SELECT COUNT(*) FROM (SELECT 1 AS one FROM jobs WHERE state = 'dead' AND state <> 'succeeded' AND state <> 'running' AND kind = 'leads.deliver' ORDER BY id LIMIT 10000) AS first"),
            ("jobs_ready", "SELECT run_at, id FROM jobs WHERE state = 'pending' AND COALESCE(order_place, 0) = 0 AND kind = 'leads.deliver' AND lane = 'lead' ORDER BY run_at, id LIMIT 500"),
            ("jobs_by_finish", "SELECT state, finished_at FROM jobs WHERE finished_at IS NOT NULL AND finished_at >= '2026-11-21 05:00:00' ORDER BY finished_at DESC LIMIT 100"),
            ("jobs_by_subject", "SELECT * FROM jobs WHERE subject = 'lead:12' ORDER BY id DESC LIMIT 1"),
            ("jobs_leased", "SELECT leased_by, COUNT(*) FROM (SELECT leased_by FROM jobs WHERE leased_by IS NOT NULL LIMIT 10000) AS leased GROUP BY leased_by"),
            ("jobs_leased", "SELECT id FROM jobs WHERE state = 'running' AND leased_by IS NOT NULL AND kind = 'leads.deliver' ORDER BY +id DESC LIMIT 51"),
            ("audit", "SELECT id FROM audit WHERE seal_seq IS NULL ORDER BY id LIMIT 1"),
            ("audit", "SELECT * FROM audit WHERE seal_seq > 500 AND seal_seq <= 20098 ORDER BY seal_seq LIMIT 1000"),
            ("schedule_runs", "SELECT due_at FROM schedule_runs WHERE schedule = 'leads.sweep' AND due_at <= '2026-11-21 03:00:00' AND outcome <> 'by_hand' ORDER BY due_at DESC LIMIT 1"),
            ("jobs_by_line", "SELECT * FROM jobs WHERE line_id = 'line-12' ORDER BY id LIMIT 200"),
        ] {
            let plan = plan(&app, &whole, sql).await;
            assert!(plan.contains(index), "{sql}\n{plan}");
            assert!(!plan.contains("Seq Scan") && !plan.contains("SCAN leads\n") && !plan.contains("SCAN audit"), "{sql}\n{plan}");
        }
    }

    async fn a_list_merged_from_several_kinds_shows_each_job_once_in_either_direction(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        fill(&app, &whole, FILL).await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        for filter in ["state=failed", "kind=leads.deliver", "state=pending"] {
            let mut pages = vec![browser.get(&format!("/outbox?{filter}")).await.text];
            while let Some(older) = link(pages.last().expect("a page"), "next").filter(|_| pages.len() < 4) {
                pages.push(browser.get(&older).await.text);
            }
            let seen: Vec<i64> = pages.iter().flat_map(|page| jobs_on(page)).collect();
            assert!(seen.len() > 140 && seen.is_sorted_by(|one, next| one > next), "{filter}: newest first, each once: {seen:?}");
            let [.., last_but_one, last] = pages.as_slice() else { panic!("{filter} has more than one page") };
            let newer = browser.get(&link(last, "prev").expect("a way back")).await.text;
            assert_eq!(jobs_on(&newer), jobs_on(last_but_one), "{filter}: the way back leads over the same page");
        }
    }

    async fn a_tab_that_must_look_at_rows_stops_and_says_how_far_it_looked(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        fill(&app, &whole, FILL).await;
        whole.app.store.write("test.pend", "test", |tx: &mut throughline::db::Tx<'_>| -> throughline::Result<()> {
            let pend = "UPDATE jobs SET state = 'pending', last_error = CASE WHEN id = 3 THEN 'it said no' END, kind = 'leads.deliver'";
            diesel::sql_query(pend).execute(tx.conn())?;
            Ok(())
        }).await.expect("written");
        let browser = Browser::signed_in(&whole, Role::Viewer).await;

        let mut page = browser.get("/outbox?state=retrying").await.text;
        assert!(page.contains("Looked through the pending jobs as far as #10101.") && page.contains(">1+</span>"), "{page}");
        assert!(page.contains("None among the newest pending jobs"), "{page}");
        for looked_to in ["101", ""] {
            page = browser.get(&link(&page, "next").expect("a link to go on")).await.text;
            assert!(looked_to.is_empty() || page.contains(&format!("as far as #{looked_to}.")), "{page}");
        }
        assert_eq!(jobs_on(&page), [3]);
    }

    async fn the_outbox_counts_by_state_and_lists_a_rare_kind(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        fill(&app, &whole, FILL).await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        let page = browser.get("/outbox?kind=rare.kind").await.text;
        assert!(page.contains(">10,000+</span>") && page.contains(">201</span>"), "{page}");
        assert_eq!(page.matches("<tr role=\"row\" id=\"job-").count(), 20);
        assert!(page.contains("100+<span class=\"sr\"> failed jobs"));
    }
}
