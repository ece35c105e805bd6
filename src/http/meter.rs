//! Follows the calls made on behalf of one piece of work: how many, so that what a provider's limit was charged can be set right,
//! and what came of each, so that it can be told.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::Exchange;

/// Calls of one piece of work that are told: the last ones.
pub const TOLD_MAX: usize = 50;

tokio::task_local! {
    static METER: Meter;
}

/// Follows calls. Clones share what they know, which outlives the work it is about.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Followed>);

#[derive(Debug, Default)]
struct Followed {
    calls: AtomicI64,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    lines: VecDeque<CallLine>,
    last: Option<Exchange>,
}

/// One call in a line: neither its query nor a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallLine {
    /// `POST /crm/v8/Leads/upsert`.
    pub call: String,
    /// None: there was no answer.
    pub status: Option<u16>,
    /// How long it took, in milliseconds.
    pub ms: i64,
    /// The provider's own id of the request, where it gives one.
    pub request_id: Option<String>,
}

impl Meter {
    /// Runs the work; calls it makes are followed, but for those in tasks that it spawns.
    pub fn around<F: Future>(&self, work: F) -> impl Future<Output = F::Output> {
        METER.scope(self.clone(), work)
    }

    /// How many calls were made so far.
    pub fn calls(&self) -> i64 {
        self.0.calls.load(Ordering::SeqCst)
    }

    /// The calls that came to an end so far, oldest first; the last [`TOLD_MAX`].
    pub fn lines(&self) -> Vec<CallLine> {
        self.told().lines.iter().cloned().collect()
    }

    /// The last of them as it was.
    pub fn last(&self) -> Option<Exchange> {
        self.told().last.clone()
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Called by every transport for every call. Outside of any metered work nobody counts.
pub fn count_call() {
    let _counted = METER.try_with(|meter| meter.0.calls.fetch_add(1, Ordering::SeqCst));
}

/// Called with every call that came to an end.
pub(super) fn tell_call(exchange: &Exchange) {
    let _told = METER.try_with(|meter| {
        let mut told = meter.told();
        if told.lines.len() == TOLD_MAX {
            told.lines.pop_front();
        }
        told.lines.push_back(CallLine {
            call: exchange.call.clone(),
            status: exchange.status,
            ms: exchange.duration_ms,
            request_id: exchange.request_id.clone(),
        });
        told.last = Some(exchange.clone());
    });
}
