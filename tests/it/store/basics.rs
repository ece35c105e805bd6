//! What a caller sees when nothing goes wrong, and when its own closure refuses.

use diesel::prelude::*;
use throughline::db::schema::write_batches;
use throughline::db::{ReadError, Topic, WriteError};

use super::rows::{is_there, put, put_on, write_row};
use crate::harness::both_engines;

both_engines! {
    async fn what_was_answered_is_seen_by_others(app: TestApp) {
        write_row(&app.store, "a").await.expect("it is written");
        assert!(is_there(&app.url, "a"));
        app.store.readiness().await.expect("the schema is current");
    }

    async fn a_refusal_leaves_nothing(app: TestApp) {
        let refused = app.store.write("test.refuse", "a", |tx| {
            put(tx, "a")?;
            Err::<(), _>(diesel::result::Error::NotFound)
        });
        assert!(matches!(refused.await, Err(WriteError::Refused(diesel::result::Error::NotFound))));
        assert!(!is_there(&app.url, "a"));
    }

    async fn touched_topics_are_told_after_the_commit_and_only_then(app: TestApp) {
        let mut topics = app.store.subscribe();
        let refused = app.store.write("test.refuse", "a", |tx| {
            tx.touch(Topic::Jobs);
            Err::<(), _>(diesel::result::Error::NotFound)
        });
        refused.await.expect_err("it refuses");
        app.store.write("test.touch", "a", |tx| { tx.touch(Topic::Leads); put(tx, "a") }).await.expect("it is written");
        assert_eq!(topics.recv().await.expect("a topic"), Topic::Leads);
        assert!(topics.try_recv().is_err());
    }

    async fn readers_cannot_write(app: TestApp) {
        let tried = app.store.read(|conn| put_on(conn, "a").map_err(ReadError::from)).await;
        tried.expect_err("readers are read-only");
        assert!(!is_there(&app.url, "a"));
    }

    async fn many_writes_at_once_are_all_there(app: TestApp) {
        let writes = (0..500).map(|number| {
            let name: &'static str = Box::leak(format!("row {number}").into_boxed_str());
            let store = app.store.clone();
            tokio::spawn(async move { write_row(&store, name).await })
        });
        for write in writes.collect::<Vec<_>>() {
            write.await.expect("no panic").expect("it is written");
        }
        let count = app.store.read(|conn| {
            write_batches::table.filter(write_batches::id.like("row %")).count().get_result::<i64>(conn).map_err(ReadError::from)
        });
        assert_eq!(count.await.expect("it reads"), 500);
    }

    async fn closing_finishes_what_was_accepted_and_takes_no_more(app: TestApp) {
        let pending: Vec<_> = ["a", "b", "c"].map(|name| { let store = app.store.clone(); tokio::spawn(async move { write_row(&store, name).await }) }).into();
        app.store.flush().await;
        for write in pending { write.await.expect("no panic").expect("it is written"); }
        app.store.close().await;
        assert!(matches!(write_row(&app.store, "d").await, Err(WriteError::NotWritten(_))));
        assert!(is_there(&app.url, "c") && !is_there(&app.url, "d"));
    }
}
