//! Live pages: a stream of named events (server-sent events) that say what changed, never what it says now. The page then
//! fetches itself again, with its own filters and rights.

use std::collections::BTreeSet;
use std::time::Duration;

use rocket::response::stream::{Event, EventStream};
use rocket::tokio::select;
use rocket::tokio::sync::broadcast::{self, error::RecvError};
use rocket::tokio::time::{Instant, interval_at, sleep};
use rocket::{Shutdown, futures::Stream};

use crate::db::Topic;

/// Changes within this time are told together.
const DEBOUNCE: Duration = Duration::from_millis(300);
/// An event this often keeps proxies from closing the stream, and tells the page that we are there.
const BEAT: Duration = Duration::from_secs(15);
/// After this long the stream ends and the browser opens it again, with its session checked again.
const AGE_MAX: Duration = Duration::from_secs(10 * 60);
/// Where other processes write to the same database, pages look again this often.
const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// What a stream listens to.
pub struct Listening {
    pub changes: broadcast::Receiver<Topic>,
    /// Something changed between the making of the page and this stream.
    pub missed: bool,
    /// Other topics are not told.
    pub topics: &'static [Topic],
    /// See [`super::Site::shared_database`].
    pub shared_database: bool,
}

/// The name under which pages hear of a topic.
fn event_name(topic: Topic) -> &'static str {
    match topic {
        // Pages hear of the change itself.
        Topic::Jobs | Topic::Ready => "jobs",
        Topic::Leads => "leads",
        Topic::Connections => "connections",
        Topic::Orders => "orders",
        Topic::Inbox => "inbox",
        Topic::Catalog => "catalog",
        Topic::People => "people",
    }
}

/// The stream of one page; ends when the program stops.
pub fn stream(listening: Listening, shutdown: Shutdown) -> EventStream<impl Stream<Item = Event>> {
    EventStream! {
        let mut listening = listening;
        let mut shutdown = shutdown;
        let end = sleep(AGE_MAX);
        rocket::tokio::pin!(end);
        let mut look_again = interval_at(Instant::now() + LOOK_AGAIN, LOOK_AGAIN);
        let mut beat = interval_at(Instant::now() + BEAT, BEAT);
        yield Event::retry(Duration::from_secs(2));
        if listening.missed {
            for topic in listening.topics {
                yield Event::data("changed").event(event_name(*topic));
            }
        }
        loop {
            let changed = select! {
                changed = collect(&mut listening) => changed,
                _ = look_again.tick(), if listening.shared_database => Some(listening.topics.iter().copied().collect()),
                _ = beat.tick() => {
                    yield Event::data("beat").event("beat");
                    continue;
                }
                () = &mut end => None,
                () = &mut shutdown => None,
            };
            let Some(changed) = changed else { break };
            for topic in changed {
                yield Event::data("changed").event(event_name(topic));
            }
        }
    }
}

/// Waits for a change, then a moment for its neighbours. None: nothing will ever change again.
async fn collect(listening: &mut Listening) -> Option<BTreeSet<Topic>> {
    let mut changed = BTreeSet::new();
    while changed.is_empty() {
        hear(listening, &mut changed).await?;
    }
    let quiet = sleep(DEBOUNCE);
    rocket::tokio::pin!(quiet);
    loop {
        select! {
            () = &mut quiet => return Some(changed),
            heard = hear(listening, &mut changed) => heard?,
        }
    }
}

async fn hear(listening: &mut Listening, changed: &mut BTreeSet<Topic>) -> Option<()> {
    match listening.changes.recv().await {
        Ok(topic) if listening.topics.contains(&topic) => {
            changed.insert(topic);
        }
        Ok(_) => {}
        // Too much happened to hear it all: then everything may have changed.
        Err(RecvError::Lagged(_)) => changed.extend(listening.topics),
        Err(RecvError::Closed) => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rocket::async_test]
    async fn changes_close_together_are_told_once_and_other_topics_not_at_all() {
        let (sender, changes) = broadcast::channel(16);
        let mut listening = Listening { changes, missed: false, topics: &[Topic::Leads, Topic::Jobs], shared_database: false };
        for topic in [Topic::Connections, Topic::Leads, Topic::Leads, Topic::Jobs] {
            sender.send(topic).expect("someone listens");
        }
        assert_eq!(collect(&mut listening).await, Some(BTreeSet::from([Topic::Jobs, Topic::Leads])));
        drop(sender);
        assert_eq!(collect(&mut listening).await, None);
    }
}
