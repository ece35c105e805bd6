//! The runs under way in one process, and the room that each takes until it ends, however it ends.

use std::collections::HashMap;

use tokio::task::{Id, JoinError, JoinSet};

use super::kind::Lane;
use super::room::InUse;

/// Runs under way; `T` is what comes of one.
#[derive(Debug)]
pub(super) struct Runs<T> {
    tasks: JoinSet<T>,
    of: HashMap<Id, (&'static str, Lane)>,
    in_use: InUse,
}

/// A task that ended.
pub(super) type Joined<T> = Result<(Id, T), JoinError>;

impl<T: Send + 'static> Runs<T> {
    pub(super) fn new() -> Self {
        Self { tasks: JoinSet::new(), of: HashMap::new(), in_use: InUse::default() }
    }

    pub(super) fn in_use(&self) -> InUse {
        self.in_use.clone()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    pub(super) fn begin(&mut self, kind: &'static str, lane: Lane, work: impl Future<Output = T> + Send + 'static) {
        self.in_use.begin(kind, lane, 1);
        self.of.insert(self.tasks.spawn(work).id(), (kind, lane));
    }

    /// Waits for the next one to end; None: there is none. May be dropped at any time.
    pub(super) async fn join_next(&mut self) -> Option<Joined<T>> {
        self.tasks.join_next_with_id().await
    }

    /// Frees its room, and that of all that have ended beside it. Returns what came of them.
    pub(super) fn end(&mut self, joined: Joined<T>) -> Vec<T> {
        let (mut ended, mut next) = (Vec::new(), Some(joined));
        while let Some(joined) = next {
            let id = joined.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
            if let Some((kind, lane)) = self.of.remove(&id) {
                self.in_use.end(kind, lane);
            }
            match joined {
                Ok((_, done)) => ended.push(done),
                Err(cause) => tracing::error!(error = %cause, "A run ended unexpectedly; the sweep for lost leases takes its jobs back"),
            }
            next = self.tasks.try_join_next_with_id();
        }
        ended
    }

    /// Ends them all where they are.
    pub(super) async fn shutdown(&mut self) {
        self.tasks.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::room::Room;

    #[tokio::test]
    async fn a_run_that_panics_frees_its_room_as_one_that_ends() {
        let mut runs = Runs::new();
        for is_sound in [true, false] {
            runs.begin("test", Lane::Webhook, async move { assert!(is_sound, "a bug") });
        }
        let left = |runs: &Runs<()>| Room::of(100, runs.in_use()).runs_of("test", 2);
        assert_eq!((left(&runs), runs.len()), (0, 2));
        let mut ended = 0;
        while let Some(joined) = runs.join_next().await {
            ended += runs.end(joined).len();
        }
        assert_eq!((left(&runs), ended), (2, 1));
    }
}
