//! SQLite's COMMIT fails on the disk. The disk is a limit on the size of files, which the kernel reports as a failed write.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use throughline::db::{Engine, Store, Tx, WriteError};

use super::group::{Plug, enqueue};
use super::rows::{is_there, put, write_row};
use crate::harness::{TestApp, on_engine};

/// Runs an ignored test of this file in a process in which a write over the limit is an error, not the end (SIGXFSZ).
fn run_where_the_limit_is_not_fatal(name: &str) {
    let this = std::env::current_exe().expect("this test's program");
    let mut child = Command::new("sh");
    child.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(this);
    child.args(["--ignored", "--exact", &format!("store::broken_disk::{name}")]);
    let done = child.output().expect("a shell");
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success() && said.contains("1 passed"), "{said}\n{}", String::from_utf8_lossy(&done.stderr));
}

/// Files of this process may not grow any further than the log of the database is now; None lifts the limit.
fn limit_files(to: Option<&TestApp>) {
    let size = to.map(|app| {
        let log = format!("{}-wal", app.url.trim_start_matches("sqlite:"));
        std::fs::metadata(log).expect("the log is there").len()
    });
    let soft = size.map_or("unlimited".to_owned(), |size| size.to_string());
    let limit = Command::new("prlimit").args(["--pid", &std::process::id().to_string(), &format!("--fsize={soft}:unlimited")]).status();
    assert!(limit.expect("prlimit (util-linux) is installed").success());
}

fn store_with(app: &TestApp, patience: Duration) -> Store {
    app.open_store(|options| options.patience = patience)
}

/// Writes a row and counts how often it was asked to.
fn counted(runs: &Arc<AtomicU32>) -> impl Fn(&mut Tx<'_>) -> diesel::QueryResult<()> + Send + 'static {
    let runs = Arc::clone(runs);
    move |tx| {
        runs.fetch_add(1, Ordering::SeqCst);
        put(tx, "a")
    }
}

#[test]
fn a_commit_that_failed_on_the_disk_is_run_again_once_it_is_sure() {
    run_where_the_limit_is_not_fatal("a_disk_that_recovers");
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn a_disk_that_recovers() {
    on_engine(Engine::Sqlite, |app| async move {
        let store = store_with(&app, Duration::from_secs(30));
        write_row(&store, "before").await.expect("it is written");
        let runs = Arc::new(AtomicU32::new(0));
        let plug = Plug::hold(&store).await;
        let write = enqueue(&store, counted(&runs));
        limit_files(Some(&app));
        plug.release().await;
        // Whoever comes while the writer looks for the lost COMMIT is told at once; one may still have joined its group.
        loop {
            let asking = store.write("test.ask", "k", |tx: &mut Tx<'_>| {
                tx.wrote_nothing();
                Ok::<(), diesel::result::Error>(())
            });
            match tokio::time::timeout(Duration::from_millis(500), asking).await {
                Ok(Err(WriteError::NotWritten(_))) => break,
                Ok(other) => assert!(runs.load(Ordering::SeqCst) == 0, "the disk is broken, and yet: {other:?}"),
                Err(_joined) => {}
            }
        }
        limit_files(None);
        write.await.expect("it is run again");
        assert_eq!(runs.load(Ordering::SeqCst), 2, "run again once, after it was sure");
        assert!(is_there(&app.url, "a") && is_there(&app.url, "before"));
    });
}

#[test]
fn a_commit_on_a_disk_that_stays_broken_is_answered_unknown() {
    run_where_the_limit_is_not_fatal("a_disk_that_stays_broken");
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn a_disk_that_stays_broken() {
    on_engine(Engine::Sqlite, |app| async move {
        let store = store_with(&app, Duration::from_millis(300));
        write_row(&store, "before").await.expect("it is written");
        let runs = Arc::new(AtomicU32::new(0));
        limit_files(Some(&app));
        let answer = store.write("test.counted", "k", counted(&runs)).await;
        assert!(matches!(answer, Err(WriteError::Unknown)), "{answer:?}");
        assert_eq!(runs.load(Ordering::SeqCst), 1, "never a blind rerun");
        limit_files(None);
        let recovered = async { while write_row(&store, "later").await.is_err() {} };
        tokio::time::timeout(Duration::from_secs(5), recovered).await.expect("it recovers by itself");
        assert!(is_there(&app.url, "later") && is_there(&app.url, "before") && !is_there(&app.url, "a"));
    });
}
