//! A throw-away PostgreSQL that the test run starts itself (scripts/with-postgres). It ends with the process that started it,
//! however that ends: the script holds the other end of a pipe and takes the server away when the pipe closes.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use diesel::connection::{Connection, SimpleConnection};
use diesel::pg::PgConnection;

/// A running server on which tests make their databases.
pub struct Cluster {
    /// `postgres://throughline@127.0.0.1:PORT`, without a database.
    server: String,
    /// Its standard input is the pipe; None where the server was given.
    _script: Option<Child>,
}

const MISSING: &str = "PostgreSQL is needed for this test: install it (apt-get install postgresql), let THROUGHLINE_TEST_POSTGRES \
                       name a server, or set THROUGHLINE_TEST_ENGINES=sqlite to leave these tests out";

impl Cluster {
    /// The server of this test run; started by the first test that asks.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| match given_server() {
            Some(server) => Self { server, _script: None },
            None => Self::start(),
        })
    }

    fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port();
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/with-postgres"));
        // `cat` ends when our end of the pipe is gone, and the script then takes the server away.
        command.args(["--port", &port.to_string(), "cat"]).stdin(Stdio::piped()).stdout(Stdio::null());
        // A group of its own: an interrupt at the terminal must not end it before the tests.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut script = command.spawn().expect(MISSING);
        let server = format!("postgres://throughline@127.0.0.1:{port}");
        for _ in 0..600 {
            if PgConnection::establish(&format!("{server}/postgres")).is_ok() {
                return Self { server, _script: Some(script) };
            }
            assert!(matches!(script.try_wait(), Ok(None)), "{MISSING}");
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("PostgreSQL did not start within 30 s; scripts/with-postgres true says why");
    }

    /// The URL of a database on this server.
    pub fn url(&self, database: &str) -> String {
        match self.server.split_once('?') {
            Some((server, query)) => format!("{server}/{database}?{query}"),
            None => format!("{}/{database}", self.server),
        }
    }

    /// Makes an empty database and tells its URL.
    pub fn create_database(&self, name: &str) -> String {
        self.execute(&format!("CREATE DATABASE {name}"));
        self.url(name)
    }

    /// Takes a database away, whoever is still connected.
    pub fn drop_database(&self, name: &str) {
        if let Ok(mut conn) = PgConnection::establish(&self.url("postgres")) {
            let _throw_away_anyway = conn.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }

    /// Runs a statement as the server's owner.
    pub fn execute(&self, sql: &str) {
        let mut conn = PgConnection::establish(&self.url("postgres")).expect("the test's PostgreSQL answers");
        conn.batch_execute(sql).expect("the statement works");
    }
}

#[expect(clippy::disallowed_methods, reason = "the harness, not the program, reads this")]
fn given_server() -> Option<String> {
    std::env::var("THROUGHLINE_TEST_POSTGRES").ok().filter(|server| !server.is_empty())
}
