//! Paging by place, not by number: each page begins where another ended, on (time, id), newest first. No OFFSET, which
//! reads what it skips, and no page that shifts while rows arrive.

use std::fmt;
use std::str::FromStr;

use chrono::DateTime;

use crate::clock::UtcTime;

/// A row's place in its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub at: UtcTime,
    pub id: i64,
}

/// Where a page begins. Its text goes into URLs: `older-1795338000000000-12`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Place {
    /// At the newest row.
    #[default]
    Newest,
    /// After this row, going back in time.
    Older(Key),
    /// Before this row, going forward in time.
    Newer(Key),
}

/// The text is no place of ours; whoever follows such a link gets the newest page, or a 404.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a place in a list")]
pub struct NoPlace;

/// Rows, newest first, and where the neighbouring pages begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<R> {
    pub rows: Vec<R>,
    /// None: nothing newer.
    pub newer: Option<Place>,
    /// None: nothing older.
    pub older: Option<Place>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (side, key) = match self {
            Self::Newest => return f.write_str("newest"),
            Self::Older(key) => ("older", key),
            Self::Newer(key) => ("newer", key),
        };
        write!(f, "{side}-{}-{}", key.at.and_utc().timestamp_micros(), key.id)
    }
}

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        if text == "newest" {
            return Ok(Self::Newest);
        }
        let (side, rest) = text.split_once('-').ok_or(NoPlace)?;
        // From the right: the time may be negative, the id is not.
        let (us, id) = rest.rsplit_once('-').ok_or(NoPlace)?;
        let at = DateTime::from_timestamp_micros(us.parse().map_err(|_| NoPlace)?).ok_or(NoPlace)?.naive_utc();
        let key = Key { at, id: id.parse().map_err(|_| NoPlace)? };
        match side {
            "older" => Ok(Self::Older(key)),
            "newer" => Ok(Self::Newer(key)),
            _ => Err(NoPlace),
        }
    }
}

impl<R> Page<R> {
    /// Makes a page of what [`keyset_page!`](crate::keyset_page) loaded: one row more than fits, in the order of travel.
    pub fn assemble(place: Place, mut rows: Vec<R>, rows_max: usize, key: impl Fn(&R) -> Key) -> Self {
        let goes_on = rows.len() > rows_max;
        rows.truncate(rows_max);
        let forward = matches!(place, Place::Newer(_));
        if forward {
            rows.reverse();
        }
        let first = rows.first().map(|row| Place::Newer(key(row)));
        let last = rows.last().map(|row| Place::Older(key(row)));
        let (newer, older) = match place {
            Place::Newest => (None, last.filter(|_| goes_on)),
            // An empty page: the way back is the way to the newest.
            Place::Older(_) => (first.or(Some(Place::Newest)), last.filter(|_| goes_on)),
            Place::Newer(_) => (first.filter(|_| goes_on), last.or(Some(Place::Newest))),
        };
        Self { rows, newer, older }
    }

    /// The same page with each row turned into something else.
    pub fn map<S>(self, turn: impl FnMut(R) -> S) -> Page<S> {
        Page { rows: self.rows.into_iter().map(turn).collect(), newer: self.newer, older: self.older }
    }
}

/// Loads a page of a boxed query: `keyset_page!(conn, query, leads::received_at, leads::id, place, 50, |row| Key { … })`.
/// The list needs an index that ends in the two columns; the conditions are written so that both engines use it.
#[macro_export]
macro_rules! keyset_page {
    ($conn:expr, $query:expr, $time:expr, $id:expr, $place:expr, $rows_max:expr, $key:expr) => {{
        use diesel::{BoolExpressionMethods as _, ExpressionMethods as _, QueryDsl as _, RunQueryDsl as _};
        let (place, rows_max): ($crate::db::keyset::Place, usize) = ($place, $rows_max);
        let query = match place {
            $crate::db::keyset::Place::Newest => $query.order(($time.desc(), $id.desc())),
            $crate::db::keyset::Place::Older(key) => {
                $query.filter($time.le(key.at).and($time.lt(key.at).or($id.lt(key.id)))).order(($time.desc(), $id.desc()))
            }
            $crate::db::keyset::Place::Newer(key) => {
                $query.filter($time.ge(key.at).and($time.gt(key.at).or($id.gt(key.id)))).order(($time.asc(), $id.asc()))
            }
        };
        query
            .limit(i64::try_from(rows_max).unwrap_or(i64::MAX).saturating_add(1))
            .load($conn)
            .map(|rows| $crate::db::keyset::Page::assemble(place, rows, rows_max, $key))
    }};
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_place_reads_back(us in -1_000_000_000_000_000i64..4_000_000_000_000_000, id in 0i64.., older: bool) {
            let key = Key { at: DateTime::from_timestamp_micros(us).expect("in range").naive_utc(), id };
            let place = if older { Place::Older(key) } else { Place::Newer(key) };
            prop_assert_eq!(place.to_string().parse(), Ok(place));
        }

        #[test]
        fn other_text_is_refused_quietly(text in ".{0,40}") {
            if let Ok(place) = text.parse::<Place>() {
                prop_assert!(!place.to_string().is_empty());
            }
        }
    }

    #[test]
    fn the_first_place_is_the_newest() {
        assert_eq!(Place::default().to_string().parse(), Ok(Place::Newest));
        for wrong in ["", "older", "older-1", "sideways-1-2", "older-x-2", "older-1-y", "older-9999999999999999999-1"] {
            assert_eq!(wrong.parse::<Place>(), Err(NoPlace), "{wrong}");
        }
    }
}
