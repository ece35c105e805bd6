//! Rates over more leads than are counted, and submissions that nobody looks at.

use serde_json::json;
use throughline::accounts::Role;

use super::{change, check, healthy, monitored, pass, recommended};
use crate::harness::both_engines;
use crate::web::browser::Browser;

/// Settled leads at two moments: more sent ones than are counted, the older ones with many failures.
const BUSY: [&str; 4] = [
    "INSERT INTO leads (line_id, status_token_hash, kind, source, name, items, utm, extra, status, retry_count, received_at, updated_at)
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
     SELECT 'new-' || i, 'new-' || i, 'quote', 'shop', 'x', '[]', '{}', '{}', 'sent', 0, '2026-11-22 08:30:00', '2026-11-22 08:30:00' FROM n",
    "INSERT INTO leads (line_id, status_token_hash, kind, source, name, items, utm, extra, status, retry_count, received_at, updated_at)
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
     SELECT 'old-' || i, 'old-' || i, 'quote', 'shop', 'x', '[]', '{}', '{}', 'sent', 0, '2026-11-22 08:00:00', '2026-11-22 08:00:00' FROM n",
    "INSERT INTO leads (line_id, status_token_hash, kind, source, name, items, utm, extra, status, retry_count, received_at, updated_at)
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
     SELECT 'odd-' || i, 'odd-' || i, 'quote', 'shop', 'x', '[]', '{}', '{}', 'failed', 0, '2026-11-22 08:00:00', '2026-11-22 08:00:00' FROM n",
    "UPDATE leads SET received_at = '2026-11-22 08:40:00' WHERE line_id IN ('odd-1', 'odd-2', 'odd-3')",
];

both_engines! {
    async fn of_more_leads_than_are_counted_the_rate_is_that_of_the_newest(app: TestApp) {
        let whole = healthy(&app).await;
        for statement in BUSY {
            change(&whole, statement).await;
        }
        let told = monitored(&whole).await.json();
        let leads = &told["leads"];
        assert_eq!((&leads["last_24h"]["sent"], &leads["last_24h"]["failed"]), (&json!(10_000), &json!(4_000)), "of the day the counts say too little");
        assert_eq!((&leads["success_rate"], &leads["success_rate_of"]), (&json!(100.0), &json!(10_003)));
        assert_eq!(check(&told, "leads:success-rate").1, "99.9% of the leads of the last 30 min were sent: 10,000 sent, 3 failed.");
    }

    async fn a_submission_that_is_held_for_more_than_a_day_asks_for_a_look(app: TestApp) {
        let whole = healthy(&app).await;
        assert_eq!(check(&monitored(&whole).await.json(), "leads:held"), ("pass".into(), "No submission is held.".into()));
        whole.post_lead("Ada", "ada@example.com").await;
        whole.post_lead("Bob", "bob@example.com").await;
        whole.run_until_idle().await;
        change(&whole, "UPDATE leads SET status = 'quarantined'").await;
        pass(&whole, 23 * 60 * 60).await;
        assert_eq!(check(&monitored(&whole).await.json(), "leads:held").0, "pass");
        pass(&whole, 2 * 60 * 60).await;
        let told = monitored(&whole).await.json();
        let words = "2 submissions are held in quarantine, the oldest for 25 h. Nothing is sent of them until somebody decides.";
        assert_eq!(check(&told, "leads:held"), ("warn".into(), words.into()));
        let advice = told["recommendations"].as_array().expect("a list").iter().find(|one| one["check"] == "leads:held").expect("it is recommended");
        assert_eq!((&advice["title"], &advice["help"]["page"]["path"]), (&json!("Look through what is held"), &json!("/quarantine")));
        assert!(recommended(&told).contains(&"leads:held"));
        let viewer = Browser::signed_in(&whole, Role::Viewer).await;
        assert!(viewer.get("/health").await.text.contains("href=\"/quarantine\">Open quarantine</a>"));
    }
}
