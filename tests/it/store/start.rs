//! What is wrong at the start is said in a sentence that names the remedy, and nothing is changed.

use diesel::connection::SimpleConnection;
use throughline::clock::Clock;
use throughline::db::{Engine, Store, StoreOptions, migrate};

use super::rows::second_connection;
use crate::harness::on_engine;

fn refusal(url: &str) -> String {
    let mut options = StoreOptions::new(url, Clock::machine());
    options.setup_sql = url.starts_with("sqlite").then(|| "PRAGMA busy_timeout = 20".into());
    format!("{:#}", Store::open_with(options).err().expect("it cannot be opened"))
}

#[test]
fn a_database_locked_by_another_program() {
    on_engine(Engine::Sqlite, |app| async move {
        let mut other = second_connection(&app.url);
        other.batch_execute("BEGIN IMMEDIATE").expect("the lock is free");
        let words = refusal(&app.url);
        assert!(words.contains("locked by another program") && words.contains("throughline.db"), "{words}");
        other.batch_execute("ROLLBACK").expect("it ends");
        Store::open(&app.url).expect("now it opens");
    });
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("letter.txt");
    let text = "Dear Ada, ".repeat(1000);
    std::fs::write(&file, &text).expect("it is written");
    let url = format!("sqlite:{}", file.display());
    assert!(refusal(&url).contains("not an intact SQLite database"), "{}", refusal(&url));
    migrate::ensure_current(&url).expect_err("nor is it migrated");
    assert_eq!(std::fs::read_to_string(&file).expect("it is there"), text);
}

#[test]
fn a_place_that_cannot_be_written() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("file"), "").expect("it is written");
    let under_a_file = format!("sqlite:{}/file/throughline.db", folder.path().display());
    assert!(refusal(&under_a_file).contains("cannot be made"), "{}", refusal(&under_a_file));
    let a_folder = format!("sqlite:{}", folder.path().display());
    assert!(refusal(&a_folder).contains("cannot be opened"), "{}", refusal(&a_folder));
}

#[test]
fn postgres_that_is_not_there() {
    let words = refusal("postgres://someone:secret@127.0.0.1:1/nothing");
    assert!(words.contains("cannot be reached") && words.contains("DATABASE_URL") && !words.contains("secret"), "{words}");
}

#[test]
fn tls_without_the_feature_is_refused_by_name() {
    if !cfg!(feature = "postgres-tls") {
        assert!(refusal("postgres://h/db?sslmode=require").contains("--features postgres-tls"));
    }
}
