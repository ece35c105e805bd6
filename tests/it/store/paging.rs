//! Paging walks every row once, in order, in both directions, whatever the times are.

use diesel::prelude::*;
use proptest::collection::vec;
use proptest::test_runner::{Config, TestRunner};
use throughline::clock::UtcTime;
use throughline::db::keyset::{Key, Page, Place};
use throughline::db::schema::events;
use throughline::db::{Conn, ReadError, Tx};
use throughline::keyset_page;

use crate::harness::both_engines;

type Row = (UtcTime, i64);

fn page(conn: &mut Conn, place: Place, rows_max: usize) -> QueryResult<Page<Row>> {
    let query = events::table.select((events::occurred_at, events::id)).into_boxed();
    keyset_page!(conn, query, events::occurred_at, events::id, place, rows_max, |row: &Row| Key { at: row.0, id: row.1 })
}

fn refill(tx: &mut Tx<'_>, seconds: &[i64]) -> QueryResult<()> {
    diesel::delete(events::table).execute(tx.conn())?;
    for (number, second) in seconds.iter().enumerate() {
        let at = chrono::DateTime::from_timestamp(*second, 0).expect("in range").naive_utc();
        let row = (
            events::line_id.eq("line"),
            events::source.eq("test"),
            events::source_event_id.eq(number.to_string()),
            events::kind.eq("test"),
            events::subject.eq("test:1"),
            events::occurred_at.eq(at),
            events::recorded_at.eq(at),
            events::data.eq("{}"),
        );
        diesel::insert_into(events::table).values(row).execute(tx.conn())?;
    }
    Ok(())
}

/// Every row, newest first, as one walk back in time saw them; and again as a walk forward saw them.
fn walk(conn: &mut Conn, rows_max: usize) -> QueryResult<(Vec<Row>, Vec<Row>)> {
    let mut back = page(conn, Place::Newest, rows_max)?;
    let mut older = back.rows.clone();
    while let Some(place) = back.older {
        back = page(conn, place.to_string().parse().expect("our own text"), rows_max)?;
        older.extend(back.rows.clone());
    }
    let mut newer = back.rows.clone();
    let mut next = back.newer;
    while let Some(place @ Place::Newer(_)) = next {
        let page = page(conn, place, rows_max)?;
        next = page.newer;
        newer.splice(0..0, page.rows);
    }
    Ok((older, newer))
}

both_engines! {
    async fn paging_sees_each_row_once_in_both_directions(app: TestApp) {
        let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
        // Few different times: most rows share theirs with others, and the id decides.
        runner.run(&(vec(0i64..6, 0..40), 1usize..9), |(seconds, rows_max)| {
            let rows = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(async {
                app.store.write("test.refill", "events", move |tx| refill(tx, &seconds)).await.expect("it is written");
                app.store.read(move |conn| {
                    let all: Vec<Row> = events::table.select((events::occurred_at, events::id)).order((events::occurred_at.desc(), events::id.desc())).load(conn)?;
                    let (older, newer) = walk(conn, rows_max)?;
                    Ok::<_, ReadError>((all, older, newer))
                }).await.expect("it reads")
            }));
            proptest::prop_assert_eq!(&rows.0, &rows.1, "walking back in time");
            proptest::prop_assert_eq!(&rows.0, &rows.2, "walking forward again");
            Ok(())
        }).expect("paging holds");
    }
}
