//! `/metrics`: the report's figures and this process's counters, for Prometheus. Names and units as Prometheus recommends; no
//! label says who anybody is, and none has more values than there are routes, kinds or schedules.

use rocket::get;
use rocket::http::ContentType;

use super::callers::{AtDesk, MayScrape};
use super::check::State;
use super::exposition::{Exposition, Kind, VERSION};
use super::facts::Facts;
use super::report::Report;
use crate::clock::UtcTime;
use crate::db::Engine;
use crate::http::{BUCKETS_MS, calls};
use crate::integrations::stripe;
use crate::integrations::zoho::PROVIDER;
use crate::outbox::breaker;

#[get("/metrics")]
pub async fn metrics(desk: AtDesk<'_>, _by: MayScrape) -> (ContentType, String) {
    let report = desk.report().await;
    let mut text = Exposition::default();
    program(&mut text, &desk, &report);
    requests(&mut text, &desk);
    provider_calls(&mut text);
    if let Some(facts) = &report.facts {
        database(&mut text, facts);
        leads(&mut text, facts);
        jobs(&mut text, &desk, facts);
        inbox(&mut text, facts);
        connection(&mut text, facts);
        running(&mut text, facts);
    }
    (ContentType::new("text", "plain").with_params([("version", VERSION), ("charset", "utf-8")]), text.into_text())
}

fn program(text: &mut Exposition, desk: &AtDesk<'_>, report: &Report) {
    let engine = if desk.app.store.engine() == Engine::Sqlite { "sqlite" } else { "postgres" };
    let version = env!("CARGO_PKG_VERSION");
    text.family("throughline_build_info", Kind::Gauge, "Always 1; what runs.").sample(&[("version", version), ("engine", engine)], 1);
    text.family("throughline_database_up", Kind::Gauge, "Whether the database answered. Without it most of the rest is left out.")
        .sample(&[], u8::from(report.facts.is_some()));
    text.family("throughline_report_timestamp_seconds", Kind::Gauge, "When the database was looked at.").sample(&[], seconds(report.at));
    text.family("throughline_health_state", Kind::Gauge, "The worst check: 0 passes, 1 warns, 2 fails.").sample(&[], number(report.state));
    text.family("throughline_check_state", Kind::Gauge, "Each check by its id: 0 passes, 1 warns, 2 fails.");
    for check in &report.checks {
        text.sample(&[("check", check.id), ("of", check.of.as_deref().unwrap_or_default())], number(check.state));
    }
    text.family("throughline_writer_queue_length", Kind::Gauge, "Writes that wait for a writer of this process.");
    for (writer, length) in desk.app.store.queue_lengths().into_iter().enumerate() {
        text.sample(&[("writer", &writer.to_string())], length);
    }
}

fn number(state: State) -> u8 {
    match state {
        State::Pass => 0,
        State::Warn => 1,
        State::Fail => 2,
    }
}

fn seconds(at: UtcTime) -> i64 {
    at.and_utc().timestamp()
}

fn requests(text: &mut Exposition, desk: &AtDesk<'_>) {
    text.family(
        "throughline_http_requests_total",
        Kind::Counter,
        "Requests this process has answered, by route; intake is /api/store-lead and /api/chatbot-leads.",
    );
    for (answered, count) in desk.traffic.counted() {
        text.sample(&[("method", answered.method), ("route", &answered.route), ("status", &answered.status.to_string())], count);
    }
}

fn provider_calls(text: &mut Exposition) {
    let calls = calls();
    text.family("throughline_provider_requests_total", Kind::Counter, "Calls this process has made to a provider, by what came of them.");
    for (provider, calls) in &calls {
        for (result, count) in &calls.results {
            text.sample(&[("provider", provider), ("result", result)], count);
        }
    }
    text.family("throughline_provider_request_duration_seconds", Kind::Histogram, "How long those calls took.");
    for (provider, calls) in &calls {
        let mut below = 0;
        for (end_ms, count) in BUCKETS_MS.iter().zip(calls.buckets) {
            below += count;
            let end_s = f64::from(*end_ms) / 1_000.0;
            text.part("_bucket", &[("provider", provider), ("le", &end_s.to_string())], below);
        }
        text.part("_bucket", &[("provider", provider), ("le", "+Inf")], calls.count());
        text.part("_sum", &[("provider", provider)], format_args!("{}.{:03}", calls.total_ms / 1_000, calls.total_ms % 1_000));
        text.part("_count", &[("provider", provider)], calls.count());
    }
}

fn database(text: &mut Exposition, facts: &Facts) {
    text.family("throughline_database_size_bytes", Kind::Gauge, "How large the database is.").sample(&[], facts.size_bytes);
    text.family("throughline_report_duration_seconds", Kind::Gauge, "How long the look at the database took.")
        .sample(&[], facts.answered_in.as_secs_f64());
    if let Some(disk) = facts.disk {
        text.family("throughline_disk_free_bytes", Kind::Gauge, "Room on the disk of the database.").sample(&[], disk.free_bytes);
    }
}

fn leads(text: &mut Exposition, facts: &Facts) {
    let counts = &facts.leads.statistics;
    text.family("throughline_leads", Kind::Gauge, "Leads by status; 10000 means that many or more.");
    let all = [
        ("pending", counts.pending),
        ("processing", counts.processing),
        ("retry", counts.retry),
        ("sent", counts.sent),
        ("failed", counts.failed),
        ("uncertain", counts.uncertain),
        ("quarantined", counts.quarantined),
    ];
    for (status, count) in all {
        text.sample(&[("status", status)], count);
    }
    text.family(
        "throughline_leads_settled_24h",
        Kind::Gauge,
        "Of the leads received in the last 24 hours, those sent and failed; 10000 means that many or more.",
    )
    .sample(&[("result", "sent")], counts.last_24h.sent)
    .sample(&[("result", "failed")], counts.last_24h.failed);
    let oldest = facts.leads.oldest_waiting.map_or(0, |(_, since)| (facts.at - since).num_seconds().max(0));
    text.family(
        "throughline_leads_oldest_waiting_seconds",
        Kind::Gauge,
        "How long the oldest unsettled lead has waited; 0 where none waits.",
    )
    .sample(&[], oldest);
    if let Some(delivery) = facts.leads.delivery {
        for (name, took, help) in [
            (
                "throughline_lead_delivery_p50_seconds",
                delivery.p50,
                "Half of the last leads took this long at most, from intake to the CRM.",
            ),
            ("throughline_lead_delivery_p95_seconds", delivery.p95, "95 of 100 of the last leads took this long at most."),
        ] {
            text.family(name, Kind::Gauge, help).sample(&[], took.as_seconds_f64());
        }
    }
}

fn jobs(text: &mut Exposition, desk: &AtDesk<'_>, facts: &Facts) {
    let lane_of = |kind: &str| desk.registry.kinds().into_iter().find(|(known, _)| *known == kind).map_or("", |(_, lane)| lane.as_str());
    text.family(
        "throughline_jobs",
        Kind::Gauge,
        "Jobs that are not over well, by state, kind and the kind's lane; 10000 means that many or more.",
    );
    for count in &facts.jobs {
        text.sample(&[("kind", &count.kind), ("lane", lane_of(&count.kind)), ("state", count.state.as_str())], count.total);
    }
    text.family(
        "throughline_outbox_oldest_ready_seconds",
        Kind::Gauge,
        "How long the oldest job of a kind and lane could have run, whatever holds it back.",
    );
    for ready in &facts.ready {
        text.sample(&[("kind", ready.kind), ("lane", ready.lane.as_str())], (facts.at - ready.due_at).num_seconds().max(0));
    }
}

fn inbox(text: &mut Exposition, facts: &Facts) {
    text.family(
        "throughline_receipts",
        Kind::Gauge,
        "Events of providers by how we know of them and how far they are; the states hold the newest 10000 each.",
    );
    for count in &facts.inbox.receipts {
        text.sample(&[("provider", &count.provider), ("verdict", &count.verdict), ("state", &count.state)], count.total);
    }
    text.family("throughline_webhooks_refused_24h", Kind::Gauge, "Webhooks of the last 24 hours whose signature was wrong, by what was.");
    for (flaw, count) in &facts.stripe.refused {
        text.sample(&[("provider", stripe::PROVIDER), ("flaw", flaw.as_str())], count);
    }
    let oldest = facts.inbox.oldest_waiting.map_or(0, |since| (facts.at - since).num_seconds().max(0));
    text.family(
        "throughline_receipts_oldest_waiting_seconds",
        Kind::Gauge,
        "How long the oldest event has waited to be interpreted; 0 where none waits.",
    )
    .sample(&[], oldest);
}

fn connection(text: &mut Exposition, facts: &Facts) {
    let provider = [("provider", PROVIDER)];
    text.family(
        "throughline_connection_usable",
        Kind::Gauge,
        "Whether jobs may use the connection now: connected, not held, breaker closed.",
    )
    .sample(&provider, u8::from(facts.is_open()));
    if let Some(state) = &facts.zoho.breaker {
        let is_open = state.failures_in_a_row >= breaker::OPENS_AFTER;
        text.family("throughline_breaker_open", Kind::Gauge, "Whether failures in a row have stopped the calls.")
            .sample(&provider, u8::from(is_open));
        text.family("throughline_breaker_failures", Kind::Gauge, "Failures in a row.").sample(&provider, state.failures_in_a_row);
    }
    if let Some(gauge) = &facts.zoho.gauge {
        let windows: Vec<(String, i64, i64)> =
            gauge.windows.iter().map(|(window, used)| (window.seconds.to_string(), *used, window.calls)).collect();
        text.family("throughline_quota_used_calls", Kind::Gauge, "Calls used or reserved in a window, over all processes.");
        for (window, used, _) in &windows {
            text.sample(&[("provider", PROVIDER), ("window_seconds", window)], used);
        }
        text.family("throughline_quota_limit_calls", Kind::Gauge, "Calls allowed in that window.");
        for (window, _, most) in &windows {
            text.sample(&[("provider", PROVIDER), ("window_seconds", window)], most);
        }
        text.family("throughline_calls_under_way", Kind::Gauge, "Calls under way, over all processes.").sample(&provider, gauge.under_way);
    }
    if let Some(summary) = &facts.zoho.summary {
        if let Some(at) = summary.token_expires_at {
            text.family("throughline_token_expires_timestamp_seconds", Kind::Gauge, "When the access token ends.")
                .sample(&provider, seconds(at));
        }
        if let Some(at) = summary.last_success_at {
            text.family("throughline_provider_last_success_timestamp_seconds", Kind::Gauge, "When a call last succeeded.")
                .sample(&provider, seconds(at));
        }
    }
}

fn running(text: &mut Exposition, facts: &Facts) {
    text.family("throughline_processes", Kind::Gauge, "Processes that live, by role.");
    for role in ["web", "worker", "scheduler"] {
        text.sample(&[("role", role)], facts.living(role).count());
    }
    text.family("throughline_schedule_last_due_timestamp_seconds", Kind::Gauge, "When a schedule was last due and decided about.");
    for schedule in &facts.schedules {
        if let Some(at) = schedule.last_at {
            text.sample(&[("schedule", schedule.name)], seconds(at));
        }
    }
}
