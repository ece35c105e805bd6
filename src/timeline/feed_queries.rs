//! Reads a timeline page by page: everybody's from the events, a contact's or a company's from the links, each owner's newest few merged.
//! However many events an owner has, a page costs as many rows as it shows for each owner, and always the same number of statements.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text, Timestamp};
use diesel::sqlite::SqliteConnection;
use serde_json::Value;

use super::filter::FeedFilter;
use crate::clock::UtcTime;
use crate::db::Conn;
use crate::db::keyset::{Key, Page, Place};
use crate::db::schema::{contacts, event_links, events, users};
use crate::on_backend;
use crate::people::{CompanyId, Contact, ContactId, queries as people};

/// Rows on a page.
pub const PAGE: usize = 50;
/// Contacts of a company whose timelines are merged, the newest of them; SQLite joins at most 500 parts.
pub const MEMBERS_MAX: i64 = 400;
/// Rows that a filter looks at for one page; older ones take another click.
pub const LOOKED_MAX: usize = 5_000;

/// Whose timeline.
#[derive(Clone, Debug)]
pub enum Whose {
    Everyones,
    /// `contact:7`, `company:3`.
    Of(Vec<String>),
}

impl Whose {
    /// One contact's.
    pub fn contact(id: ContactId) -> Self {
        Self::Of(vec![id.subject()])
    }

    /// A company's: that of each of its newest contacts, and what was noted on the company itself.
    pub fn company(conn: &mut Conn, id: CompanyId) -> QueryResult<Self> {
        let members = members(conn, id, MEMBERS_MAX)?;
        Ok(Self::Of(members.into_iter().map(ContactId::subject).chain([id.subject()]).collect()))
    }
}

/// Whether a company has more contacts than its timeline takes together.
pub fn leaves_out_members(conn: &mut Conn, id: CompanyId) -> QueryResult<bool> {
    Ok(i64::try_from(members(conn, id, MEMBERS_MAX + 1)?.len()).is_ok_and(|count| count > MEMBERS_MAX))
}

fn members(conn: &mut Conn, id: CompanyId, most: i64) -> QueryResult<Vec<ContactId>> {
    contacts::table
        .filter(contacts::company_id.eq(id))
        .order((contacts::created_at.desc(), contacts::id.desc()))
        .limit(most)
        .select(contacts::id)
        .load(conn)
}

/// An event with whom it is about.
#[derive(Clone, Debug)]
pub struct Told {
    pub event: EventRow,
    /// What the event says besides; null where that cannot be read.
    pub data: Value,
    pub contact: Option<Contact>,
    /// Of a contact without a name: what they are called by.
    pub mail: Option<String>,
}

/// A row of the timeline.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = events)]
pub struct EventRow {
    pub id: i64,
    pub line_id: String,
    pub source: String,
    pub kind: String,
    pub subject: String,
    pub occurred_at: UtcTime,
    pub data: String,
}

/// A page of a timeline, newest first.
#[derive(Debug)]
pub struct FeedPage {
    pub page: Page<Told>,
    /// How far a filter has looked, where it did not look at everything.
    pub searched_to: Option<UtcTime>,
    /// `user:3` -> the name, for what staff did.
    pub staff: BTreeMap<String, String>,
}

/// Where an event stands in the timeline of the n-th owner.
#[derive(Clone, Debug, QueryableByName)]
struct Spot {
    #[diesel(sql_type = BigInt)]
    arm: i64,
    #[diesel(sql_type = Timestamp)]
    occurred_at: UtcTime,
    #[diesel(sql_type = BigInt)]
    event_id: i64,
    #[diesel(sql_type = Text)]
    source: String,
    #[diesel(sql_type = Text)]
    kind: String,
}

impl Spot {
    fn key(&self) -> Key {
        Key { at: self.occurred_at, id: self.event_id }
    }
}

/// One page.
pub fn page(conn: &mut Conn, whose: &Whose, filter: &FeedFilter, place: Place) -> QueryResult<FeedPage> {
    let look = Look::new(whose, filter, place);
    let (page, searched_to) = look.pick(look.spots(conn)?, filter);
    let ids: Vec<i64> = page.rows.iter().map(|spot| spot.event_id).collect();
    let (mut told, staff) = tell(conn, &ids)?;
    let Page { rows, newer, older } = page;
    let rows = rows.iter().filter_map(|spot| told.remove(&spot.event_id)).collect();
    Ok(FeedPage { page: Page { rows, newer, older }, searched_to, staff })
}

/// One look at the rows of each owner between two places.
struct Look<'a> {
    owners: Option<&'a [String]>,
    place: Place,
    /// Strictly after, and strictly before.
    low: Key,
    high: Key,
    /// Rows read of each owner, and of all together.
    each: usize,
    most: usize,
}

/// The ends of time, as both engines store them.
fn end(year: i32, id: i64) -> Key {
    Key { at: NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or_default().and_time(chrono::NaiveTime::MIN), id }
}

fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

fn order(key: &Key) -> (UtcTime, i64) {
    (key.at, key.id)
}

impl<'a> Look<'a> {
    fn new(whose: &'a Whose, filter: &FeedFilter, place: Place) -> Self {
        let owners = match whose {
            Whose::Everyones => None,
            Whose::Of(owners) => Some(owners.as_slice()),
        };
        let since = filter.since.map_or(end(1, 0), |at| Key { at, id: i64::MIN });
        let until = filter.until.map_or(end(9999, 0), |at| Key { at, id: i64::MIN });
        let (low, high) = match place {
            Place::Newest => (since, until),
            Place::Older(key) => (since, std::cmp::min_by_key(until, key, order)),
            Place::Newer(key) => (std::cmp::max_by_key(since, key, order), until),
        };
        let shown = PAGE + 1;
        let each = if filter.picks() { shown.max(LOOKED_MAX / owners.map_or(1, <[String]>::len).max(1)) } else { shown };
        Self { owners, place, low, high, each, most: if filter.picks() { usize::MAX } else { shown } }
    }

    fn goes_forward(&self) -> bool {
        matches!(self.place, Place::Newer(_))
    }

    /// The rows between the places, in the order of travel.
    fn spots(&self, conn: &mut Conn) -> QueryResult<Vec<Spot>> {
        match (conn, self.owners) {
            (Conn::Postgres(c), owners) => {
                let sql = self.postgres_sql(owners.is_some());
                let query = diesel::sql_query(sql).bind::<Timestamp, _>(self.high.at).bind::<BigInt, _>(self.high.id);
                let query = query.bind::<Timestamp, _>(self.low.at).bind::<BigInt, _>(self.low.id);
                let query = query.bind::<BigInt, _>(limit(self.most)).bind::<BigInt, _>(limit(self.each));
                query.bind::<Array<Text>, _>(owners.unwrap_or_default()).load(c)
            }
            (Conn::Sqlite(c), None) => {
                let read =
                    format!("SELECT occurred_at, id, source, kind FROM events WHERE {} LIMIT {}", self.between("?", "id"), self.each);
                self.load(c, format!("SELECT 0 AS arm, occurred_at, id AS event_id, source, kind FROM ({read}) LIMIT ?5"))
            }
            (Conn::Sqlite(c), Some(owners)) => self.merged(c, owners),
        }
    }

    fn between(&self, mark: &str, id: &str) -> String {
        let way = if self.goes_forward() { "ASC" } else { "DESC" };
        format!(
            "(occurred_at, {id}) < ({mark}1, {mark}2) AND (occurred_at, {id}) > ({mark}3, {mark}4) ORDER BY occurred_at {way}, {id} {way}"
        )
    }

    /// Reads each owner's few from the index in its order, stops there, and merges them. The planner is not told how many those are:
    /// it takes every owner for one of a hundred events, and would sort all million of one for the sake of five thousand.
    fn postgres_sql(&self, has_owners: bool) -> String {
        if !has_owners {
            // The bound of the owners is there and empty: one text less to prepare.
            let read = format!("SELECT occurred_at, id, source, kind FROM events WHERE {} LIMIT $6", self.between("$", "id"));
            let nobody = "(SELECT $7::text[]) AS nobody";
            return format!(
                "SELECT CAST(0 AS BIGINT) AS arm, occurred_at, id AS event_id, source, kind FROM ({read}) AS few CROSS JOIN {nobody} {}",
                self.end("$")
            );
        }
        let read = format!(
            "SELECT occurred_at, event_id, source, kind FROM event_links WHERE owner = member.owner AND {} LIMIT (SELECT $6)",
            self.between("$", "event_id")
        );
        format!(
            "SELECT member.arm, few.occurred_at, few.event_id, few.source, few.kind \
             FROM unnest($7::text[]) WITH ORDINALITY AS member (owner, arm) CROSS JOIN LATERAL ({read}) AS few {}",
            self.end("$")
        )
    }

    fn end(&self, mark: &str) -> String {
        let way = if self.goes_forward() { "ASC" } else { "DESC" };
        format!("ORDER BY occurred_at {way}, event_id {way} LIMIT {mark}5")
    }

    /// Two statements, since SQLite takes longer for many rows: who can have a row on the page, and those rows. Whoever's first row
    /// comes behind those of n others has at most n rows fewer on it than fit.
    fn merged(&self, conn: &mut SqliteConnection, owners: &[String]) -> QueryResult<Vec<Spot>> {
        let all = |rows: usize| (0..owners.len()).map(|arm| (arm, rows)).collect::<Vec<_>>();
        if self.most == usize::MAX || owners.len() < 2 {
            return self.load(conn, self.parts(owners, &all(self.each)));
        }
        let firsts = self.load(conn, self.parts(owners, &all(1)))?;
        let places = firsts.iter().enumerate();
        let some: Vec<_> =
            places.filter_map(|(place, spot)| Some((usize::try_from(spot.arm).ok()?, self.each.checked_sub(place)?))).collect();
        if some.is_empty() { Ok(Vec::new()) } else { self.load(conn, self.parts(owners, &some)) }
    }

    /// So many rows of each of these owners. They are our own words and numbers (`contact:7`), so they stand in the text.
    fn parts(&self, owners: &[String], few: &[(usize, usize)]) -> String {
        let part = |(arm, rows): &(usize, usize)| {
            let (owner, between) = (&owners[*arm], self.between("?", "event_id"));
            format!(
                "SELECT * FROM (SELECT {arm} AS arm, occurred_at, event_id, source, kind FROM event_links WHERE owner = '{owner}' AND {between} LIMIT {rows})"
            )
        };
        format!("SELECT * FROM ({}) {}", few.iter().map(part).collect::<Vec<_>>().join(" UNION ALL "), self.end("?"))
    }

    fn load(&self, conn: &mut SqliteConnection, sql: String) -> QueryResult<Vec<Spot>> {
        let query = diesel::sql_query(sql).bind::<Timestamp, _>(self.high.at).bind::<BigInt, _>(self.high.id);
        let query = query.bind::<Timestamp, _>(self.low.at).bind::<BigInt, _>(self.low.id);
        query.bind::<BigInt, _>(limit(self.most)).load(conn)
    }

    /// The page that these rows make, and how far the filter looked.
    fn pick(&self, spots: Vec<Spot>, filter: &FeedFilter) -> (Page<Spot>, Option<UtcTime>) {
        if !filter.picks() {
            return (Page::assemble(self.place, spots, PAGE, Spot::key), None);
        }
        let edge = self.edge(&spots);
        let is_seen = |spot: &Spot| {
            edge.is_none_or(
                |edge| if self.goes_forward() { order(&spot.key()) <= order(&edge) } else { order(&spot.key()) >= order(&edge) },
            )
        };
        let hits: Vec<Spot> =
            spots.into_iter().filter(|spot| is_seen(spot) && filter.takes(&spot.source, &spot.kind)).take(PAGE + 1).collect();
        let is_full = hits.len() > PAGE;
        let mut page = Page::assemble(self.place, hits, PAGE, Spot::key);
        let Some(edge) = edge.filter(|_| !is_full) else { return (page, None) };
        if self.goes_forward() {
            page.newer = Some(Place::Newer(edge));
        } else {
            page.older = Some(Place::Older(edge));
        }
        (page, Some(edge.at))
    }

    /// Where the first owner whose rows were not all read was left: beyond it something may be missing.
    fn edge(&self, spots: &[Spot]) -> Option<Key> {
        let mut read: BTreeMap<i64, (usize, Key)> = BTreeMap::new();
        for spot in spots {
            let (count, last) = read.entry(spot.arm).or_insert((0, spot.key()));
            (*count, *last) = (*count + 1, spot.key());
        }
        let left = read.into_values().filter(|(count, _)| *count >= self.each).map(|(_, last)| last);
        if self.goes_forward() { left.min_by_key(order) } else { left.max_by_key(order) }
    }
}

type ToldById = (BTreeMap<i64, Told>, BTreeMap<String, String>);

/// The events themselves, with whom they are about and the names of staff.
fn tell(conn: &mut Conn, ids: &[i64]) -> QueryResult<ToldById> {
    let rows: Vec<EventRow> = on_backend!(conn, |c| events::table.filter(events::id.eq_any(ids)).select(EventRow::as_select()).load(c))?;
    let links: Vec<(i64, String)> = on_backend!(conn, |c| event_links::table
        .filter(event_links::event_id.eq_any(ids))
        .select((event_links::event_id, event_links::owner))
        .load(c))?;
    let of_contact = |owner: &str| owner.strip_prefix("contact:").and_then(|id| id.parse().ok()).map(ContactId);
    let owners: BTreeMap<i64, ContactId> = links.iter().filter_map(|(event, owner)| Some((*event, of_contact(owner)?))).collect();
    let contacts = people::by_ids(conn, &owners.values().copied().collect::<Vec<_>>())?;
    let nameless: Vec<ContactId> = contacts.values().filter(|contact| contact.name.is_none()).map(|contact| contact.id).collect();
    let mails = people::mails_of(conn, &nameless)?;
    let tell = |event: EventRow| {
        let data = serde_json::from_str(&event.data).unwrap_or_default();
        let contact = owners.get(&event.id).and_then(|id| contacts.get(id)).cloned();
        (event.id, Told { mail: contact.as_ref().and_then(|contact| mails.get(&contact.id)).cloned(), contact, data, event })
    };
    let told: BTreeMap<i64, Told> = rows.into_iter().map(tell).collect();
    let staff = staff(conn, told.values())?;
    Ok((told, staff))
}

/// The names of those who did it, where an event says so.
fn staff<'a>(conn: &mut Conn, told: impl Iterator<Item = &'a Told>) -> QueryResult<BTreeMap<String, String>> {
    let ids: Vec<i64> = told.filter_map(|told| told.by()?.strip_prefix("user:")?.parse().ok()).collect();
    let named: Vec<(i64, String)> =
        on_backend!(conn, |c| users::table.filter(users::id.eq_any(ids)).select((users::id, users::name)).load(c))?;
    Ok(named.into_iter().map(|(id, name)| (format!("user:{id}"), name)).collect())
}

impl Told {
    /// Who of the staff did it.
    pub fn by(&self) -> Option<&str> {
        self.data.get("by")?.as_str()
    }
}
