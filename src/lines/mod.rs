//! `/lines/<id>`: the whole story of a line on one page, from every ledger.

use askama::Template;
use askama_web::WebTemplate;
use rocket::{Route, State, get, routes};

use crate::accounts::Viewer;
use crate::app::App;
use crate::line::LineId;
use crate::timeline::story;
use crate::web::parts::Entry;
use crate::web::{Section, Shell};
use crate::{Error, Result};

/// The page.
pub fn routes() -> Vec<Route> {
    routes![show]
}

#[derive(Template, WebTemplate)]
#[template(path = "lines/show.html")]
struct LinePage {
    shell: Shell,
    id: String,
    entries: Vec<Entry>,
}

#[get("/lines/<id>")]
async fn show(app: &State<App>, viewer: Viewer, id: &str) -> Result<LinePage> {
    let line: LineId = id.parse().map_err(|_| Error::NotFound("line"))?;
    let key = line.clone();
    let story = app.store.read(move |conn| -> Result<_> { Ok(story::of_line(conn, key.as_str())?) }).await?;
    let entries = story.entries(viewer.times());
    if entries.is_empty() {
        return Err(Error::NotFound("line"));
    }
    Ok(LinePage { shell: viewer.shell(Section::Elsewhere, "Line").live("line"), id: line.to_string(), entries })
}
