//! "Process leads now": for cron programs and operators. Nothing here calls the CRM; the worker does, and the routes wait
//! for its rows.

use rocket::http::Status;
use rocket::response::status::Custom;
use rocket::serde::json::Json;
use rocket::{Route, State, get, post, routes};
use serde::Deserialize;
use serde_json::{Value, json};

use super::deliver_job::DeliverLead;
use super::statistics::{self, Statistics};
use super::sweep_job::enqueue_sweep;
use crate::accounts::CronOrOperator;
use crate::app::App;
use crate::audit::{self, Act};
use crate::connections;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::integrations::zoho::PROVIDER;
use crate::line::LineId;
use crate::outbox::hurry::{self, Tally};
use crate::outbox::{Job, JobId, Registry};
use crate::web::{Body, Problem};

/// What may be asked; every member may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    /// Leads to process, 500 at most.
    limit: Option<u16>,
    /// Renew the access token before the next call.
    force_refresh: bool,
}

/// Routes of the cron programs.
pub fn routes() -> Vec<Route> {
    routes![process_leads, lead_statistics, daily_sync, run_outbox]
}

#[post("/api/process-leads", data = "<body>")]
async fn process_leads(
    app: &State<App>,
    registry: &State<Registry>,
    by: CronOrOperator,
    body: Body,
) -> Result<Result<Custom<Json<Value>>, Problem>> {
    let wanted = match wanted(&body) {
        Ok(wanted) => wanted,
        Err(problem) => return Ok(Err(problem)),
    };
    let most = wanted.limit.map_or(hurry::HURRY_MAX, i64::from);
    let run = Run { action: "leads.process", kind: Some(DeliverLead::KIND), most, sweep: false, force_refresh: wanted.force_refresh };
    run_now(app, registry, by, run).await.map(Ok)
}

#[post("/api/cron/daily-sync")]
async fn daily_sync(app: &State<App>, registry: &State<Registry>, by: CronOrOperator) -> Result<Custom<Json<Value>>> {
    let run = Run { action: "leads.daily_sync", kind: None, most: hurry::HURRY_MAX, sweep: true, force_refresh: false };
    run_now(app, registry, by, run).await
}

#[post("/api/outbox/run")]
async fn run_outbox(app: &State<App>, registry: &State<Registry>, by: CronOrOperator) -> Result<Custom<Json<Value>>> {
    let run = Run { action: "outbox.run", kind: None, most: hurry::HURRY_MAX, sweep: false, force_refresh: false };
    run_now(app, registry, by, run).await
}

#[get("/api/process-leads")]
async fn lead_statistics(app: &State<App>, _by: CronOrOperator) -> Result<Json<Statistics>> {
    let now = app.clock.now();
    Ok(Json(app.store.read(move |conn| statistics::of(conn, now).map_err(Error::from)).await?))
}

/// What is to be run.
#[derive(Clone, Copy)]
struct Run {
    action: &'static str,
    /// None: every kind.
    kind: Option<&'static str>,
    most: i64,
    sweep: bool,
    force_refresh: bool,
}

/// Tries the leads that wait now, as many as one request may; waits for what becomes of them.
pub async fn process_pending(app: &App, registry: &Registry, actor: String) -> Result<Tally> {
    let run = Run { action: "leads.process", kind: Some(DeliverLead::KIND), most: hurry::HURRY_MAX, sweep: false, force_refresh: false };
    hurry_up(app, registry, actor, run).await.map(|(tally, _)| tally)
}

async fn hurry_up(app: &App, registry: &Registry, actor: String, run: Run) -> Result<(Tally, LineId)> {
    let now = app.clock.now();
    let line = LineId::mint(now);
    let line_id = line.clone();
    let start = move |tx: &mut Tx<'_>| start(tx, now, &actor, &line_id, run);
    let ids = app.store.write("leads.run_now", "outbox.claim", start).await?;
    Ok((hurry::wait(app, registry, ids, now).await?, line))
}

async fn run_now(app: &App, registry: &Registry, by: CronOrOperator, run: Run) -> Result<Custom<Json<Value>>> {
    let (tally, line) = hurry_up(app, registry, by.actor, run).await?;
    let status = if tally.is_settled() { Status::Ok } else { Status::Accepted };
    Ok(Custom(status, Json(answer(&tally, &line))))
}

fn start(tx: &mut Tx<'_>, now: crate::clock::UtcTime, actor: &str, line: &LineId, run: Run) -> Result<Vec<JobId>> {
    if run.force_refresh {
        connections::expire_access_token(tx, now, PROVIDER)?;
    }
    let sweep = if run.sweep { Some(enqueue_sweep(tx, now, line)?) } else { None };
    let mut ids = hurry::bring_forward(tx, now, run.kind, run.most)?;
    ids.extend(sweep.filter(|sweep| !ids.contains(sweep)));
    let act = Act {
        actor,
        action: run.action,
        subject: "outbox",
        line: Some(line),
        reason: None,
        before: None,
        after: Some(json!({ "jobs": ids.len(), "force_refresh": run.force_refresh })),
        address: None,
    };
    audit::record(tx, now, &act)?;
    Ok(ids)
}

fn answer(tally: &Tally, line: &LineId) -> Value {
    json!({
        "line_id": line,
        "selected": tally.selected,
        "processed": tally.succeeded + tally.failed + tally.retrying,
        "succeeded": tally.succeeded,
        "failed": tally.failed,
        "retrying": tally.retrying,
        "waiting": tally.waiting,
        "why_waiting": tally.why,
    })
}

fn wanted(body: &Body) -> Result<Wanted, Problem> {
    if body.bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Wanted::default());
    }
    serde_json::from_slice(&body.bytes).map_err(|cause| {
        let status = if cause.is_data() { Status::UnprocessableEntity } else { Status::BadRequest };
        Problem::new(status, "The body is not what this takes")
            .detail(format!("Send {{\"limit\": 100, \"force_refresh\": false}}, or nothing: {cause}"))
    })
}
