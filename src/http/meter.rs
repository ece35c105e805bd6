//! Counts the calls made on behalf of one piece of work, so that what a provider's limit was charged can be set right.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

tokio::task_local! {
    static CALLS: Arc<AtomicI64>;
}

/// Counts calls. Clones share the count, which outlives the work it counts for.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<AtomicI64>);

impl Meter {
    /// Runs the work; calls it makes are counted, but for those in tasks that it spawns.
    pub fn around<F: Future>(&self, work: F) -> impl Future<Output = F::Output> {
        CALLS.scope(self.0.clone(), work)
    }

    /// How many calls were made so far.
    pub fn calls(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Called by every transport for every call.
pub fn count_call() {
    // Outside of any metered work nobody counts.
    let _counted = CALLS.try_with(|calls| calls.fetch_add(1, Ordering::SeqCst));
}
