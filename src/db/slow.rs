//! Closures that held a writer up, told by name: the first of a name at once, further ones once a minute with how many there were,
//! so that an import on a slow disk leaves a few lines in the log and not thousands.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;
use tracing::warn;

use crate::clock::UtcTime;

/// A closure that takes longer is told of.
const SLOW_CLOSURE: Duration = Duration::from_millis(50);
const TELL_EVERY: TimeDelta = TimeDelta::minutes(1);

/// What one writer has told of slow closures.
#[derive(Default)]
pub(super) struct SlowWrites(BTreeMap<&'static str, Held>);

struct Held {
    told_at: UtcTime,
    untold: Untold,
}

/// What came since something was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Untold {
    count: u64,
    longest: Duration,
}

impl SlowWrites {
    /// A closure of this name took so long.
    pub(super) fn took(&mut self, name: &'static str, took: Duration, now: UtcTime) {
        if took <= SLOW_CLOSURE {
            return;
        }
        if let Some(slow) = self.due(name, took, now) {
            let longest_ms = u64::try_from(slow.longest.as_millis()).unwrap_or(u64::MAX);
            warn!(write = name, count = slow.count, longest_ms, "A write closure was slow; everybody waited for it");
        }
    }

    fn due(&mut self, name: &'static str, took: Duration, now: UtcTime) -> Option<Untold> {
        let first = Untold { count: 1, longest: took };
        let Some(held) = self.0.get_mut(name) else {
            self.0.insert(name, Held { told_at: now, untold: Untold::default() });
            return Some(first);
        };
        let all = Untold { count: held.untold.count + 1, longest: held.untold.longest.max(took) };
        // A clock that was put back must not silence it for longer.
        let is_due = (now - held.told_at).abs() >= TELL_EVERY;
        *held = if is_due { Held { told_at: now, untold: Untold::default() } } else { Held { told_at: held.told_at, untold: all } };
        is_due.then_some(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_the_others_once_a_minute_with_their_number() {
        let mut slow = SlowWrites::default();
        let at = |seconds: i64| UtcTime::default() + TimeDelta::seconds(seconds);
        let ms = Duration::from_millis;
        assert_eq!(slow.due("imports.chunk", ms(70), at(0)), Some(Untold { count: 1, longest: ms(70) }));
        assert_eq!(slow.due("imports.chunk", ms(200), at(1)), None);
        assert_eq!(slow.due("leads.receive", ms(60), at(2)), Some(Untold { count: 1, longest: ms(60) }), "another name");
        assert_eq!(slow.due("imports.chunk", ms(90), at(59)), None);
        assert_eq!(slow.due("imports.chunk", ms(80), at(60)), Some(Untold { count: 3, longest: ms(200) }));
        assert_eq!(slow.due("imports.chunk", ms(80), at(61)), None);
    }
}
