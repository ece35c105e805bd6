//! How much a closure says its write matters: not at all (it only looked), or not so much that it must be on the disk.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use throughline::db::{Engine, Topic, Tx};

use super::group::{Plug, enqueue};
use super::rows::{is_there, put, second_connection};
use crate::harness::{TestApp, both_engines, on_engine};

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// A number that changes with each commit of this database, seen from outside.
fn commits(app: &TestApp) -> i64 {
    let query = match app.engine {
        Engine::Sqlite => "SELECT user_version AS number FROM pragma_user_version",
        Engine::Postgres => "SELECT count(*) AS number FROM write_batches",
    };
    diesel::sql_query(query).get_result::<Number>(&mut second_connection(&app.url)).expect("the second connection reads").number
}

fn put_and_look(tx: &mut Tx<'_>, name: &str) -> QueryResult<()> {
    put(tx, name)?;
    tx.touch(Topic::Jobs);
    tx.wrote_nothing();
    Ok(())
}

both_engines! {
    async fn whoever_only_looked_costs_no_commit(app: TestApp) {
        let before = commits(&app);
        let plug = Plug::hold(&app.store).await;
        let looks = [enqueue(&app.store, |tx| put_and_look(tx, "a")), enqueue(&app.store, |tx| put_and_look(tx, "b"))];
        plug.release().await;
        for look in looks { look.await.expect("it looked"); }
        assert_eq!(commits(&app), before, "there was a COMMIT");
        app.store.write("test.put", "group", |tx| put(tx, "c")).await.expect("it is written");
        assert_ne!(commits(&app), before, "and here there must be one");
    }

    async fn what_a_look_wrote_is_undone_whoever_its_neighbours_are(app: TestApp) {
        let mut topics = app.store.subscribe();
        let plug = Plug::hold(&app.store).await;
        let first = enqueue(&app.store, |tx| put_and_look(tx, "look 1"));
        let write = enqueue(&app.store, |tx| put(tx, "write 1"));
        let second = enqueue(&app.store, |tx| put_and_look(tx, "look 2"));
        let other = enqueue(&app.store, |tx| put(tx, "write 2"));
        let last = enqueue(&app.store, |tx| put_and_look(tx, "look 3"));
        plug.release().await;
        for pending in [first, write, second, other, last] { pending.await.expect("it is done"); }
        assert!(is_there(&app.url, "write 1") && is_there(&app.url, "write 2"));
        assert!(["look 1", "look 2", "look 3"].iter().all(|name| !is_there(&app.url, name)));
        assert!(topics.try_recv().is_err(), "nothing happened that could be told");
    }

    async fn a_relaxed_write_is_seen_by_others_and_shares_a_group(app: TestApp) {
        let plug = Plug::hold(&app.store).await;
        let relaxed = enqueue(&app.store, |tx| { tx.relax(); put(tx, "relaxed") });
        let durable = enqueue(&app.store, |tx| put(tx, "durable"));
        plug.release().await;
        relaxed.await.expect("it is written");
        durable.await.expect("it is written");
        app.store.write("test.relaxed", "k", |tx| { tx.relax(); put(tx, "alone") }).await.expect("it is written");
        assert!(["relaxed", "durable", "alone"].iter().all(|name| is_there(&app.url, name)));
    }
}

#[derive(QueryableByName)]
struct Level {
    #[diesel(sql_type = BigInt)]
    synchronous: i64,
}

/// SQLite's level of safety in this transaction: 1 does not wait for the disk, 2 does.
fn level(tx: &mut Tx<'_>) -> QueryResult<i64> {
    let level: Level = diesel::sql_query("SELECT synchronous FROM pragma_synchronous").get_result(tx.conn())?;
    Ok(level.synchronous)
}

fn log_bytes(app: &TestApp) -> u64 {
    std::fs::metadata(format!("{}-wal", app.url.trim_start_matches("sqlite:"))).expect("the log is there").len()
}

#[test]
fn sqlite_waits_for_the_disk_unless_it_expects_a_relaxed_write() {
    on_engine(Engine::Sqlite, |app| async move {
        let relaxed = |name: &'static str| {
            app.store.write("test.relaxed", "k", move |tx| {
                tx.relax();
                put(tx, name).and_then(|()| level(tx))
            })
        };
        assert_eq!(relaxed("a").await.expect("written"), 2, "nothing is known of it yet");
        assert_eq!(relaxed("b").await.expect("written"), 1, "it was relaxed the last time");
        assert_eq!(app.store.write("test.durable", "k", |tx| put(tx, "c").and_then(|()| level(tx))).await.expect("written"), 2);
        assert_eq!(relaxed("d").await.expect("written"), 1);
        let changed = app.store.write("test.relaxed", "k", |tx| put(tx, "e")).await;
        changed.expect("this time it was not");
        assert_eq!(relaxed("f").await.expect("written"), 2, "so the next one is waited for");
        assert!(["a", "b", "c", "d", "e", "f"].iter().all(|name| is_there(&app.url, name)));
    });
}

#[test]
fn sqlite_commits_once_more_where_it_expected_a_relaxed_write_in_vain() {
    on_engine(Engine::Sqlite, |app| async move {
        /// One page and its header.
        const FRAME: u64 = 4096 + 24;
        let mut grew = Vec::new();
        for (name, is_relaxed) in [("a", true), ("b", true), ("c", false), ("d", false)] {
            let before = log_bytes(&app);
            let write = app.store.write("test.same", "k", move |tx| {
                if is_relaxed {
                    tx.relax();
                }
                put(tx, name)
            });
            write.await.expect("it is written");
            grew.push((log_bytes(&app) - before) / FRAME);
        }
        let usual = grew[1];
        assert_eq!(grew, [usual, usual, usual + 1, usual], "only the third was not what was expected");
    });
}

/// What `synchronous_commit` was at each COMMIT that a row of `audit` was part of.
fn watch_commits(app: &TestApp) {
    let watch = "CREATE TABLE seen (id BIGSERIAL, setting TEXT); \
        CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS \
        $$ BEGIN INSERT INTO seen (setting) VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$; \
        CREATE CONSTRAINT TRIGGER see AFTER INSERT ON audit DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION see()";
    second_connection(&app.url).batch_execute(watch).expect("the owner may");
}

fn seen(app: &TestApp) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Seen {
        #[diesel(sql_type = Text)]
        setting: String,
    }
    let seen = diesel::sql_query("SELECT setting FROM seen ORDER BY id").load::<Seen>(&mut second_connection(&app.url));
    seen.expect("the second connection reads").into_iter().map(|seen| seen.setting).collect()
}

/// Adds a row that `watch_commits` sees.
fn add(tx: &mut Tx<'_>) -> QueryResult<()> {
    let row = "INSERT INTO audit (at, actor, action, subject) VALUES (CURRENT_TIMESTAMP, 'test', 'test', 'test:1')";
    diesel::sql_query(row).execute(tx.conn()).map(drop)
}

fn add_relaxed(tx: &mut Tx<'_>) -> QueryResult<()> {
    tx.relax();
    add(tx)
}

type Change = fn(&mut Tx<'_>) -> QueryResult<()>;

#[test]
fn a_group_is_relaxed_only_if_everybody_who_wrote_was() {
    on_engine(Engine::Postgres, |app| async move {
        watch_commits(&app);
        let groups: [&[Change]; 4] =
            [&[add_relaxed, add_relaxed], &[add_relaxed, add], &[add, add_relaxed], &[add_relaxed, |tx| put_and_look(tx, "look")]];
        let mut expected = Vec::new();
        for (group, setting) in groups.into_iter().zip(["off", "on", "on", "off"]) {
            let plug = Plug::hold(&app.store).await;
            let writes: Vec<_> = group.iter().map(|change| enqueue(&app.store, *change)).collect();
            plug.release().await;
            for write in writes {
                write.await.expect("it is written");
            }
            let rows = seen(&app).len() - expected.len();
            expected.extend(std::iter::repeat_n(setting.to_owned(), rows));
            assert_eq!(seen(&app), expected);
        }
        app.store.write("test.durable", "group", add).await.expect("it is written");
        assert_eq!(seen(&app).last().map(String::as_str), Some("on"), "the setting ends with its transaction");
    });
}
