//! What people do meanwhile: pause and resume, send again, cancel, decide.

use chrono::TimeDelta;
use diesel::prelude::*;
use throughline::db::Tx;
use throughline::db::schema::pauses as pause_rows;
use throughline::outbox::admin::{self, Request};
use throughline::outbox::pauses::{self, Scope};
use throughline::outbox::{JobId, JobRow, JobState, Registry};

use crate::laws::{Broken, Law};
use crate::world::World;

type Act = fn(&mut Tx<'_>, &Registry, JobId, &Request) -> throughline::Result<()>;

const ACTS: &[(&str, Act)] = &[("sends again", admin::retry), ("cancels", admin::cancel), ("declares done", admin::mark_done)];
const SCOPES: &[(Scope, &str)] = &[
    (Scope::Kind, "model.step"),
    (Scope::Kind, "model.call"),
    (Scope::Lane, "sync"),
    (Scope::Lane, "payment"),
    (Scope::Connection, "zoho"),
];

impl World {
    /// A person does something to a job, if it lets them.
    pub async fn decide(&mut self) -> Result<(), Broken> {
        let ids: Vec<JobId> = self.seen().iter().map(|row| row.id).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let (id, place) = (self.dice.pick(&ids), self.dice.below(ACTS.len()));
        self.act(id, place).await
    }

    async fn act(&mut self, id: JobId, place: usize) -> Result<(), Broken> {
        let (word, act) = ACTS[place];
        let (by, registry) = (self.request(), self.registry.clone());
        let acted = self.store.write("admin.act", "outbox.claim", move |tx| act(tx, &registry, id, &by)).await;
        let told = acted.as_ref().map_or_else(|cause| format!(", and is told: {cause}"), |()| String::new());
        self.trace.say("person", format!("{word} job {id}{told}"));
        if acted.is_ok() {
            let moment = self.model.moment + 1;
            // What is sent again, or was marked to run once more, is dealt with by the run that follows.
            if word != "sends again" {
                self.model.dealt_with.insert(id, moment);
            }
            self.model.sent_again.push(id);
        }
        self.check(&Law::PersonDecides { id }).await
    }

    /// A person puts something on hold, for a while or until they think of it.
    pub async fn pause(&mut self) -> Result<(), Broken> {
        let (scope, name) = self.dice.pick(SCOPES);
        let until = self.dice.percent(70).then(|| self.clock.now() + TimeDelta::seconds(120));
        let by = self.request();
        let paused = self.store.write("admin.pause", "pauses", move |tx| pauses::pause(tx, scope, name, until, &by)).await;
        self.trace.say("person", format!("pauses {} `{name}`{}", scope.as_str(), if paused.is_ok() { "" } else { ", in vain" }));
        self.check(&Law::NothingChanges).await
    }

    /// At the end people resume what they paused, and decide what only they can.
    pub async fn tidy_up(&mut self) -> Result<(), Broken> {
        let paused: i64 = self.ask(|conn| pause_rows::table.count().get_result(conn)).await;
        if paused > 0 {
            let resume = |tx: &mut Tx<'_>| diesel::delete(pause_rows::table).execute(tx.conn());
            self.store.write::<_, diesel::result::Error>("admin.resume", "pauses", resume).await.expect("nothing is struck any more");
            self.trace.say("person", "resumes everything");
        }
        let waits_for_a_person = |row: &&JobRow| row.state == JobState::Uncertain || holds_others(row, self.seen());
        let undecided: Vec<JobId> = self.seen().iter().filter(waits_for_a_person).map(|row| row.id).collect();
        for id in undecided {
            let place = self.dice.below(ACTS.len());
            self.act(id, place).await?;
        }
        Ok(())
    }

    fn request(&self) -> Request {
        Request { actor: "user:1".into(), reason: None, address: None, now: self.clock.now() }
    }
}

/// A dead job of a strict kind with others behind it.
fn holds_others(row: &JobRow, rows: &[JobRow]) -> bool {
    let waits = |other: &JobRow| other.order_key == row.order_key && other.id > row.id && other.state == JobState::Pending;
    row.state == JobState::Dead && row.kind == "model.strict" && row.order_key.is_some() && rows.iter().any(waits)
}
