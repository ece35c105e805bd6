//! Where reports are asked for. One look serves everybody for a few seconds, and there is never more than one at a time: a
//! monitor, or a crowd, costs the database no more than that.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::Mutex;

use super::configuration;
use super::facts::{Disk, Facts};
use super::queries;
use super::report::Report;
use crate::app::App;
use crate::clock::Stopwatch;
use crate::contacts::aside_queries;
use crate::db::{self, Conn, migrate};
use crate::error::Error;
use crate::inbox;
use crate::orders::trouble_queries;
use crate::outbox::schedules::{Schedule, Schedules};
use crate::outbox::{Registry, lists};
use crate::seller;

/// How long a report is given out again to whoever asks without being signed in, and to monitors.
pub const FRESH_FOR: TimeDelta = TimeDelta::seconds(5);
/// The same for the page: few look at it, and what they did or heard of should show.
pub const FRESH_FOR_PEOPLE: TimeDelta = TimeDelta::seconds(1);
/// A database that has not answered by then does not answer.
const PATIENCE: Duration = Duration::from_secs(4);

/// Events that were set aside and are named.
const ASIDE_NAMED: i64 = 5;

/// The last report of this process.
#[derive(Default)]
pub struct Desk(Mutex<Option<Arc<Report>>>);

impl Desk {
    /// How everything stands, as of so long ago at most.
    pub async fn report(&self, app: &App, registry: &Registry, schedules: &Schedules, fresh_for: TimeDelta) -> Arc<Report> {
        // Whoever comes meanwhile waits for this look, which ends.
        let mut last = self.0.lock().await;
        let age = |report: &Report| app.clock.now() - report.at;
        // A clock that was set back must not make it last for hours.
        if let Some(report) = last.as_ref().filter(|report| (TimeDelta::zero()..fresh_for).contains(&age(report))) {
            return Arc::clone(report);
        }
        let report = Arc::new(look(app, registry, schedules).await);
        *last = Some(Arc::clone(&report));
        report
    }

    /// Something was done: the next who asks gets to see what came of it.
    pub async fn forget(&self) {
        self.0.lock().await.take();
    }
}

async fn look(app: &App, registry: &Registry, schedules: &Schedules) -> Report {
    let (now, registry, schedules, parts) = (app.clock.now(), registry.clone(), schedules.clone(), app.clone());
    let watch = Stopwatch::start();
    let read = app.store.read(move |conn| -> Result<Facts, Error> {
        let zone = seller::current(conn, &parts.config)?.zone;
        let facts = everything(conn, &registry, &schedules.all(zone), now)?;
        Ok(Facts { stripe: inbox::stripe_standing(conn, &parts.config.stripe, now)?, inbox: inbox::statistics::backlog(conn)?, ..facts })
    });
    match tokio::time::timeout(PATIENCE, read).await {
        Ok(Ok(mut facts)) => {
            facts.answered_in = watch.elapsed();
            facts.findings = configuration::findings(&app.config);
            facts.disk = disk(&app.config.database_url);
            Report::new(facts)
        }
        Ok(Err(cause)) => {
            tracing::warn!(error = %cause, "The state of the program could not be read");
            Report::unanswered(now, &in_words(&cause))
        }
        Err(_) => Report::unanswered(now, &format!("The database has not answered within {} s", PATIENCE.as_secs())),
    }
}

/// What the database itself said is for the log; a stranger may read the report of a monitor.
fn in_words(cause: &Error) -> String {
    match cause {
        Error::Unavailable(why) | Error::Conflict(why) => {
            let mut words = why.chars();
            words.next().map_or_else(String::new, |first| first.to_uppercase().chain(words).collect())
        }
        _ => "The database answers otherwise than expected; the log says more".into(),
    }
}

fn everything(conn: &mut Conn, registry: &Registry, schedules: &[Schedule], now: crate::clock::UtcTime) -> Result<Facts, Error> {
    match migrate::state(conn)? {
        migrate::SchemaState::Current => {}
        migrate::SchemaState::Behind(count) => {
            return Err(Error::Unavailable(format!("the database lacks {count} migrations: run “throughline migrate”")));
        }
        migrate::SchemaState::Ahead(_) => return Err(Error::Unavailable("the database has a newer schema than this program".into())),
    }
    let free = registry.kinds().into_iter().map(|(kind, _)| kind).filter(|kind| registry.connection_of(kind).is_none());
    let counts = lists::counts_by_kind(conn, queries::COUNTED_MAX)?;
    Ok(Facts {
        at: now,
        answered_in: Duration::ZERO,
        size_bytes: queries::size_bytes(conn)?,
        disk: None,
        zoho: queries::zoho(conn, registry, now)?,
        stripe: inbox::Standing::default(),
        inbox: inbox::statistics::Backlog::default(),
        books: queries::books(conn, registry, &counts, now)?,
        troubles: trouble_queries::troubles(conn, now)?,
        aside: aside_queries::all(conn, ASIDE_NAMED)?,
        leads: queries::lead_figures(conn, now)?,
        jobs: counts,
        ready: lists::ready_since(conn, registry, now)?,
        free_kinds: free.collect(),
        schedules: queries::schedule_facts(conn, schedules, now)?,
        processes: queries::process_facts(conn)?,
        findings: Vec::new(),
    })
}

/// Only where the database is a file here.
fn disk(database_url: &str) -> Option<Disk> {
    let file = db::sqlite_path(database_url)?;
    let volume = rustix::fs::statvfs(&file).ok()?;
    Some(Disk { free_bytes: volume.f_bavail.saturating_mul(volume.f_frsize), total_bytes: volume.f_blocks.saturating_mul(volume.f_frsize) })
}
