//! Why a job waits, in a sentence, and when that ends. What may hold jobs back is read once for all jobs of a page.

use std::collections::BTreeMap;

use diesel::QueryResult;
use serde::Serialize;

use super::breaker::{self, ConnectionState};
use super::kind::{JobId, JobState, Lane};
use super::limits::{self, Gauge, Limits};
use super::order::{self, Blocker};
use super::pauses::{self, Pause, Pauses, Scope};
use super::probe_queries::{self, Plan};
use super::process::count_live_workers;
use super::registry::Registry;
use super::row::JobRow;
use crate::clock::UtcTime;
use crate::db::Conn;
use crate::web::{Times, format};

/// Why an unfinished job is not running.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// A sentence without the time.
    pub why: String,
    /// When it ends, or when something happens next, where that is known.
    #[serde(serialize_with = "as_utc")]
    pub until: Option<UtcTime>,
    /// `until` is when the job is looked up next.
    #[serde(skip)]
    pub is_look: bool,
}

fn as_utc<S: serde::Serializer>(at: &Option<UtcTime>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(|at| at.and_utc()).serialize(serializer)
}

impl Waiting {
    fn until(why: impl Into<String>, until: Option<UtcTime>) -> Self {
        Self { why: why.into(), until, is_look: false }
    }

    /// The sentence with the time.
    pub fn in_words(&self, times: Times) -> String {
        let Some(until) = self.until else { return format::ended(&self.why) };
        let word = if self.is_look { "The next look is at" } else { "Until" };
        format!("{} {word} {} ({}).", format::ended(&self.why), times.stamp_s(until).text, times.relative(until))
    }
}

/// What may hold jobs back at one moment.
#[derive(Clone, Debug, Default)]
pub struct Reasons {
    now: UtcTime,
    connections: Vec<ConnectionState>,
    rooms: BTreeMap<String, Room>,
    pauses: Pauses,
    blockers: BTreeMap<JobId, Blocker>,
    looks: BTreeMap<JobId, (Plan, usize)>,
    unknown_kinds: Vec<String>,
    workers: i64,
}

/// What is left of a connection's limits.
#[derive(Clone, Debug)]
struct Room {
    gauge: Gauge,
    /// When there is a call left again: for the two lanes with the reserve, and for the others.
    reserved_at: Option<UtcTime>,
    unreserved_at: Option<UtcTime>,
}

impl Room {
    fn read(conn: &mut Conn, connection: &str, limits: &Limits, now: UtcTime) -> QueryResult<Self> {
        Ok(Self {
            gauge: limits::gauge(conn, connection, limits, now)?,
            reserved_at: limits::room_at(conn, connection, limits, Lane::Lead, now)?,
            unreserved_at: limits::room_at(conn, connection, limits, Lane::Sync, now)?,
        })
    }
}

impl Reasons {
    /// Reads what these jobs may wait for.
    pub fn read(conn: &mut Conn, registry: &Registry, rows: &[JobRow], now: UtcTime) -> QueryResult<Self> {
        let connections = breaker::all(conn)?;
        let waiting: Vec<&JobRow> = rows.iter().filter(|row| row.state == JobState::Pending).collect();
        let mut rooms = BTreeMap::new();
        for state in &connections {
            let is_waited_for = waiting.iter().any(|row| row.connection.as_deref() == Some(&state.provider));
            if let Some(limits) = registry.limits(&state.provider).filter(|_| is_waited_for) {
                rooms.insert(state.provider.clone(), Room::read(conn, &state.provider, limits, now)?);
            }
        }
        let mut blockers = BTreeMap::new();
        for row in waiting.iter().filter(|row| row.order_place.is_some_and(|place| place > 0)) {
            if let Some(key) = &row.order_key
                && let Some(blocker) = order::blocker(conn, key, row.id)?
            {
                blockers.insert(row.id, blocker);
            }
        }
        let unknown = waiting.iter().filter(|row| registry.get(&row.kind).is_none()).map(|row| row.kind.clone());
        Ok(Self {
            now,
            rooms,
            blockers,
            looks: looks(conn, registry, rows)?,
            pauses: pauses::current(conn, now)?,
            unknown_kinds: unknown.collect(),
            workers: if waiting.is_empty() { 0 } else { count_live_workers(conn, now)? },
            connections,
        })
    }

    /// Says why the job waits; None for one that runs or is over.
    pub fn explain(&self, row: &JobRow) -> Option<Waiting> {
        match row.state {
            JobState::Pending => Some(self.pending(row)),
            JobState::Uncertain => Some(self.uncertain(row)),
            _ => None,
        }
    }

    /// Whether an uncertain job is being looked up without anyone's doing.
    pub fn looks_up(&self, row: &JobRow) -> bool {
        self.looks.contains_key(&row.id)
    }

    /// What keeps a waiting job from running even though it is due, other than work that goes before it.
    pub fn obstacle(&self, row: &JobRow) -> Option<Waiting> {
        let on_hold = || self.pauses.on(&row.kind, row.lane, row.connection.as_deref()).map(on_hold);
        let held = || {
            let blocker = self.blockers.get(&row.id).filter(|blocker| blocker.state == JobState::Dead)?;
            Some(Waiting::until(format!("Is held behind job {}, which failed for good: decide about that one first.", blocker.id), None))
        };
        let unknown = || {
            let is_unknown = self.unknown_kinds.contains(&row.kind);
            is_unknown.then(|| Waiting::until(format!("Waits for a program that knows the kind {}.", row.kind), None))
        };
        on_hold().or_else(held).or_else(unknown).or_else(|| self.on_connection(row.connection.as_deref()?)).or_else(|| self.used_up(row))
    }

    fn pending(&self, row: &JobRow) -> Waiting {
        if let Some(obstacle) = self.obstacle(row).filter(|obstacle| obstacle.until.is_none_or(|until| until > row.run_at)) {
            return obstacle;
        }
        if let Some(blocker) = self.blockers.get(&row.id) {
            return Waiting::until(format!("Waits behind job {}: jobs about the same thing run one after the other.", blocker.id), None);
        }
        if row.run_at > self.now {
            return not_due(row);
        }
        let room = row.connection.as_ref().and_then(|connection| self.rooms.get(connection));
        if let Some(gauge) = room.map(|room| &room.gauge).filter(|gauge| gauge.under_way >= gauge.at_once) {
            return Waiting::until(format!("Waits for one of the {} calls at once to end.", gauge.at_once), None);
        }
        if self.workers == 0 {
            return Waiting::until("No worker is running; it starts as soon as one does.", None);
        }
        Waiting::until("Is ready and waits for a free worker.", None)
    }

    fn uncertain(&self, row: &JobRow) -> Waiting {
        let Some((plan, looks)) = self.looks.get(&row.id) else {
            let why = row.waits_for.clone().unwrap_or_else(|| "Waits for a person: look up whether it arrived, then decide.".into());
            return Waiting::until(why, None);
        };
        let place = row.connection.as_deref().map_or_else(String::new, |connection| format!(" in {}", provider_name(connection)));
        if row.lease_token.is_some() {
            return Waiting::until(format!("Is being looked up{place} right now."), None);
        }
        let found = match plan.probes {
            0 => format!("It is looked up{place}, {looks} times at most, before anything is sent again."),
            done => format!("Look {done} of {looks}{place} did not find it; it is sent again only after the last."),
        };
        let closed =
            row.connection.as_deref().and_then(|connection| self.on_connection(connection)).map(|closed| format!(" {}", closed.why));
        Waiting { why: format!("{found}{}", closed.unwrap_or_default()), until: Some(plan.probe_at), is_look: true }
    }

    fn on_connection(&self, provider: &str) -> Option<Waiting> {
        let name = provider_name(provider);
        let state = self.connections.iter().find(|state| state.provider == provider);
        match state.map(|state| state.state.as_str()) {
            Some("connected") => {}
            Some("needs_reconnect") => {
                return Some(Waiting::until(format!("Waits until {name} is connected again: its sign-in was refused."), None));
            }
            _ => return Some(Waiting::until(format!("Waits until {name} is connected."), None)),
        }
        let state = state?;
        let until = state.blocked_until.filter(|until| *until > self.now)?;
        let cause = state.blocked_reason.as_deref().unwrap_or("it did not answer");
        Some(Waiting::until(format!("Waits for {name}: {cause}"), Some(until)))
    }

    fn used_up(&self, row: &JobRow) -> Option<Waiting> {
        let provider = row.connection.as_deref()?;
        let room = self.rooms.get(provider)?;
        let (at, whose) = match row.lane.has_reserve() {
            true => (room.reserved_at, ""),
            false => (room.unreserved_at, "; the rest is kept for payments and leads"),
        };
        let fullest = room.gauge.windows.iter().max_by_key(|(window, used)| used * 1_000 / window.calls.max(1))?;
        let limit = format!("{} calls in any {}", format::number(fullest.0.calls), fullest.0.in_words());
        Some(Waiting::until(format!("Waits for {}: its limit of {limit} is used up{whose}.", provider_name(provider)), Some(at?)))
    }
}

fn looks(conn: &mut Conn, registry: &Registry, rows: &[JobRow]) -> QueryResult<BTreeMap<JobId, (Plan, usize)>> {
    let uncertain: BTreeMap<JobId, usize> = rows
        .iter()
        .filter(|row| row.state == JobState::Uncertain)
        .map(|row| (row.id, registry.get(&row.kind).map_or(0, |spec| spec.probe_after_s.len())))
        .collect();
    if uncertain.is_empty() {
        return Ok(BTreeMap::new());
    }
    let ids: Vec<JobId> = uncertain.keys().copied().collect();
    Ok(probe_queries::plans(conn, &ids)?.into_iter().map(|plan| (plan.job_id, (plan, uncertain[&plan.job_id]))).collect())
}

fn not_due(row: &JobRow) -> Waiting {
    let why = match (&row.waits_for, &row.last_error) {
        (Some(why), _) => why.clone(),
        // What failed is said where this is shown.
        (None, Some(_)) => "Waits before the next try.".into(),
        (None, None) => "Is not due yet.".into(),
    };
    Waiting::until(why, Some(row.run_at))
}

fn on_hold(pause: &Pause) -> Waiting {
    let reason = pause.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    Waiting::until(format!("Is on hold, because {} paused{reason}", paused(pause.scope, &pause.name)), pause.until)
}

/// What a pause holds, as the subject of a sentence, with its verb.
pub fn paused(scope: Scope, name: &str) -> String {
    match scope {
        Scope::Kind => format!("jobs of the kind {name} are"),
        Scope::Lane => format!("the lane {name} is"),
        Scope::Connection => format!("{} is", provider_name(name)),
    }
}

/// The name people know a provider by.
pub fn provider_name(provider: &str) -> &str {
    match provider {
        "zoho" => "Zoho CRM",
        "zoho_books" => "Zoho Books",
        "stripe" => "Stripe",
        "mail" => "the mail server",
        other => other,
    }
}
