//! The real binary from outside: what it refuses at start, with what words, and that it leaves the data alone.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER_KEY: &str = "//79/Pv6+fj39vX08/Lx8O/u7ezr6uno5+bl5OPi4eA=";

pub fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
    command.env_clear().env("PATH", "/usr/bin:/bin").current_dir(folder).stdin(Stdio::null());
    command.env("ROCKET_PORT", free_port().to_string());
    command
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port()
}

/// Runs `serve`, which must refuse; gives what it says.
fn refused(mut command: Command) -> String {
    let output = command.arg("serve").output().expect("the program starts");
    let said = said(&output);
    assert!(!output.status.success(), "it should have refused: {said}");
    said
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A program that is stopped when the test is over, however that ends.
pub struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _may_have_ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Starts `serve` and waits until it listens.
pub fn serving(folder: &Path, settings: &[(&str, &str)]) -> Running {
    let mut child = program(folder).arg("serve").envs(settings.iter().copied()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let mut lines = BufReader::new(child.stderr.take().expect("its log")).lines().map_while(Result::ok);
    let running = Running(child);
    let mut log = String::new();
    while let Some(line) = lines.next() {
        if line.contains("Listening on") {
            // Its log is read to the end, so that it can go on writing.
            std::thread::spawn(move || lines.count());
            return running;
        }
        log.push_str(&line);
    }
    panic!("it did not come up: {log}");
}

/// A body that begins and never ends: the program gives up on it by itself, and goes on taking leads.
#[test]
fn a_body_that_stalls_is_given_up_after_ten_seconds() {
    let folder = folder();
    let port = free_port().to_string();
    let _running = serving(folder.path(), &[("ROCKET_PORT", &port)]);
    let mut stalled = TcpStream::connect(format!("127.0.0.1:{port}")).expect("it listens");
    let head = "POST /api/store-lead HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n";
    stalled.write_all(format!("{head}{{\"name\": \"Ada Lovelace\", ").as_bytes()).expect("it takes the beginning");
    let mut answer = [0; 12];
    stalled.read_exact(&mut answer).expect("it answers without having read the end");
    assert_eq!(&answer, b"HTTP/1.1 408");
    let mut honest = TcpStream::connect(format!("127.0.0.1:{port}")).expect("it listens");
    let body = "name=Ada&phone=%2B442079460958";
    let head = "POST /api/store-lead HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 30\r\n\r\n";
    honest.write_all(format!("{head}{body}").as_bytes()).expect("it reads");
    honest.read_exact(&mut answer).expect("it answers");
    assert_eq!(&answer, b"HTTP/1.1 201");
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[test]
fn a_wrong_configuration_is_refused_with_every_mistake_named() {
    let folder = folder();
    let mut command = program(folder.path());
    command.env("THROUGHLINE_INTAKE_LIMIT", "lots").env("ZOHO_ACCOUNTS_URL", "zoho").env("THROUGHLINE_ENCRYPTION_KEY", "c2hvcnQ=");
    let said = refused(command);
    for key in ["THROUGHLINE_INTAKE_LIMIT", "ZOHO_ACCOUNTS_URL", "THROUGHLINE_ENCRYPTION_KEY", "for example"] {
        assert!(said.contains(key), "{key} is missing in: {said}");
    }
    assert!(!folder.path().join("data").exists(), "nothing was made");
}

#[test]
fn a_broken_configuration_file_is_named() {
    let folder = folder();
    std::fs::write(folder.path().join("Rocket.toml"), "[default\nport = ").expect("a file");
    let said = refused(program(folder.path()));
    assert!(said.contains("Rocket.toml"), "{said}");
}

#[test]
fn a_taken_port_is_named_with_the_way_out() {
    let folder = folder();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut command = program(folder.path());
    command.env("ROCKET_PORT", taken.local_addr().expect("its address").port().to_string());
    let said = refused(command);
    assert!(said.contains("cannot be listened on") && said.contains("ROCKET_PORT"), "{said}");
    assert!(!folder.path().join("data/throughline.db").exists(), "no database was made or changed");
}

#[test]
fn a_second_serve_on_the_same_sqlite_database_is_refused() {
    let folder = folder();
    let _first = serving(folder.path(), &[]);
    let said = refused(program(folder.path()));
    assert!(said.contains("throughline.db"), "{said}");
}

#[test]
fn another_key_than_the_one_that_sealed_the_tokens_is_refused() {
    let folder = folder();
    drop(serving(folder.path(), &[("THROUGHLINE_ENCRYPTION_KEY", KEY)]));
    let mut command = program(folder.path());
    command.env("THROUGHLINE_ENCRYPTION_KEY", OTHER_KEY);
    let said = refused(command);
    assert!(said.contains("not the key") && said.contains("THROUGHLINE_ENCRYPTION_KEY"), "{said}");
}

#[test]
fn a_newer_schema_than_the_program_is_refused_and_left_alone() {
    let folder = folder();
    drop(serving(folder.path(), &[]));
    let database = folder.path().join("data/throughline.db");
    let add = "INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231000000')";
    execute(&database, add);
    let said = refused(program(folder.path()));
    assert!(said.contains("newer"), "{said}");
}

fn execute(database: &Path, sql: &str) {
    use diesel::connection::{Connection, SimpleConnection};
    let mut conn = diesel::SqliteConnection::establish(&database.to_string_lossy()).expect("the database opens");
    conn.batch_execute(sql).expect("the statement works");
}

#[test]
fn split_roles_and_postgres_without_a_key_are_refused_by_name() {
    let folder = folder();
    let output = program(folder.path()).args(["serve", "--role", "web"]).output().expect("the program starts");
    assert!(!output.status.success() && said(&output).contains("PostgreSQL"), "{}", said(&output));
    let mut command = program(folder.path());
    command.env("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none");
    let said = refused(command);
    assert!(said.contains("127.0.0.1:1") || said.contains("127.0.0.1"), "{said}");
}

#[test]
fn users_are_made_from_the_command_line_and_a_weak_password_is_refused() {
    let folder = folder();
    let create = |password: &str| {
        let mut command = program(folder.path());
        command.args(["user", "create", "--email", "noor@example.com", "--role", "admin", "--password-stdin"]);
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        child.stdin.take().expect("its input").write_all(password.as_bytes()).expect("it reads");
        child.wait_with_output().expect("it ends")
    };
    let weak = create("short");
    assert!(!weak.status.success() && said(&weak).contains("noor@example.com"), "{}", said(&weak));
    assert!(create("a long and odd passphrase\n").status.success());
    let again = create("a long and odd passphrase\n");
    assert!(!again.status.success(), "an address is taken once");
}

#[test]
fn migrate_is_repeatable() {
    let folder = folder();
    for _ in 0..2 {
        let output = program(folder.path()).env("DATABASE_URL", "sqlite:m.db").arg("migrate").output().expect("the program starts");
        assert!(output.status.success(), "{}", said(&output));
    }
}
