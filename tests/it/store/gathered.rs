//! Rows that closures give to their group: all there when it is answered, none of a closure that failed.

use diesel::prelude::*;
use diesel::result::Error;
use throughline::db::{Conn, GatheredRow, Tx, WriteError};

use super::group::{Plug, enqueue};
use super::rows::{is_there, put_on};
use crate::harness::both_engines;

/// A row whose name may be there once.
struct Named(&'static str);

impl GatheredRow for Named {
    fn insert_all(conn: &mut Conn, rows: Vec<Self>) -> QueryResult<()> {
        rows.iter().try_for_each(|row| put_on(conn, row.0))
    }
}

fn give(name: &'static str) -> impl Fn(&mut Tx<'_>) -> QueryResult<()> + Send + 'static {
    move |tx| {
        tx.gather(Named(name));
        Ok(())
    }
}

both_engines! {
    async fn what_a_group_gathered_is_there_when_it_is_answered(app: TestApp) {
        let plug = Plug::hold(&app.store).await;
        let writes = ["a", "b", "c"].map(|name| (name, enqueue(&app.store, give(name))));
        plug.release().await;
        for (name, write) in writes {
            write.await.expect("it is written");
            assert!(is_there(&app.url, name), "`{name}` was answered and is not there");
        }
    }

    async fn what_a_failed_closure_gave_is_not_there(app: TestApp) {
        let plug = Plug::hold(&app.store).await;
        let good = enqueue(&app.store, give("good"));
        let refusing = enqueue(&app.store, |tx| give("refused")(tx).and(Err::<(), _>(Error::NotFound)));
        let looking = enqueue(&app.store, |tx| { tx.wrote_nothing(); give("looked")(tx) });
        plug.release().await;
        good.await.expect("it is written");
        refusing.await.expect_err("it refuses");
        looking.await.expect("it looked");
        assert!(is_there(&app.url, "good") && !is_there(&app.url, "refused") && !is_there(&app.url, "looked"));
    }

    async fn a_row_that_cannot_be_is_its_own_closures_failure(app: TestApp) {
        app.store.write("test.first", "group", give("taken")).await.expect("it is written");
        let plug = Plug::hold(&app.store).await;
        let before = enqueue(&app.store, give("before"));
        let bad = enqueue(&app.store, give("taken"));
        let after = enqueue(&app.store, give("after"));
        plug.release().await;
        before.await.expect("it is run again alone");
        after.await.expect("it is run again alone");
        let refused = bad.await;
        assert!(matches!(refused, Err(WriteError::NotWritten(_))), "{refused:?}");
        assert!(is_there(&app.url, "before") && is_there(&app.url, "after"));
    }
}
