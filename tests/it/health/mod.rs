//! Health: the report for monitors, the page, metrics, and the commands beside them.

mod commands;
mod figures;
mod metrics;
mod page;
mod report;

use diesel::prelude::*;
use rocket::http::Header;
use serde_json::Value;
use throughline::db::Tx;
use throughline::outbox::Announcement;
use throughline::{Error, Result};

use crate::harness::{Answered, TestApp, Whole, read};

pub const TOKEN: &str = "the-health-token";
/// An installation that lacks nothing on either engine.
pub const SETTINGS: &[(&str, &str)] =
    &[("THROUGHLINE_HEALTH_TOKEN", TOKEN), ("THROUGHLINE_ENCRYPTION_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")];
pub const REPORT: &str = "/api/health/zoho-integration";

/// The program, connected, with a health token, a process that works, and the schedules known.
pub async fn healthy(app: &TestApp) -> Whole {
    let whole = app.whole_with(Default::default(), SETTINGS).await;
    whole.connect_zoho().await;
    beat(&whole).await;
    whole
}

/// The process says that it lives; a report from before is not given out again.
pub async fn beat(whole: &Whole) {
    let now = whole.app.clock.now();
    let announcement = Announcement {
        id: "test-1".into(),
        role: "web,worker,scheduler".into(),
        version: "1".into(),
        host: "desk-7".into(),
        started_at: now,
        heartbeat_at: now,
    };
    whole.outbox.beat(announcement).await.expect("it beats");
}

/// Time passes, and the process lives on.
pub async fn pass(whole: &Whole, seconds: u64) {
    whole.app.clock.advance(std::time::Duration::from_secs(seconds));
    beat(whole).await;
}

/// Asks as a monitor with the token.
pub async fn monitored(whole: &Whole) -> Answered {
    read(whole.client.get(REPORT).header(Header::new("Authorization", format!("Bearer {TOKEN}"))).dispatch().await).await
}

/// A check of the report, the first of that id.
pub fn check(report: &Value, id: &str) -> (String, String) {
    let check = &report["checks"][id][0];
    let text = |name: &str| check[name].as_str().unwrap_or_else(|| panic!("no {name} of {id} in {report}")).to_owned();
    (text("status"), text("output"))
}

/// The checks recommendations are about, in their order.
pub fn recommended(report: &Value) -> Vec<&str> {
    report["recommendations"].as_array().expect("a list").iter().filter_map(|one| one["check"].as_str()).collect()
}

/// Changes something behind the program's back.
pub async fn change(whole: &Whole, sql: &'static str) {
    let change = move |tx: &mut Tx<'_>| -> Result<()> { Ok(diesel::sql_query(sql).execute(tx.conn()).map(drop)?) };
    let changed: Result<()> = whole.app.store.write("test.change", "test", change).await.map_err(Error::from);
    changed.expect("it is written");
}
