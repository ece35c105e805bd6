//! How the events that Stripe keeps are walked through. Rules only: which page is asked for next, and what is known once it is
//! there. Going forward from a cursor nothing can be missed; where there is none, the walk goes back from the newest.

use serde_json::Value;

use super::feed_queries::Feed;
use crate::clock::UtcTime;
use crate::integrations::stripe::api::{EventPage, Walk, created};

/// What is asked for next. The first question of all looks for the event right before the beginning, which makes a cursor.
pub fn next(feed: &Feed, has_looked_back: bool) -> Walk {
    match (&feed.cursor_id, &feed.walk_after_id) {
        (Some(cursor), _) => Walk::After(cursor.clone()),
        (None, None) if !has_looked_back => Walk::LastBefore(feed.begins_at),
        (None, after) => Walk::Since { at: feed.begins_at, before: after.clone() },
    }
}

/// What is known once a page was read and its events are kept. True: there is more to read.
pub fn advance(feed: &mut Feed, walk: &Walk, page: &EventPage, now: UtcTime) -> bool {
    let (newest, oldest) = (page.events.first(), page.events.last());
    match walk {
        Walk::LastBefore(_) => {
            set_cursor(feed, newest);
            true
        }
        Walk::After(_) => {
            set_cursor(feed, newest);
            end_if(feed, !page.has_more, now)
        }
        Walk::Since { before, .. } => {
            if before.is_none() {
                feed.walk_newest_id = newest.and_then(id);
                feed.walk_newest_at = newest.and_then(created);
            }
            if page.has_more && oldest.is_some() {
                feed.walk_after_id = oldest.and_then(id);
                return true;
            }
            feed.cursor_id = feed.walk_newest_id.take();
            feed.cursor_at = feed.walk_newest_at.take();
            feed.walk_after_id = None;
            end_if(feed, true, now)
        }
    }
}

/// Stripe does not know the event any more at which the page was to begin: it keeps them for 30 days. Begins anew with what is
/// still there.
pub fn lose_place(feed: &mut Feed, now: UtcTime) {
    if let Some(cursor_at) = feed.cursor_at.take().filter(|_| feed.cursor_id.is_some()) {
        feed.begins_at = cursor_at;
        feed.gap_from = Some(cursor_at);
        feed.gap_found_at = Some(now);
    }
    (feed.cursor_id, feed.walk_after_id) = (None, None);
    (feed.walk_newest_id, feed.walk_newest_at) = (None, None);
}

fn set_cursor(feed: &mut Feed, newest: Option<&Value>) {
    if let Some((id, at)) = newest.and_then(|event| Some((id(event)?, created(event)))) {
        feed.cursor_id = Some(id);
        feed.cursor_at = at.or(feed.cursor_at);
    }
}

fn end_if(feed: &mut Feed, is_all: bool, now: UtcTime) -> bool {
    if is_all {
        feed.read_at = Some(now);
    }
    !is_all
}

fn id(event: &Value) -> Option<String> {
    event["id"].as_str().map(str::to_owned)
}
