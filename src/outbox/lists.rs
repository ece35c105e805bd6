//! Finding jobs by state and kind, for lists and counts, along the partial indexes made for that: `jobs_open (state, kind, id)`
//! for what waits or has failed, `jobs_done (kind, id)` for what is done, `jobs_leased` for the few that run. The state stands literally in each statement: SQLite uses
//! a partial index only where it can read the index's condition.

use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};

use super::kind::{JobState, Lane};
use super::registry::Registry;
use super::survey;
use crate::clock::UtcTime;
use crate::db::Conn;
use crate::on_backend;

/// Kinds looked for in one state.
const KINDS_MAX: usize = 50;

/// The condition for jobs of one state, in the words of the index that holds them.
pub fn condition(state: JobState) -> String {
    match state {
        JobState::Succeeded => "state = 'succeeded'".into(),
        JobState::Running => "state = 'running' AND leased_by IS NOT NULL".into(),
        open => format!("state = '{}' AND state <> 'succeeded' AND state <> 'running'", open.as_str()),
    }
}

/// The same for a query that the builder makes.
pub fn in_state(state: JobState) -> SqlLiteral<Bool> {
    sql::<Bool>(&condition(state))
}

#[derive(QueryableByName)]
struct Kind {
    #[diesel(sql_type = Text)]
    kind: String,
}

/// The kinds that have a job in this state, found by hopping along the index: one step a kind, however many jobs it has.
pub fn kinds(conn: &mut Conn, state: JobState) -> QueryResult<Vec<String>> {
    let condition = condition(state);
    let hops = format!(
        "WITH RECURSIVE hop (kind) AS (
             SELECT (SELECT kind FROM jobs WHERE {condition} ORDER BY kind LIMIT 1)
             UNION ALL
             SELECT (SELECT kind FROM jobs WHERE {condition} AND kind > hop.kind ORDER BY kind LIMIT 1) FROM hop WHERE hop.kind IS NOT NULL
         ) SELECT kind FROM hop WHERE kind IS NOT NULL LIMIT {KINDS_MAX}"
    );
    let found: Vec<Kind> = on_backend!(conn, |c| diesel::sql_query(hops).load(c))?;
    Ok(found.into_iter().map(|row| row.kind).collect())
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    total: i64,
}

/// How many jobs are in this state; counting stops at `most`. Ordered as the index is: without that PostgreSQL hopes to meet
/// enough of them early in the table, and reads a million rows where they lie at its end.
pub fn count(conn: &mut Conn, state: JobState, most: i64) -> QueryResult<i64> {
    let count = format!(
        "SELECT COUNT(*) AS total FROM (SELECT 1 AS one FROM jobs WHERE {} ORDER BY kind, id LIMIT {most}) AS first",
        condition(state)
    );
    let counted: Counted = on_backend!(conn, |c| diesel::sql_query(count).get_result(c))?;
    Ok(counted.total)
}

/// How many jobs of one kind are in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindCount {
    pub kind: String,
    pub state: JobState,
    pub total: i64,
}

/// The jobs that are not over well, by kind and state; counting stops at `most` each.
pub fn counts_by_kind(conn: &mut Conn, most: i64) -> QueryResult<Vec<KindCount>> {
    let mut counts = Vec::new();
    for state in [JobState::Pending, JobState::Running, JobState::Uncertain, JobState::Dead] {
        for kind in kinds(conn, state)? {
            let sql = format!(
                "SELECT COUNT(*) AS total FROM (SELECT 1 AS one FROM jobs WHERE {} AND kind = $1 ORDER BY id LIMIT {most}) AS first",
                condition(state)
            );
            let counted: Counted = on_backend!(conn, |c| diesel::sql_query(sql).bind::<Text, _>(&kind).get_result(c))?;
            counts.push(KindCount { kind, state, total: counted.total });
        }
    }
    Ok(counts)
}

/// How many of one kind are in one of these states.
pub fn total(counts: &[KindCount], kind: &str, states: &[JobState]) -> i64 {
    counts.iter().filter(|count| count.kind == kind && states.contains(&count.state)).map(|count| count.total).sum()
}

/// Since when the oldest job of a kind and lane could have run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadySince {
    pub kind: &'static str,
    pub lane: Lane,
    pub due_at: UtcTime,
}

/// What is ready, by kind and lane: one look each, however many jobs wait. What holds it back is not asked.
pub fn ready_since(conn: &mut Conn, registry: &Registry, now: UtcTime) -> QueryResult<Vec<ReadySince>> {
    let groups = survey::groups(conn, registry)?.into_iter().filter(|group| group.due_at <= now);
    Ok(groups.map(|group| ReadySince { kind: group.kind, lane: group.lane, due_at: group.due_at }).collect())
}
