//! The migrations make what schema.rs says, on both engines, up, down and up again.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use throughline::db::migrate::{SchemaState, ensure_current, migrate, state, unmigrate};
use throughline::db::{Conn, Engine};

use super::rows::second_connection;
use crate::harness::{both_engines, on_engine};

/// `table.column` -> its type in Diesel's words.
type Columns = BTreeMap<String, String>;

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Bool)]
    nullable: bool,
}

fn in_schema_file() -> Columns {
    let mut table = String::new();
    let mut columns = Columns::new();
    for line in include_str!("../../../src/db/schema.rs").lines() {
        if let Some((name, _)) = line.trim().split_once(" (").filter(|_| line.ends_with(") {")) {
            name.clone_into(&mut table);
        } else if let Some((column, kind)) = line.trim().split_once(" -> ") {
            columns.insert(format!("{table}.{column}"), kind.trim_end_matches(',').to_owned());
        }
    }
    columns
}

fn in_database(conn: &mut Conn) -> Columns {
    let sql = match conn.engine() {
        Engine::Sqlite => {
            "SELECT m.name || '.' || c.name AS name, c.type AS kind, (c.\"notnull\" = 0 AND c.pk = 0) AS nullable \
             FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE '\\_\\_%' ESCAPE '\\' AND m.name NOT LIKE 'sqlite%'"
        }
        Engine::Postgres => {
            "SELECT table_name || '.' || column_name AS name, data_type::text AS kind, is_nullable = 'YES' AS nullable \
             FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_%'"
        }
    };
    let found: Vec<Found> = diesel::sql_query(sql).load(conn).expect("the database tells");
    found.into_iter().map(|column| (column.name.clone(), in_diesels_words(&column))).collect()
}

fn in_diesels_words(column: &Found) -> String {
    let kind = match column.kind.to_lowercase().as_str() {
        "integer" | "bigint" => "BigInt",
        "text" => "Text",
        "boolean" => "Bool",
        "blob" | "bytea" => "Binary",
        "double" | "double precision" => "Double",
        "timestamp" | "timestamp without time zone" => "Timestamp",
        other => panic!("{} is {other}, which schema.rs has no word for", column.name),
    };
    if column.nullable { format!("Nullable<{kind}>") } else { kind.to_owned() }
}

both_engines! {
    async fn the_migrations_make_what_schema_rs_says(app: TestApp) {
        assert_eq!(in_database(&mut second_connection(&app.url)), in_schema_file());
    }

    async fn up_down_and_up_again(app: TestApp) {
        let url = app.empty_database();
        let count = migrate(&url).expect("up");
        assert!(count > 0);
        assert_eq!(migrate(&url).expect("again: nothing to do"), 0);
        unmigrate(&url).expect("down");
        assert_eq!(in_database(&mut second_connection(&url)), Columns::new());
        assert_eq!(migrate(&url).expect("up again"), count);
        assert_eq!(in_database(&mut second_connection(&url)), in_schema_file());
    }

    async fn several_that_migrate_at_once_take_turns(app: TestApp) {
        let url = app.empty_database();
        let all: Vec<_> = (0..4).map(|_| { let url = url.clone(); std::thread::spawn(move || migrate(&url)) }).collect();
        let counts: Vec<usize> = all.into_iter().map(|one| one.join().expect("no panic").expect("it goes well")).collect();
        assert_eq!(counts.iter().filter(|count| **count > 0).count(), 1, "one of them applied everything: {counts:?}");
    }

    async fn a_newer_schema_is_refused_and_left_alone(app: TestApp) {
        let future = "INSERT INTO __diesel_schema_migrations (version, run_on) VALUES ('29991231000000', CURRENT_TIMESTAMP)";
        second_connection(&app.url).batch_execute(future).expect("it is written");
        for refusal in [ensure_current(&app.url).map(drop), migrate(&app.url).map(drop)] {
            let words = refusal.expect_err("this program is too old").to_string();
            assert!(words.contains("newer schema") && words.contains("29991231000000"), "{words}");
        }
        let not_ready = app.store.readiness().await.expect_err("not with this schema");
        assert!(not_ready.contains("newer schema"), "{not_ready}");
    }

    async fn a_database_without_tables_is_behind(app: TestApp) {
        let url = app.empty_database();
        assert!(matches!(state(&mut second_connection(&url)), Ok(SchemaState::Behind(_))));
    }
}

#[test]
fn serve_brings_sqlite_up_to_date() {
    on_engine(Engine::Sqlite, |app| async move {
        let url = app.empty_database();
        ensure_current(&url).expect("it migrates");
        assert!(matches!(state(&mut second_connection(&url)), Ok(SchemaState::Current)));
    });
}

#[test]
fn serve_refuses_postgres_that_is_behind_and_names_the_remedy() {
    on_engine(Engine::Postgres, |app| async move {
        let url = app.empty_database();
        let words = ensure_current(&url).expect_err("it is behind").to_string();
        assert!(words.contains("throughline migrate"), "{words}");
        assert!(matches!(state(&mut second_connection(&url)), Ok(SchemaState::Behind(_))), "it was left alone");
    });
}
