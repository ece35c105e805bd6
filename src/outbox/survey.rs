//! What is ready, seen from above: for each kind and lane the moment from which its oldest job is due. Found by hopping along
//! the index of ready jobs, so that a million jobs of one kind cost one look.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Text, Timestamp};

use super::kind::{JobId, Lane};
use super::looks::Floors;
use super::registry::Registry;
use crate::clock::UtcTime;
use crate::db::Conn;
use crate::{hand_written_query, on_backend};

/// Jobs of one kind in one lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub kind: &'static str,
    pub lane: Lane,
    /// When its oldest job became due, or will.
    pub due_at: UtcTime,
    /// Everything up to here was claimed a moment ago. PostgreSQL walks over what it cannot clean up yet (some transaction
    /// is still open); whoever begins behind that does not.
    pub after: Place,
}

/// A place in the order in which jobs of a group are claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub run_at: UtcTime,
    pub id: JobId,
}

impl Group {
    /// Its first ready job is due then: whoever looks for it may begin there.
    fn found(kind: &'static str, lane: Lane, due_at: UtcTime) -> Self {
        Self { kind, lane, due_at, after: Place { run_at: due_at, id: JobId(0) } }
    }
}

impl Place {
    /// Before all jobs.
    pub(super) fn start() -> Self {
        Self { run_at: chrono::DateTime::UNIX_EPOCH.naive_utc(), id: JobId(0) }
    }
}

/// Every group of a kind this program knows, due or not.
pub(super) fn groups(conn: &mut Conn, registry: &Registry) -> QueryResult<Vec<Group>> {
    let rows: Vec<(String, String, UtcTime)> = on_backend!(conn, |c| Hops.load(c))?;
    let known = rows.into_iter().filter_map(|(kind, lane, due_at)| {
        let (kind, _) = registry.find(&kind)?;
        Some(Group::found(kind, Lane::parse(&lane)?, due_at))
    });
    Ok(known.collect())
}

/// The same, each group looked at from its floor on. What is claimed leaves SQLite's index at once: there is nothing to walk over.
pub(super) fn groups_behind(conn: &mut Conn, registry: &Registry, floors: &Floors) -> QueryResult<Vec<Group>> {
    let Conn::Postgres(c) = conn else { return groups(conn, registry) };
    let mut heads = Heads::default();
    for (kind, _) in registry.kinds() {
        for lane in Lane::ALL {
            let floor = floors.get(&(kind, *lane)).copied().unwrap_or_else(Place::start);
            heads.kinds.push(kind);
            heads.lanes.push(lane.as_str());
            heads.times.push(floor.run_at);
            heads.ids.push(floor.id.0);
        }
    }
    let rows: Vec<(String, String, UtcTime)> = heads.load(c)?;
    let known = rows.into_iter().filter_map(|(kind, lane, due_at)| {
        let (kind, _) = registry.find(&kind)?;
        Some(Group::found(kind, Lane::parse(&lane)?, due_at))
    });
    Ok(known.collect())
}

/// Each hop finds the first ready job of the next kind and lane.
#[derive(Clone, Copy)]
struct Hops;

impl QueryFragment<diesel::pg::Pg> for Hops {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, diesel::pg::Pg>) -> QueryResult<()> {
        write_hops(out, "jobs AS n")
    }
}

impl QueryFragment<diesel::sqlite::Sqlite> for Hops {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, diesel::sqlite::Sqlite>) -> QueryResult<()> {
        // Pinned: analysed while much was pending, SQLite would read the whole table and sort it, at each look.
        write_hops(out, "jobs AS n INDEXED BY jobs_ready")
    }
}

/// From the first to the next lane of the same kind, else to the next kind. (By a row comparison SQLite would use the first part
/// of it alone.)
fn write_hops<'b, DB: diesel::backend::Backend>(mut out: AstPass<'_, 'b, DB>, table: &'static str) -> QueryResult<()> {
    const NEXT: &str = " WHERE n.state = 'pending' AND COALESCE(n.order_place, 0) = 0";
    const FIRST: &str = " ORDER BY n.kind, n.lane, n.run_at, n.id LIMIT 1)";
    let parts = [
        "WITH RECURSIVE firsts(id) AS (SELECT (SELECT n.id FROM ",
        table,
        NEXT,
        FIRST,
        " UNION ALL SELECT COALESCE((SELECT n.id FROM ",
        table,
        NEXT,
        " AND n.kind = last.kind AND n.lane > last.lane",
        FIRST,
        ", (SELECT n.id FROM ",
        table,
        NEXT,
        " AND n.kind > last.kind",
        FIRST,
        ") FROM firsts JOIN jobs AS last ON last.id = firsts.id) \
         SELECT j.kind, j.lane, j.run_at FROM firsts JOIN jobs AS j ON j.id = firsts.id",
    ];
    parts.into_iter().for_each(|part| out.push_sql(part));
    Ok(())
}

hand_written_query! { Hops -> (Text, Text, Timestamp) }

/// Of each kind and lane the first ready job behind a place.
#[derive(Debug, Default)]
struct Heads {
    kinds: Vec<&'static str>,
    lanes: Vec<&'static str>,
    times: Vec<UtcTime>,
    ids: Vec<i64>,
}

impl QueryFragment<diesel::pg::Pg> for Heads {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, diesel::pg::Pg>) -> QueryResult<()> {
        out.push_sql("SELECT f.kind, f.lane, head.run_at FROM unnest(");
        out.push_bind_param::<Array<Text>, _>(&self.kinds)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.lanes)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Timestamp>, _>(&self.times)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.ids)?;
        out.push_sql(
            ") AS f(kind, lane, run_at, id) CROSS JOIN LATERAL (SELECT n.run_at FROM jobs AS n \
             WHERE n.state = 'pending' AND COALESCE(n.order_place, 0) = 0 AND n.kind = f.kind AND n.lane = f.lane \
             AND (n.run_at, n.id) > (f.run_at, f.id) ORDER BY n.run_at, n.id LIMIT 1) AS head",
        );
        Ok(())
    }
}

hand_written_query! { Heads -> (Text, Text, Timestamp) }

/// `(run_at, id) > (…, …)`, by which both engines begin in the middle of the index.
#[derive(Clone, Copy, Debug, diesel::expression::ValidGrouping)]
pub(super) struct Behind(pub Place);

impl diesel::expression::Expression for Behind {
    type SqlType = diesel::sql_types::Bool;
}

impl QueryId for Behind {
    type QueryId = Behind;
}

impl<DB> QueryFragment<DB> for Behind
where
    DB: diesel::backend::Backend,
    UtcTime: diesel::serialize::ToSql<Timestamp, DB>,
    JobId: diesel::serialize::ToSql<BigInt, DB>,
    DB: diesel::sql_types::HasSqlType<Timestamp> + diesel::sql_types::HasSqlType<BigInt>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("(jobs.run_at, jobs.id) > (");
        out.push_bind_param::<Timestamp, _>(&self.0.run_at)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&self.0.id)?;
        out.push_sql(")");
        Ok(())
    }
}

impl<Source> diesel::expression::AppearsOnTable<Source> for Behind {}
impl<Source> diesel::expression::SelectableExpression<Source> for Behind {}
