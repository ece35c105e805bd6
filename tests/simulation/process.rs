//! A simulated process: an engine of its own on the common store, and the runs it has in hand.

use throughline::app::App;
use throughline::clock::UtcTime;
use throughline::outbox::{Announcement, Ended, Engine, Run};

use crate::wire::Wire;

/// It ends by crashing (it is simply forgotten) or by leaving.
pub struct Process {
    pub name: String,
    pub engine: Engine,
    pub wire: Wire,
    pub in_hand: Vec<InHand>,
}

/// A run between its claim and its finish.
pub struct InHand {
    pub ids: Vec<i64>,
    pub lease: i64,
    pub what: Hand,
}

/// How far a run has come.
pub enum Hand {
    Claimed(Run),
    Ended(Ended),
}

impl Process {
    pub fn announcement(app: &App, now: UtcTime) -> Announcement {
        Announcement {
            id: app.process_id.clone(),
            role: "worker".into(),
            version: "1".into(),
            host: "simulated".into(),
            started_at: now,
            heartbeat_at: now,
        }
    }

    /// The places of the runs that have ended, or not.
    pub fn places(&self, ended: bool) -> Vec<usize> {
        let has = |hand: &InHand| matches!(hand.what, Hand::Ended(_)) == ended;
        self.in_hand.iter().enumerate().filter(|(_, hand)| has(hand)).map(|(place, _)| place).collect()
    }
}
