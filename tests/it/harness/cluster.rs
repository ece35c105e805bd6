//! A throw-away PostgreSQL that the test run starts itself. It ends with the process that started it, however that ends:
//! a shell holds our end of a pipe and shuts the server down when the pipe closes.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use diesel::connection::{Connection, SimpleConnection};
use diesel::pg::PgConnection;

/// A running server on which tests make their databases.
pub struct Cluster {
    /// `postgres://throughline@127.0.0.1:PORT`, without a database.
    server: String,
    /// Its standard input is the pipe; None where the script runs the server.
    _shell: Option<Child>,
}

const MISSING: &str = "PostgreSQL is needed for this test: install it (apt-get install postgresql), let THROUGHLINE_TEST_POSTGRES \
                       name a server, or set THROUGHLINE_TEST_ENGINES=sqlite to leave these tests out";

/// Makes the data folder, runs the server, and ends it when standard input closes. fsync stays on, as in production.
const SHELL: &str = r#"
"$BIN/initdb" -D "$DATA" -U throughline --auth=trust -E UTF8 --locale=C --no-instructions >"$DATA.log" 2>&1 || exit 1
"$BIN/postgres" -D "$DATA" -p "$PORT" -c listen_addresses=127.0.0.1 -c unix_socket_directories="$DATA" \
    -c max_connections=300 -c shared_buffers=64MB >>"$DATA.log" 2>&1 </dev/null &
SERVER=$!
cat >/dev/null
kill -INT $SERVER
wait $SERVER
rm -rf "$DATA" "$DATA.log"
"#;

impl Cluster {
    /// The server of this test run; started by the first test that asks.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| match given_server() {
            Some(server) => Self { server, _shell: None },
            None => Self::start(),
        })
    }

    /// Starts a server of its own, for a test that stops it or turns its screws.
    pub fn start() -> Self {
        let bin = newest_bin().expect(MISSING);
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port();
        let data = std::env::temp_dir().join(format!("throughline-test-pg-{}-{port}", std::process::id()));
        let mut command = as_ordinary_user();
        command.arg("sh").arg("-c").arg(SHELL).env("BIN", &bin).env("DATA", &data).env("PORT", port.to_string());
        // A group of its own: an interrupt at the terminal must not end it before the tests.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let shell = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a shell starts");
        let cluster = Self { server: format!("postgres://throughline@127.0.0.1:{port}"), _shell: Some(shell) };
        cluster.wait_until_up(&data);
        cluster
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

    fn wait_until_up(&self, data: &Path) {
        for _ in 0..600 {
            if PgConnection::establish(&self.url("postgres")).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let mut log = data.as_os_str().to_owned();
        log.push(".log");
        panic!("PostgreSQL did not start: {}", std::fs::read_to_string(log).unwrap_or_else(|cause| cause.to_string()));
    }
}

#[expect(clippy::disallowed_methods, reason = "the harness, not the program, reads this")]
fn given_server() -> Option<String> {
    std::env::var("THROUGHLINE_TEST_POSTGRES").ok().filter(|server| !server.is_empty())
}

fn newest_bin() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|version| Some((version.file_name().to_str()?.parse().ok()?, version.path().join("bin"))))
        .filter(|(_, bin)| bin.join("initdb").exists())
        .collect();
    found.sort();
    found.pop().map(|(_, bin)| bin)
}

/// PostgreSQL refuses to run as root.
fn as_ordinary_user() -> Command {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|about| std::os::unix::fs::MetadataExt::uid(&about) == 0);
    if !is_root {
        return Command::new("env");
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let user = if users.lines().any(|line| line.starts_with("postgres:")) { "postgres" } else { "nobody" };
    let mut command = Command::new("runuser");
    command.args(["-u", user, "--"]).current_dir("/tmp");
    command
}
