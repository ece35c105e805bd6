//! Two writers after the same thing: the database decides, inside the write.

use diesel::prelude::*;
use throughline::db::schema::events;
use throughline::db::{Tx, WriteError};

use crate::harness::both_engines;

fn insert(tx: &mut Tx<'_>, source_event_id: &str) -> QueryResult<usize> {
    let row = (
        events::line_id.eq("line"),
        events::source.eq("race"),
        events::source_event_id.eq(source_event_id),
        events::kind.eq("test"),
        events::subject.eq("test:1"),
        events::occurred_at.eq(chrono::NaiveDateTime::default()),
        events::recorded_at.eq(chrono::NaiveDateTime::default()),
        events::data.eq("{}"),
    );
    diesel::insert_into(events::table).values(row).execute(tx.conn())
}

both_engines! {
    async fn two_writers_after_one_unique_key_leave_one_row(app: TestApp) {
        // A second store is a second process, as far as the database can tell.
        let other = app.open_store(|_| {});
        for round in 0..50 {
            let insert = move |tx: &mut Tx<'_>| insert(tx, &round.to_string());
            let (one, two) = (app.store.write("test.race", "k", insert), other.write("test.race", "k", insert));
            let (one, two) = futures_util::future::join(one, two).await;
            assert_eq!(u8::from(one.is_ok()) + u8::from(two.is_ok()), 1, "round {round}: {one:?} {two:?}");
            let loser: Result<usize, WriteError<diesel::result::Error>> = if one.is_ok() { two } else { one };
            assert!(matches!(loser, Err(WriteError::Refused(_))), "round {round}: {loser:?}");
        }
        let rows = app.store.read(|conn| events::table.count().get_result::<i64>(conn).map_err(throughline::db::ReadError::from)).await;
        assert_eq!(rows.expect("it reads"), 50);
    }
}
