//! The plan of each question a timeline or a list of people asks: none may read more than it shows.

use throughline::db::Engine;

use super::feed;
use crate::harness::both_engines;
use crate::web::big_tables::plan;

const ARM: &str = "SELECT occurred_at, event_id, source, kind FROM event_links WHERE owner = 'contact:1' AND (occurred_at, event_id) < ('2026-11-21 00:40:00', 900) \
    AND (occurred_at, event_id) > ('0001-01-01 00:00:00', 0) ORDER BY occurred_at DESC, event_id DESC LIMIT 51";
const LATERAL: &str = "SELECT member.arm, few.occurred_at, few.event_id FROM unnest(ARRAY['contact:1', 'contact:2', 'company:1']) WITH ORDINALITY AS member (owner, arm) \
    CROSS JOIN LATERAL (SELECT occurred_at, event_id FROM event_links WHERE owner = member.owner AND (occurred_at, event_id) < ('2026-11-21 00:40:00', 900) \
    AND (occurred_at, event_id) > ('0001-01-01 00:00:00', 0) ORDER BY occurred_at DESC, event_id DESC LIMIT 51) AS few ORDER BY occurred_at DESC, event_id DESC LIMIT 51";
const PARTS: &str = "SELECT * FROM (SELECT 0 AS arm, occurred_at, event_id FROM (SELECT occurred_at, event_id FROM event_links WHERE owner = 'contact:1' AND (occurred_at, event_id) < ('2026-11-21 00:40:00', 900) \
    ORDER BY occurred_at DESC, event_id DESC LIMIT 51) UNION ALL SELECT 1 AS arm, occurred_at, event_id FROM (SELECT occurred_at, event_id FROM event_links WHERE owner = 'contact:2' AND (occurred_at, event_id) < ('2026-11-21 00:40:00', 900) \
    ORDER BY occurred_at DESC, event_id DESC LIMIT 51)) ORDER BY occurred_at DESC, event_id DESC LIMIT 51";

both_engines! {
    async fn every_question_about_people_is_answered_from_an_index(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        feed::fill(&app, &whole).await;
        let (links, merged) = match app.engine {
            Engine::Sqlite => ("USING PRIMARY KEY (owner=? AND (occurred_at,event_id)", PARTS),
            Engine::Postgres => ("event_links_pkey", LATERAL),
        };
        for (index, sql) in [
            (links, ARM),
            (links, merged),
            ("events_by_time", "SELECT occurred_at, id, source, kind FROM events WHERE (occurred_at, id) < ('2026-11-21 00:40:00', 900) AND (occurred_at, id) > ('0001-01-01 00:00:00', 0) ORDER BY occurred_at DESC, id DESC LIMIT 51"),
            ("event_links_by_event", "SELECT event_id, owner FROM event_links WHERE event_id IN (1, 2, 3)"),
        ] {
            let plan = plan(&app, &whole, sql).await;
            assert!(plan.contains(index), "{sql}\n{plan}");
            assert!(!plan.contains("Seq Scan on event") && !plan.contains("SCAN event"), "{sql}\n{plan}");
        }
    }
}
