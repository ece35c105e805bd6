//! `/lines/<id>`: the whole story of a line on one page, from every ledger, and what it is about.

use std::collections::BTreeMap;

use askama::Template;
use askama_web::WebTemplate;
use rocket::{Route, State, get, routes};

use crate::accounts::Viewer;
use crate::app::App;
use crate::db::Conn;
use crate::line::LineId;
use crate::orders::queries as orders;
use crate::people::{ContactId, Owner, queries as people};
use crate::timeline::story::{self, Story};
use crate::web::parts::{Entry, subject_href, subject_label};
use crate::web::{Section, Shell};
use crate::{Error, Result};

/// Subjects that are looked up; a line is about one or two.
const SUBJECTS_MAX: usize = 20;

/// The page.
pub fn routes() -> Vec<Route> {
    routes![show]
}

#[derive(Template, WebTemplate)]
#[template(path = "lines/show.html")]
struct LinePage {
    shell: Shell,
    id: String,
    /// Leads, orders and contacts it is about: what they are called, and their pages.
    about: Vec<(String, String)>,
    entries: Vec<Entry>,
}

#[get("/lines/<id>")]
async fn show(app: &State<App>, viewer: Viewer, id: &str) -> Result<LinePage> {
    let line: LineId = id.parse().map_err(|_| Error::NotFound("line"))?;
    let key = line.clone();
    let read = move |conn: &mut Conn| -> Result<_> {
        let story = story::of_line(conn, key.as_str())?;
        with_pages(conn, story)
    };
    let (story, about) = app.store.read(read).await?;
    let entries = story.entries(viewer.times());
    if entries.is_empty() {
        return Err(Error::NotFound("line"));
    }
    Ok(LinePage { shell: viewer.shell(Section::Elsewhere, "Line").live("line"), id: line.to_string(), about, entries })
}

/// Where its events lead, and whom and what the line is about. What Stripe tells of an object leads to the object's order.
fn with_pages(conn: &mut Conn, story: Story) -> Result<(Story, Vec<(String, String)>)> {
    let mut subjects: Vec<&String> = Vec::new();
    for subject in story.events.iter().map(|event| &event.subject).chain(story.jobs.iter().map(|job| &job.subject)) {
        if subjects.len() < SUBJECTS_MAX && !subjects.contains(&subject) {
            subjects.push(subject);
        }
    }
    let named = named(conn, &subjects)?;
    let pages: BTreeMap<String, String> =
        named.iter().filter_map(|(subject, named)| Some((subject.clone(), subject_href(named)?))).collect();
    let is_shown = |named: &str| ["lead:", "order:", "contact:", "company:"].iter().any(|of| named.starts_with(of));
    let shown = named.values().filter(|named| is_shown(named));
    let mut about: Vec<(String, String)> = shown.filter_map(|named| Some((subject_label(named), subject_href(named)?))).collect();
    let links = people::links(conn, &named.values().cloned().collect::<Vec<_>>())?;
    let ids: Vec<ContactId> = links.iter().map(|link| link.contact_id).collect();
    let mails = people::mails_of(conn, &ids)?;
    let contacts = people::by_ids(conn, &ids)?;
    about.extend(contacts.values().map(|one| (one.label_or(mails.get(&one.id).map(String::as_str)), Owner::Contact(one.id).path())));
    about.sort_by(|a, b| a.1.cmp(&b.1));
    about.dedup_by(|a, b| a.1 == b.1);
    Ok((Story { pages, ..story }, about))
}

/// Each subject with what is shown for it: an object of Stripe is its order, where it has one.
fn named(conn: &mut Conn, subjects: &[&String]) -> Result<BTreeMap<String, String>> {
    let objects: Vec<String> = subjects.iter().filter_map(|subject| subject.strip_prefix("stripe:").map(str::to_owned)).collect();
    let orders = orders::objects(conn, &objects)?.into_iter().filter_map(|object| Some((object.object_id, object.order_id?.subject())));
    let orders: BTreeMap<String, String> = orders.collect();
    let order_of = |subject: &str| orders.get(subject.strip_prefix("stripe:")?).cloned();
    Ok(subjects.iter().map(|subject| ((*subject).clone(), order_of(subject).unwrap_or_else(|| (*subject).clone()))).collect())
}
