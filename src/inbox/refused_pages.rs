//! Webhooks with a wrong signature: how many, and the newest of them, for finding out why.

use askama::Template;
use askama_web::WebTemplate;
use rocket::{Route, State, get, routes};

use super::receipt_views::{headers, readable};
use super::refusals::{self, BODY_KEPT_MAX, KEPT_MAX};
use super::refused_queries::{self as queries, LOOK_BACK, RefusedRow};
use crate::accounts::Viewer;
use crate::app::App;
use crate::clock::UtcTime;
use crate::db::Conn;
use crate::db::keyset::{Page, Place};
use crate::integrations::stripe::signature::Flaw;
use crate::outbox::waiting::provider_name;
use crate::web::parts::{Fact, Pager, href};
use crate::web::{Section, Shell, Stamp, Times, format};
use crate::{Error, Result};

/// The pages.
pub fn routes() -> Vec<Route> {
    routes![index, show]
}

/// Those that are kept.
#[derive(Template, WebTemplate)]
#[template(path = "inbox/refused.html")]
struct RefusedList {
    shell: Shell,
    /// By flaw, with what it means.
    flaws: Vec<(String, &'static str)>,
    hours: Vec<(Stamp, String)>,
    rows: Vec<RefusedLine>,
    pager: Pager,
    kept: String,
}

struct RefusedLine {
    id: i64,
    provider: String,
    flaw: &'static str,
    address: String,
    size: String,
    received: Stamp,
}

impl RefusedLine {
    fn new(row: &RefusedRow, times: Times) -> Self {
        Self {
            id: row.id,
            provider: provider_name(&row.provider).to_owned(),
            flaw: label(row.flaw),
            address: row.address.clone(),
            size: format::bytes(usize::try_from(row.size_bytes).unwrap_or_default()),
            received: times.stamp_s(row.received_at),
        }
    }
}

/// The flaw in a few words.
pub fn label(flaw: Flaw) -> &'static str {
    match flaw {
        Flaw::Missing => "Not signed",
        Flaw::Malformed => "Signature unreadable",
        Flaw::NoMatch => "Signature does not fit",
        Flaw::TooOld => "Signed too long ago",
    }
}

struct Seen {
    page: Page<RefusedRow>,
    flaws: Vec<(Flaw, i64)>,
    hours: Vec<(UtcTime, i64)>,
}

#[get("/inbox/refused?<place>")]
async fn index(app: &State<App>, viewer: Viewer, place: Option<&str>) -> Result<RefusedList> {
    let place: Place = place.and_then(|place| place.parse().ok()).unwrap_or_default();
    let since = refusals::hour_of(app.clock.now() - LOOK_BACK);
    let read = move |conn: &mut Conn| -> Result<Seen> {
        let (flaws, hours) = (queries::counts_since(conn, since)?, queries::hours_since(conn, since)?);
        Ok(Seen { page: queries::page(conn, place)?, flaws, hours })
    };
    let seen = app.store.read(read).await?;
    let shell = viewer.shell(Section::Inbox, "Wrong signatures").live("inbox");
    let times = shell.frame.times;
    let link = |place: Option<Place>| place.map(|place| href("/inbox/refused", &[("place", &place.to_string())]));
    let told = |(flaw, count): &(Flaw, i64)| (format!("{}: {}", label(*flaw), format::number(*count)), flaw.in_words());
    Ok(RefusedList {
        flaws: seen.flaws.iter().map(told).collect(),
        hours: seen.hours.iter().map(|(hour, count)| (times.stamp(*hour), format::number(*count))).collect(),
        rows: seen.page.rows.iter().map(|row| RefusedLine::new(row, times)).collect(),
        pager: Pager { newer: link(seen.page.newer), older: link(seen.page.older) },
        kept: format!(
            "The newest {} are kept, for 30 days, with the first {} of what each said",
            format::number(KEPT_MAX),
            format::bytes(BODY_KEPT_MAX)
        ),
        shell,
    })
}

/// One of them.
#[derive(Template, WebTemplate)]
#[template(path = "inbox/refused_show.html")]
struct RefusedShow {
    shell: Shell,
    flaw: &'static str,
    meaning: &'static str,
    facts: Vec<Fact>,
    headers: Vec<Fact>,
    body: String,
}

#[get("/inbox/refused/<id>")]
async fn show(app: &State<App>, viewer: Viewer, id: i64) -> Result<RefusedShow> {
    let found = app.store.read(move |conn: &mut Conn| -> Result<_> { Ok(queries::find(conn, id)?) }).await?;
    let (row, body) = found.ok_or(Error::NotFound("refused webhook"))?;
    let shell = viewer.shell(Section::Inbox, "Wrong signature");
    let times = shell.frame.times;
    let facts = vec![
        Fact::text("Addressed to", provider_name(&row.provider)),
        Fact::text("Received", format!("{} ({})", times.stamp_s(row.received_at).text, times.relative(row.received_at))),
        Fact::code("Sent from", &row.address),
        Fact::text("Size", format::bytes(usize::try_from(row.size_bytes).unwrap_or_default())),
    ];
    Ok(RefusedShow {
        flaw: label(row.flaw),
        meaning: row.flaw.in_words(),
        facts,
        headers: headers(Some(&row.headers)),
        body: readable(&body),
        shell,
    })
}
