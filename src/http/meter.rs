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
    /// A call began and has not come to an end.
    is_under_way: bool,
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

    /// The status of the last call; None: there was no answer, or there is none yet.
    pub fn last_status(&self) -> Option<u16> {
        let told = self.told();
        if told.is_under_way { None } else { told.lines.back()?.status }
    }

    /// The last of those that came to an end, as it was.
    pub fn last(&self) -> Option<Exchange> {
        self.told().last.clone()
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Called by every transport for every call. Outside of any metered work nobody counts.
pub fn count_call() {
    let _counted = METER.try_with(|meter| {
        meter.0.calls.fetch_add(1, Ordering::SeqCst);
        meter.told().is_under_way = true;
    });
}

/// Called with every call that came to an end.
pub fn tell_call(exchange: &Exchange) {
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
        told.is_under_way = false;
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Answer, Method, Outgoing};

    #[tokio::test]
    async fn each_call_is_told_and_one_that_is_under_way_has_no_status() {
        let meter = Meter::default();
        let calls = async {
            for status in [200, 503] {
                count_call();
                let request = Outgoing { method: Method::Get, url: "https://zoho.test/a?mail=ada".into(), headers: vec![], body: vec![] };
                Exchange::of("zoho", &request, &Ok(Answer { status, headers: vec![], body: vec![] }), 3);
            }
            assert_eq!(meter.last_status(), Some(503));
            count_call();
        };
        meter.around(calls).await;
        let told: Vec<_> = meter.lines().into_iter().map(|line| (line.call, line.status)).collect();
        assert_eq!(told, [("GET /a".to_owned(), Some(200)), ("GET /a".to_owned(), Some(503))]);
        assert_eq!((meter.calls(), meter.last_status()), (3, None));
    }
}
