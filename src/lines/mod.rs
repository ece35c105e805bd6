//! `/lines/<id>`: the whole story of a line on one page, from every ledger, and what it is about.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use askama_web::WebTemplate;
use rocket::{Route, State, get, routes};

use crate::accounts::Viewer;
use crate::app::App;
use crate::db::Conn;
use crate::line::LineId;
use crate::orders::queries as orders;
use crate::people::{Owner, queries as people};
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
    let subjects = story.events.iter().map(|event| &event.subject).chain(story.jobs.iter().map(|job| &job.subject));
    let subjects: BTreeSet<&String> = subjects.collect();
    let (mut pages, mut about) = (BTreeMap::new(), Vec::new());
    for subject in subjects.into_iter().take(SUBJECTS_MAX) {
        let order = match subject.strip_prefix("stripe:") {
            Some(object) => orders::object(conn, object)?.and_then(|object| object.order_id),
            None => None,
        };
        let named = order.map_or_else(|| subject.clone(), |order| order.subject());
        let Some(page) = subject_href(&named) else { continue };
        pages.insert(subject.clone(), page.clone());
        if ["lead:", "order:", "contact:", "company:"].iter().any(|of| named.starts_with(of)) {
            about.push((subject_label(&named), page));
        }
        let whose = people::whose(conn, &named)?;
        about.extend(whose.map(|(contact, _)| (contact.label(), Owner::Contact(contact.id).path())));
    }
    about.sort_by(|a, b| a.1.cmp(&b.1));
    about.dedup_by(|a, b| a.1 == b.1);
    Ok((Story { pages, ..story }, about))
}
