//! What a report asks of the database. Every question reads a bounded number of rows along an index, whatever the size of the
//! tables: a count ends at 10,000.

use chrono::TimeDelta;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::facts::{Books, Delivery, LeadFigures, ProcessFacts, ScheduleFacts, Zoho};
use crate::clock::UtcTime;
use crate::connections;
use crate::db::Conn;
use crate::db::schema::{leads, processes, schedule_runs};
use crate::integrations::zoho::{PROVIDER, books};
use crate::leads::LeadStatus;
use crate::leads::statistics::{self, COUNT_MAX};
use crate::orders::booking::{BookOrder, missing_queries};
use crate::outbox::limits::{self, Limits};
use crate::outbox::lists::{self, KindCount};
use crate::outbox::pauses::{self, Scope};
use crate::outbox::schedules::{self, RunOutcome, Schedule};
use crate::outbox::{Job, JobState, Registry, breaker};

/// Delivery times are those of so many leads.
const DELIVERIES_MAX: i64 = 1_000;
/// Processes looked at, those heard of last first.
const PROCESSES_MAX: i64 = 200;
/// A due time is late only after this long: whoever ticks may be busy.
const LATE: TimeDelta = TimeDelta::minutes(2);

#[derive(QueryableByName)]
struct Sized {
    #[diesel(sql_type = BigInt)]
    size_bytes: i64,
}

/// How large the database is.
pub fn size_bytes(conn: &mut Conn) -> QueryResult<i64> {
    let sized: Sized = match conn {
        Conn::Sqlite(c) => {
            diesel::sql_query("SELECT page_count * page_size AS size_bytes FROM pragma_page_count(), pragma_page_size()").get_result(c)?
        }
        Conn::Postgres(c) => diesel::sql_query("SELECT pg_database_size(current_database()) AS size_bytes").get_result(c)?,
    };
    Ok(sized.size_bytes)
}

/// The connection, what it may use, and what holds it.
pub fn zoho(conn: &mut Conn, registry: &Registry, now: UtcTime) -> QueryResult<Zoho> {
    let limits = registry.limits(PROVIDER);
    Ok(Zoho {
        summary: connections::summary(conn)?,
        breaker: breaker::all(conn)?.into_iter().find(|state| state.provider == PROVIDER),
        gauge: limits.map(|limits| limits::gauge(conn, PROVIDER, limits, now)).transpose()?,
        calls_last_hour: calls_last_hour(conn, limits, now)?,
        refreshes: connections::recent_refreshes(conn, PROVIDER, now)?,
        pauses: pauses_of(conn, registry, PROVIDER, now)?,
    })
}

/// What people hold of a connection, or of the jobs that use it.
fn pauses_of(conn: &mut Conn, registry: &Registry, provider: &str, now: UtcTime) -> QueryResult<Vec<pauses::Pause>> {
    let is_about_it = |pause: &&pauses::Pause| match pause.scope {
        Scope::Connection => pause.name == provider,
        Scope::Kind => registry.connection_of(&pause.name) == Some(provider),
        Scope::Lane => {
            registry.kinds().iter().any(|(kind, lane)| lane.as_str() == pause.name && registry.connection_of(kind) == Some(provider))
        }
    };
    Ok(pauses::current(conn, now)?.all().iter().filter(is_about_it).cloned().collect())
}

/// The connection to Books, and what is to be booked. `counts` are those of all kinds of jobs.
pub fn books(conn: &mut Conn, registry: &Registry, counts: &[KindCount], now: UtcTime) -> QueryResult<Books> {
    let count = |states: &[JobState]| lists::total(counts, BookOrder::KIND, states);
    let (organisation, organisation_name) = connections::books::chosen(conn)?.map(|(id, name, _)| (id, name)).unwrap_or_default();
    let missing = if organisation.is_some() { missing_queries::count(conn)? } else { 0 };
    Ok(Books {
        summary: connections::books::summary(conn)?,
        pauses: pauses_of(conn, registry, books::PROVIDER, now)?,
        waiting: count(&[JobState::Pending, JobState::Running]),
        failed: count(&[JobState::Dead, JobState::Uncertain]),
        missing,
        organisation,
        organisation_name,
    })
}

fn calls_last_hour(conn: &mut Conn, limits: Option<&Limits>, now: UtcTime) -> QueryResult<i64> {
    match limits.and_then(|limits| limits.windows.first()) {
        Some(window) => limits::used_since(conn, PROVIDER, *window, now - TimeDelta::hours(1)),
        None => Ok(0),
    }
}

/// Where leads stand.
pub fn lead_figures(conn: &mut Conn, now: UtcTime) -> QueryResult<LeadFigures> {
    let mut settled = |since: UtcTime| -> QueryResult<(i64, i64)> {
        Ok((statistics::count(conn, LeadStatus::Sent, Some(since))?, statistics::count(conn, LeadStatus::Failed, Some(since))?))
    };
    let (hour, week) = (settled(now - TimeDelta::hours(1))?, settled(now - TimeDelta::days(7))?);
    Ok(LeadFigures {
        statistics: statistics::of(conn, now)?,
        hour,
        week,
        oldest_waiting: statistics::oldest_waiting(conn)?,
        oldest_held: statistics::oldest(conn, LeadStatus::Quarantined)?,
        delivery: delivery(conn, now - TimeDelta::hours(24))?,
    })
}

/// How long the last leads took that were received since then and sent. One that was corrected on its way counts whole.
fn delivery(conn: &mut Conn, since: UtcTime) -> QueryResult<Option<Delivery>> {
    let sent: Vec<(UtcTime, Option<UtcTime>)> = leads::table
        .filter(leads::status.eq(LeadStatus::Sent))
        .filter(leads::received_at.ge(since))
        .order((leads::received_at.desc(), leads::id.desc()))
        .limit(DELIVERIES_MAX)
        .select((leads::received_at, leads::processed_at))
        .load(conn)?;
    let mut took: Vec<TimeDelta> = sent.into_iter().filter_map(|(received, processed)| Some(processed? - received)).collect();
    took.sort_unstable();
    let at = |percent: usize| took.get((took.len() * percent).div_ceil(100).saturating_sub(1)).copied();
    Ok(at(50).zip(at(95)).map(|(p50, p95)| Delivery { count: took.len(), p50, p95 }))
}

/// Each schedule with its last due times.
pub fn schedule_facts(conn: &mut Conn, all: &[Schedule], now: UtcTime) -> QueryResult<Vec<ScheduleFacts>> {
    let known = schedules::known(conn)?;
    let mut told = Vec::with_capacity(all.len());
    for schedule in all {
        let row = known.get(schedule.name());
        let last_at: Option<UtcTime> = schedule_runs::table
            .filter(schedule_runs::schedule.eq(schedule.name()))
            .filter(schedule_runs::due_at.le(now))
            .order(schedule_runs::due_at.desc())
            .select(schedule_runs::due_at)
            .first(conn)
            .optional()?;
        // A schedule that nobody has looked at is not late: the first tick makes it known.
        let decided_to = last_at.or(row.map(|row| row.since));
        let next = decided_to.and_then(|at| schedule.next_due(at, 1).first().map(|due| due.at));
        let last = schedules::last_run(conn, schedule.name())?;
        told.push(ScheduleFacts {
            is_paused: row.is_some_and(|row| row.pause_at(now).is_some()),
            last_at,
            overdue_since: next.filter(|due_at| *due_at + LATE < now),
            missed_at: missed_at(conn, schedule.name(), now)?,
            has_failed: last.and_then(|(_, job)| job).is_some_and(|job| job.state == JobState::Dead),
            name: schedule.name(),
        });
    }
    Ok(told)
}

fn missed_at(conn: &mut Conn, name: &str, now: UtcTime) -> QueryResult<Option<UtcTime>> {
    schedule_runs::table
        .filter(schedule_runs::schedule.eq(name))
        .filter(schedule_runs::due_at.gt(now - TimeDelta::days(1)))
        .filter(schedule_runs::outcome.eq(RunOutcome::Missed))
        .order(schedule_runs::due_at.desc())
        .select(schedule_runs::due_at)
        .first(conn)
        .optional()
}

/// The processes, those heard of last first.
pub fn process_facts(conn: &mut Conn) -> QueryResult<Vec<ProcessFacts>> {
    let rows: Vec<(String, String, UtcTime, Option<i64>)> = processes::table
        .order((processes::heartbeat_at.desc(), processes::id))
        .limit(PROCESSES_MAX)
        .select((processes::host, processes::role, processes::heartbeat_at, processes::clock_ahead_ms))
        .load(conn)?;
    let facts = rows.into_iter().map(|(host, roles, heartbeat_at, ahead)| ProcessFacts {
        host,
        roles,
        heartbeat_at,
        clock_ahead_ms: ahead.unwrap_or_default(),
    });
    Ok(facts.collect())
}

/// Beyond this a count says "at least".
pub const COUNTED_MAX: i64 = COUNT_MAX;
