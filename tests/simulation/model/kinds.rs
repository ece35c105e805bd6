//! Kinds whose outcomes chance decides: one for each promise of the engine.

use std::cell::RefCell;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use throughline::app::App;
use throughline::clock::UtcTime;
use throughline::http::{Method, Outgoing};
use throughline::integrations::{Failure, FailureClass};
use throughline::outbox::limits::{Limits, Window};
use throughline::outbox::{Claimed, Job, Lane, OnDead, Outcome, Registry, Repeatable, Report};

use crate::dice::Dice;

/// Calls at once to the provider, and in a minute. A tenth of the latter is kept for leads and payments.
pub const AT_ONCE: i64 = 2;
pub const CALLS_A_MINUTE: i64 = 20;
/// Calls that one run of `Call` makes.
pub const CALLS: u32 = 2;

thread_local! {
    /// A seed runs on one thread.
    static DICE: RefCell<Option<Dice>> = const { RefCell::new(None) };
}

/// From here on, outcomes on this thread are decided by these dice; None: everything succeeds.
pub fn let_decide(dice: Option<Dice>) {
    DICE.set(dice);
}

macro_rules! kinds {
    ($($(#[$meta:meta])* $name:ident = $kind:literal, $lane:ident, $repeatable:ident { $($constant:ident: $of:ty = $value:expr),* })+) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, Serialize, Deserialize)]
        pub struct $name {}

        impl Job for $name {
            const KIND: &'static str = $kind;
            const LANE: Lane = Lane::$lane;
            const REPEATABLE: Repeatable = Repeatable::$repeatable;
            $(const $constant: $of = $value;)*

            async fn run_batch(app: &App, members: &[Claimed<Self>]) -> Vec<Report> {
                if Self::CONNECTION.is_some() {
                    call(app).await;
                }
                members.iter().map(|_| outcome(app.clock.now()).into()).collect()
            }
        }
    )+};
}

kinds! {
    Step = "model.step", Sync, Always {}
    /// Those behind a dead one are held.
    Strict = "model.strict", Sync, Always { ON_DEAD: OnDead = OnDead::Hold }
    Once = "model.once", Message, Never {}
    Urgent = "model.urgent", Payment, Always {}
    Bulk = "model.bulk", Backfill, Always { BATCH_MAX: usize = 5 }
    Call = "model.call", Sync, Always { CONNECTION: Option<&'static str> = Some("zoho"), CALLS: u32 = CALLS }
}

pub fn registry() -> Registry {
    let registry = Registry::build(|kinds| {
        kinds.add::<Step>().add::<Strict>().add::<Once>().add::<Urgent>().add::<Bulk>().add::<Call>();
        kinds.limit("zoho", Limits { at_once: AT_ONCE, windows: vec![Window { seconds: 60, calls: CALLS_A_MINUTE }] });
    });
    registry.expect("each has a name of its own")
}

async fn call(app: &App) {
    for _ in 0..CALLS {
        let request = Outgoing { method: Method::Get, url: "http://sandbox.test/__health".into(), headers: Vec::new(), body: Vec::new() };
        let _whatever_comes = app.transport.send(&request).await;
    }
}

fn outcome(now: UtcTime) -> Outcome {
    let failed = |class, of_record, effect_unknown| {
        Outcome::Failed(Failure { class, message: "chance said no".into(), retry_after_s: None, effect_unknown, of_record })
    };
    let decided =
        DICE.with_borrow(|dice| dice.as_ref().map(|dice| dice.weighted(&[(10, 0), (3, 1), (1, 2), (2, 3), (2, 4), (1, 5), (2, 6)])));
    match decided.unwrap_or(0) {
        1 => failed(FailureClass::ServerError, true, false),
        2 => failed(FailureClass::Validation, true, false),
        3 => Outcome::Snooze { until: now + Duration::from_secs(40), why: "not yet".into() },
        4 => failed(FailureClass::Network, false, true),
        5 => Outcome::Uncertain("who knows".into()),
        6 => failed(FailureClass::Network, false, false),
        _ => Outcome::Done(json!(null)),
    }
}
