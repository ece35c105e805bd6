//! What time it is in the database: the one clock that processes on several machines have in common.

use chrono::TimeDelta;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Timestamp;

use super::conn::{Conn, Engine};
use super::store::{ReadError, Store};
use crate::clock::{Clock, Stopwatch, UtcTime};

/// The quickest of so many questions counts: its answer was least delayed.
const QUESTIONS: usize = 3;
/// Half of a round trip is how wrong a measurement can be; one that took longer says nothing of use.
const ROUND_TRIP_MAX: TimeDelta = TimeDelta::seconds(2);

/// One question and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Measurement {
    ahead: TimeDelta,
    round_trip: TimeDelta,
}

impl Measurement {
    /// The database answered `told` somewhere between `asked_at` and the end of the round trip: taken to be the middle.
    fn new(asked_at: UtcTime, round_trip: TimeDelta, told: UtcTime) -> Self {
        Self { ahead: told - (asked_at + round_trip / 2), round_trip }
    }

    fn best(measured: impl IntoIterator<Item = Self>) -> Option<TimeDelta> {
        let best = measured.into_iter().min_by_key(|one| one.round_trip)?;
        Some(best.ahead).filter(|_| best.round_trip <= ROUND_TRIP_MAX)
    }
}

impl Store {
    /// How far the database's clock is ahead of `clock` uncorrected. None on SQLite, which has no clock of its own, and
    /// where the database answers too slowly to tell.
    pub async fn clock_ahead(&self, clock: &Clock) -> Result<Option<TimeDelta>, ReadError> {
        if self.engine() == Engine::Sqlite {
            return Ok(None);
        }
        let clock = clock.clone();
        self.read(move |conn| {
            let measured = (0..QUESTIONS).map(|_| measure(conn, &clock)).collect::<QueryResult<Vec<_>>>()?;
            Ok(Measurement::best(measured.into_iter().flatten()))
        })
        .await
    }
}

fn measure(conn: &mut Conn, clock: &Clock) -> QueryResult<Option<Measurement>> {
    match conn {
        Conn::Postgres(conn) => {
            let (asked_at, since) = (clock.uncorrected(), Stopwatch::start());
            // The one place that asks for the database's time: everywhere else times are bound from the clock.
            let told: UtcTime = diesel::select(sql::<Timestamp>("clock_timestamp() AT TIME ZONE 'UTC'")).get_result(conn)?;
            let round_trip = TimeDelta::from_std(since.elapsed()).unwrap_or(TimeDelta::MAX);
            Ok(Some(Measurement::new(asked_at, round_trip, told)))
        }
        Conn::Sqlite(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;

    fn at(ms: i64) -> UtcTime {
        NaiveDate::from_ymd_opt(2026, 11, 22).and_then(|day| day.and_hms_opt(9, 0, 0)).expect("a time") + TimeDelta::milliseconds(ms)
    }

    fn ms(ms: i64) -> TimeDelta {
        TimeDelta::milliseconds(ms)
    }

    #[test]
    fn half_of_the_round_trip_is_taken_off() {
        assert_eq!(Measurement::new(at(0), ms(40), at(6_020)).ahead, ms(6_000));
        assert_eq!(Measurement::new(at(0), ms(40), at(-2_980)).ahead, ms(-3_000));
    }

    #[test]
    fn the_quickest_answer_counts_and_a_slow_one_tells_nothing() {
        let one = |ahead, round_trip| Measurement { ahead: ms(ahead), round_trip: ms(round_trip) };
        assert_eq!(Measurement::best([one(900, 1_800), one(10, 3), one(400, 700)]), Some(ms(10)));
        assert_eq!(Measurement::best([one(5_000, 2_001)]), None);
        assert_eq!(Measurement::best([]), None);
    }
}
