//! `/health`: the report for people, and the two things an operator may do there. Plain forms.

use rocket::get;
use rocket::post;

use super::callers::AtDesk;
use super::views::HealthPage;
use crate::Result;
use crate::accounts::{Operator, Viewer};
use crate::connections;
use crate::integrations::zoho::PROVIDER;
use crate::integrations::{Failure, FailureClass};
use crate::leads;
use crate::outbox::hurry::Tally;
use crate::web::{Back, Flash, Section, format};

const HERE: &str = "/health";

#[get("/health")]
pub async fn index(desk: AtDesk<'_>, viewer: Viewer) -> HealthPage {
    let report = desk.report_for_people().await;
    let may_operate = viewer.may_operate();
    HealthPage::new(viewer.shell(Section::Health, "Health").live("health"), &report, may_operate)
}

#[post("/health/processing")]
pub async fn process_now(desk: AtDesk<'_>, operator: Operator) -> Result<Back> {
    let done = leads::process_pending(desk.app, desk.registry, operator.actor()).await;
    desk.forget().await;
    Ok(Back::to(HERE).saying(what_came(&done?)))
}

/// What became of the jobs, and of those that still wait: why.
fn what_came(tally: &Tally) -> Flash {
    let jobs = |count: usize| format::counted(i64::try_from(count).unwrap_or(i64::MAX), "lead", "leads");
    if tally.selected == 0 {
        return Flash::ok("No lead waits, so there was nothing to process.");
    }
    let parts =
        [(tally.succeeded, "sent"), (tally.failed, "failed"), (tally.retrying, "to be tried again"), (tally.waiting, "still waiting")];
    let told: Vec<String> = parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    let why = tally.why.as_deref().map(|why| format!(" {}", format::ended(why))).unwrap_or_default();
    let text = format!("{} processed: {}.{why}", jobs(tally.selected), told.join(", "));
    match (tally.failed, tally.waiting + tally.retrying) {
        (0, 0) => Flash::ok(text),
        (0, _) => Flash::warn(text),
        _ => Flash::bad(text),
    }
}

#[post("/health/refresh")]
pub async fn try_refresh(desk: AtDesk<'_>, operator: Operator) -> Back {
    let by = operator.asks(desk.app.clock.now());
    let tested = connections::test_refresh(desk.app, PROVIDER, &by).await;
    desk.forget().await;
    let times = operator.times();
    Back::to(HERE).saying(match tested {
        Ok(tested) => {
            let until = tested.expires_at.map(|at| format!(", good until {}", times.stamp_s(at).text)).unwrap_or_default();
            Flash::ok(format!(
                "The token refresh works: Zoho gave out a new access token in {}{until}.",
                format::duration_ms(tested.took_ms)
            ))
        }
        Err(failure) => refused(&failure),
    })
}

/// A test that our own limits did not allow says nothing against the token.
fn refused(failure: &Failure) -> Flash {
    match failure.class {
        FailureClass::RateLimited => Flash::warn(format!("The refresh was not tried out. {}", format::ended(&failure.message))),
        _ => Flash::bad(format!("The token refresh does not work. {}", format::ended(&failure.message))),
    }
}
