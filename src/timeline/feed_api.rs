//! `GET /api/admin/engagement-feed`: a timeline for programs, with the filters of the pages. An ETag saves whoever asks again the body.

use rocket::http::{Header, Status};
use rocket::request::{FromRequest, Outcome};
use rocket::response::Responder;
use rocket::response::content::RawJson;
use rocket::{Request, Route, State, get, routes};
use serde_json::{Value, json};

use super::feed_queries::{self, FeedPage, Told, Whose};
use super::filter::FeedFilter;
use super::{kinds, story};
use crate::Result;
use crate::accounts::Viewer;
use crate::app::App;
use crate::audit;
use crate::db::Conn;
use crate::db::keyset::Place;
use crate::digest::sha256_hex;
use crate::people::{CompanyId, ContactId, Owner, queries as people};
use crate::web::{Fields, Problem, Query, Refusal, format};

/// Where it is.
pub const PATH: &str = "/api/admin/engagement-feed";

/// The feed.
pub fn routes() -> Vec<Route> {
    routes![feed]
}

/// The body, or that it is the one the caller has.
#[derive(Responder)]
enum Answer {
    Whole(RawJson<String>, Header<'static>),
    #[response(status = 304)]
    Same((), Header<'static>),
    Refused(Refusal),
}

/// The first part of a query that would narrow nothing, though whoever asked meant it to. A page shows more then; a program must hear it.
fn misunderstood(query: &Fields, filter: &FeedFilter) -> Option<(String, &'static str)> {
    let what = |name: &str, value: &str| match name {
        "source" | "kind" => None,
        "from" if filter.from == value => None,
        "to" if filter.to == value => None,
        "from" | "to" => Some("This is no day. Days are written 2026-11-29."),
        "human" => (value != "yes").then_some("Only “yes” is known; leave it out for everything."),
        "place" => {
            value.parse::<Place>().is_err().then_some("This is no place of ours. Take the addresses “newer” and “older” as they are.")
        }
        "contact" | "company" => value.parse::<i64>().is_err().then_some("This is no id. Ids are numbers, as in the address of a page."),
        _ => Some("Nobody here knows this parameter."),
    };
    let both = !query.text("contact").is_empty() && !query.text("company").is_empty();
    let both = both.then(|| ("company".to_owned(), "A timeline is that of a contact or of a company: ask for one."));
    query.pairs().filter(|(_, value)| !value.is_empty()).find_map(|(name, value)| Some((name.to_owned(), what(name, value)?))).or(both)
}

/// What `If-None-Match` lists.
struct Known(String);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Known {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        Outcome::Success(Self(request.headers().get("If-None-Match").collect::<Vec<_>>().join(",")))
    }
}

impl Known {
    /// Weakly compared, as RFC 9110 (13.1.2) has it: what compressed the body may have put `W/` before it.
    fn has(&self, etag: &str) -> bool {
        self.0.split(',').map(str::trim).any(|known| known == "*" || known.trim_start_matches("W/") == etag.trim_start_matches("W/"))
    }
}

/// Whose timeline is asked for, in a query that is understood: `contact=7`, `company=3`; None: everybody's.
fn asked_for(query: &Fields) -> Option<Owner> {
    let id = |name| query.text(name).parse().ok();
    id("contact").map(|id| Owner::Contact(ContactId(id))).or(id("company").map(|id| Owner::Company(CompanyId(id))))
}

/// The feed's address without a filter.
pub fn path_of(owner: Option<Owner>) -> String {
    match owner {
        None => PATH.to_owned(),
        Some(Owner::Contact(id)) => format!("{PATH}?contact={id}"),
        Some(Owner::Company(id)) => format!("{PATH}?company={id}"),
    }
}

fn whose(conn: &mut Conn, owner: Option<Owner>) -> Result<Whose> {
    let Some(owner) = owner else { return Ok(Whose::Everyones) };
    people::require(conn, owner)?;
    Ok(match owner {
        Owner::Contact(id) => Whose::contact(id),
        Owner::Company(id) => Whose::company(conn, id)?,
    })
}

#[get("/api/admin/engagement-feed")]
async fn feed(app: &State<App>, viewer: Viewer, known: Known, query: Query) -> Result<Answer> {
    let filter = FeedFilter::of(&query, viewer.times());
    if let Some((name, why)) = misunderstood(&query, &filter) {
        let problem = Problem::new(Status::BadRequest, "A part of the query is not understood");
        return Ok(Answer::Refused(Refusal(problem.field(name.chars().take(60).collect::<String>(), why))));
    }
    let owner = asked_for(&query);
    let place: Place = query.text("place").parse().unwrap_or_default();
    let narrowed = filter.clone();
    let read = move |conn: &mut Conn| -> Result<FeedPage> {
        let whose = whose(conn, owner)?;
        Ok(feed_queries::page(conn, &whose, &narrowed, place)?)
    };
    let (page, path) = (app.store.read(read).await?, path_of(owner));
    let body = to_json(&page, &filter, &path).to_string();
    let etag = format!("W/\"{}\"", &sha256_hex(&body)[..32]);
    let header = Header::new("ETag", etag.clone());
    if known.has(&etag) {
        return Ok(Answer::Same((), header));
    }
    let told = json!({ "address": filter.href(&path, Some(place)) });
    audit::record_taken(app, viewer.takes_along("timeline.feed", "events", told)).await?;
    Ok(Answer::Whole(RawJson(body), header))
}

fn to_json(feed: &FeedPage, filter: &FeedFilter, path: &str) -> Value {
    let href = |place: Place| {
        let narrowed = filter.href("", Some(place));
        let query = narrowed.trim_start_matches('?');
        format!("{path}{}{query}", if path.contains('?') { '&' } else { '?' })
    };
    json!({
        "events": feed.page.rows.iter().map(|told| event(told, feed)).collect::<Vec<_>>(),
        "newer": feed.page.newer.map(href),
        "older": feed.page.older.map(href),
        "searched_to": feed.searched_to.map(format::rfc3339),
    })
}

fn event(told: &Told, feed: &FeedPage) -> Value {
    let row = &told.event;
    let by = told.by().map(|actor| story::who(actor, &feed.staff));
    json!({
        "id": row.id, "occurred_at": format::rfc3339(row.occurred_at), "source": row.source, "kind": row.kind, "title": story::told(&row.kind).2,
        "is_human": kinds::is_by_people(&row.kind), "subject": row.subject, "line_id": row.line_id, "by": by, "data": told.data,
        "contact": told.contact.as_ref().map(|contact| json!({ "id": contact.id, "name": contact.name, "company_id": contact.company_id })),
    })
}
