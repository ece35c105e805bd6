//! `GET /events`: the stream every live page listens to.

use rocket::futures::Stream;
use rocket::response::stream::{Event, EventStream};
use rocket::{Shutdown, State, get};

use crate::accounts::Viewer;
use crate::app::App;
use crate::db::Topic;
use crate::web::Site;
use crate::web::live::{Listening, stream};

/// Which page listens, and what it knows already.
#[derive(Debug, rocket::FromForm)]
pub struct Listener {
    page: Option<String>,
    /// `Store::changes_told` when the page was made.
    as_of: Option<u64>,
}

/// Each page hears what it shows; the counts of the navigation come from leads and jobs, so every page hears those.
#[get("/events?<listener..>")]
pub fn events(
    app: &State<App>,
    site: &State<Site>,
    _viewer: Viewer,
    listener: Listener,
    shutdown: Shutdown,
) -> EventStream<impl Stream<Item = Event> + use<>> {
    let topics: &'static [Topic] = match listener.page.as_deref() {
        Some("overview" | "connections" | "outbox" | "health") => &[Topic::Leads, Topic::Jobs, Topic::Connections],
        Some("orders") => &[Topic::Leads, Topic::Jobs, Topic::Orders],
        Some("inbox") => &[Topic::Leads, Topic::Jobs, Topic::Inbox],
        Some("stripe") => &[Topic::Leads, Topic::Jobs, Topic::Connections, Topic::Inbox],
        Some("people") => &[Topic::Leads, Topic::Jobs, Topic::People],
        Some("timeline") => &[Topic::Leads, Topic::Jobs, Topic::Orders, Topic::People],
        Some("catalog") => &[Topic::Leads, Topic::Jobs, Topic::Catalog],
        _ => &[Topic::Leads, Topic::Jobs],
    };
    // First listen, then compare: what happens in between is heard twice rather than never.
    let changes = app.store.subscribe();
    let missed = listener.as_of.is_some_and(|as_of| as_of != app.store.changes_told());
    stream(Listening { changes, missed, topics, shared_database: site.shared_database }, shutdown)
}
