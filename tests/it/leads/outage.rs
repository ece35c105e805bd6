//! The provider or its token gives trouble: nothing is lost, nothing is blamed on the leads, one clear message.

use std::time::Duration;

use serde_json::json;
use throughline::leads::LeadStatus;

use crate::harness::both_engines;

both_engines! {
    async fn zoho_down_for_an_hour_fails_no_lead_and_the_backlog_drains_oldest_first(app: TestApp) {
        let whole = app.whole().await;
        whole.sandbox.script(json!({"fault": "server_error", "path": "/crm/v8/Leads"}));
        let mut ids = Vec::new();
        for minute in 0..60 {
            ids.push(whole.post_lead(&format!("Lead {minute:02}"), &format!("m{minute}@example.com")).await);
            whole.run_until_idle().await;
            app.clock.advance(Duration::from_secs(60));
        }
        for id in &ids {
            assert!(matches!(whole.lead(*id).await.status, LeadStatus::Pending | LeadStatus::Retry), "no lead is failed for it");
        }
        let calls_during = whole.sandbox.calls("POST /crm/v8/Leads/upsert");
        assert!(calls_during < 40, "the breaker lets a probe through now and then, not every job: {calls_during}");

        whole.sandbox.clear_faults();
        app.clock.advance(Duration::from_secs(600));
        whole.run_until_idle().await;

        for id in &ids {
            let lead = whole.lead(*id).await;
            assert_eq!((lead.status, lead.retry_count), (LeadStatus::Sent, 0));
        }
        let arrived: Vec<_> = whole.sandbox.leads().iter().map(|lead| lead["Last_Name"].clone()).collect();
        let expected: Vec<_> = (0..60).map(|minute| json!(format!("{minute:02}"))).collect();
        assert_eq!(arrived, expected, "oldest first");
    }

    async fn an_expired_token_is_renewed_once_for_all(app: TestApp) {
        let whole = app.whole().await;
        whole.sandbox.revoke_access_tokens();
        let before = whole.sandbox.calls("POST /oauth/v2/token");
        let id = whole.post_lead("Ada", "ada@example.com").await;

        whole.run_until_idle().await;

        assert_eq!(whole.lead(id).await.status, LeadStatus::Sent);
        assert_eq!(whole.sandbox.calls("POST /oauth/v2/token") - before, 1);
    }

    async fn a_revoked_connection_parks_its_jobs_and_reconnecting_releases_them(app: TestApp) {
        let whole = app.whole().await;
        let renewed = whole.sandbox.revoke_refresh_token();
        let id = whole.post_lead("Ada", "ada@example.com").await;
        for _ in 0..5 {
            whole.run_until_idle().await;
            app.clock.advance(Duration::from_secs(600));
        }
        let tries = whole.sandbox.calls("POST /oauth/v2/token");
        let parked = whole.lead(id).await;
        assert!(matches!(parked.status, LeadStatus::Pending | LeadStatus::Retry), "{:?}", parked.status);
        let answered = whole.cron("/api/process-leads", "").await.json();
        assert!(answered["why_waiting"].as_str().is_some_and(|why| why.contains("connected again")), "{answered}");
        assert!(tries <= 3, "a refused grant is not tried again and again: {tries}");

        whole.connect_zoho_with(&renewed).await;
        whole.run_until_idle().await;

        let sent = whole.lead(id).await;
        assert_eq!((sent.status, sent.retry_count), (LeadStatus::Sent, 0));
    }

    async fn a_throttled_connection_waits_as_long_as_it_is_asked_to(app: TestApp) {
        let whole = app.whole().await;
        whole.sandbox.script(json!({"fault": "rate_limited", "path": "/crm/v8/Leads", "times": 1, "retry_after_s": 90}));
        let id = whole.post_lead("Ada", "ada@example.com").await;
        whole.run_until_idle().await;
        app.clock.advance(Duration::from_secs(60));
        whole.run_until_idle().await;
        assert_eq!(whole.sandbox.calls("POST /crm/v8/Leads/upsert"), 1, "nobody calls while the provider asks to wait");
        app.clock.advance(Duration::from_secs(31));
        whole.run_until_idle().await;
        assert_eq!((whole.lead(id).await.status, whole.lead(id).await.retry_count), (LeadStatus::Sent, 0));
    }
}
