//! The timeline of everybody.

use askama::Template;
use askama_web::WebTemplate;
use rocket::{Route, State, get, routes};

use super::feed_queries::{self, Whose};
use super::feed_views::FeedView;
use super::filter::FeedFilter;
use crate::accounts::Viewer;
use crate::app::App;
use crate::db::Conn;
use crate::web::{Query, Section, Shell};
use crate::{Error, Result};

/// Where it is.
pub const PATH: &str = "/timeline";

/// The page.
pub fn routes() -> Vec<Route> {
    routes![index]
}

#[derive(Template, WebTemplate)]
#[template(path = "timeline/index.html")]
struct TimelinePage {
    shell: Shell,
    feed: FeedView,
}

#[get("/timeline")]
async fn index(app: &State<App>, viewer: Viewer, query: Query) -> Result<TimelinePage> {
    let (filter, place) = (FeedFilter::of(&query, viewer.times()), query.text("place").parse().unwrap_or_default());
    let asked = filter.clone();
    let read = move |conn: &mut Conn| feed_queries::page(conn, &Whose::Everyones, &asked, place).map_err(Error::from);
    let page = app.store.read(read).await?;
    let feed = FeedView::new(&page, &filter, None, viewer.times());
    Ok(TimelinePage { shell: viewer.shell(Section::Timeline, "Timeline").live("timeline"), feed })
}
