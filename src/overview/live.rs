//! `GET /events`: the stream every live page listens to.

use rocket::futures::Stream;
use rocket::response::stream::{Event, EventStream};
use rocket::{Shutdown, State, get};

use crate::accounts::Viewer;
use crate::app::App;
use crate::db::Topic;
use crate::web::Site;
use crate::web::live::{Listening, stream};

/// Each page hears what it shows; the counts of the navigation come from leads and jobs, so every page hears those.
#[get("/events?<page>")]
pub fn events(
    app: &State<App>,
    site: &State<Site>,
    _viewer: Viewer,
    page: Option<&str>,
    shutdown: Shutdown,
) -> EventStream<impl Stream<Item = Event> + use<>> {
    let topics: &'static [Topic] =
        if page == Some("overview") { &[Topic::Leads, Topic::Jobs, Topic::Connections] } else { &[Topic::Leads, Topic::Jobs] };
    stream(Listening { changes: app.store.subscribe(), topics, shared_database: site.shared_database }, shutdown)
}
