//! `/livez` and `/readyz`: whether this process lives and whether it can do its work, for load balancers and supervisors.

use rocket::http::Status;
use rocket::response::status::Custom;
use rocket::{State, get};
use serde_json::{Value, json};

use crate::app::App;
use crate::clock::OFFSET_WARNED;
use crate::web::format;

/// The process answers; nothing else is asked.
#[get("/livez")]
pub fn livez() -> Value {
    json!({ "status": "ok" })
}

/// The database answers with the current schema. No connection and no user is needed for that.
#[get("/readyz")]
pub async fn readyz(app: &State<App>) -> Custom<Value> {
    match app.store.readiness().await {
        Ok(()) => Custom(Status::Ok, ready(app)),
        Err(why) => {
            tracing::warn!(why, "Not ready");
            // What is missing is told to the log, not to whoever asks.
            Custom(
                Status::ServiceUnavailable,
                json!({ "status": "unavailable", "detail": "the database does not answer with the current schema; the log says more" }),
            )
        }
    }
}

/// A clock that is off is told, yet the process stays in service: it answers pages and takes leads all the same.
fn ready(app: &App) -> Value {
    let ahead = app.clock.correction();
    if ahead.abs() <= OFFSET_WARNED {
        return json!({ "status": "ok" });
    }
    let claims = if app.clock.is_trustworthy() { "it is corrected for" } else { "no jobs are claimed until it is set right" };
    let off = format::duration(ahead.abs());
    json!({ "status": "ok", "detail": format!("this machine's clock differs from the database's by {off}; {claims}") })
}
