//! What people have put on hold, as pages tell it: a kind, a lane or a connection, by whom, why and until when.

use std::collections::BTreeMap;

use diesel::QueryResult;

use crate::clock::UtcTime;
use crate::db::Conn;
use crate::outbox::pauses::{self, Pause, Scope};
use crate::outbox::waiting::paused;
use crate::timeline::story::{people, who};
use crate::web::{Times, format};

/// The pauses that hold now, with the names of those who made them.
#[derive(Clone, Debug, Default)]
pub struct Held {
    pauses: Vec<Pause>,
    people: BTreeMap<String, String>,
}

/// A pause, as finished text.
#[derive(Clone, Debug)]
pub struct HoldLine {
    /// `kind:leads.deliver`: what the form that ends it names.
    pub what: String,
    pub title: String,
    pub text: String,
}

/// Reads what is on hold.
pub fn on_hold(conn: &mut Conn, now: UtcTime) -> QueryResult<Held> {
    let pauses = pauses::current(conn, now)?.all().to_vec();
    let people = people(conn, pauses.iter().map(|pause| pause.paused_by.as_str()))?;
    Ok(Held { pauses, people })
}

impl Held {
    /// All of them.
    pub fn lines(&self, times: Times) -> Vec<HoldLine> {
        self.pauses.iter().map(|pause| self.line(pause, times)).collect()
    }

    /// The pause of this kind, lane or connection.
    pub fn of(&self, scope: Scope, name: &str, times: Times) -> Option<HoldLine> {
        self.pauses.iter().find(|pause| pause.scope == scope && pause.name == name).map(|pause| self.line(pause, times))
    }

    /// Whether this kind, lane or connection is on hold.
    pub fn is_held(&self, scope: Scope, name: &str) -> bool {
        self.pauses.iter().any(|pause| pause.scope == scope && pause.name == name)
    }

    fn line(&self, pause: &Pause, times: Times) -> HoldLine {
        let title = format!("{} paused", paused(pause.scope, &pause.name));
        let until = match pause.until {
            Some(until) => format!("until {} ({})", times.stamp(until).text, times.relative(until)),
            None => "until someone resumes it".into(),
        };
        let why = pause.reason.as_ref().map(|why| format!(" {}", format::ended(why))).unwrap_or_default();
        HoldLine {
            what: format!("{}:{}", pause.scope.as_str(), pause.name),
            title: capitalised(&title),
            text: format!("By {}, since {}, {until}.{why}", who(&pause.paused_by, &self.people), times.stamp(pause.paused_at).text),
        }
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
