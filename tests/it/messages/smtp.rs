//! The real client against a real SMTP server (aiosmtpd, tests/smtp/server.py): encryption, sign-in, and each way in which a
//! mail can fail. `scripts/smtp-test` installs the server and runs these.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;
use throughline::accounts::NewLeadMails;
use throughline::config::{Config, Sources};
use throughline::integrations::{FailureClass, smtp};
use throughline::mail::{Letter, Mail, MailParts, Mailer, Party, Stage, Why};
use throughline::outbox::{JobRow, JobState};
use throughline::sandbox::Options;

use super::reader;
use crate::harness::{TestApp, Whole, both_engines};

/// As it stands in the URL.
const LOGIN: &str = "desk%40example.com:p%2Fss%20w%3Ard%23";

/// The server, for as long as this lives.
struct RealServer {
    child: Child,
    lines: Receiver<Value>,
    told: Value,
}

impl RealServer {
    fn start() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = python();
        assert!(python.exists(), "{} is not there: run scripts/smtp-test, which installs the server these tests need", python.display());
        let mut child = Command::new(python)
            .arg(root.join("tests/smtp/server.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let printed = child.stdout.take().expect("it prints");
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(printed).lines().map_while(Result::ok) {
                let Ok(told) = serde_json::from_str(&line) else { continue };
                if send.send(told).is_err() {
                    return;
                }
            }
        });
        let told = lines.recv_timeout(Duration::from_secs(30)).expect("it listens");
        Self { child, lines, told }
    }

    fn port(&self, door: &str) -> i64 {
        self.told[door].as_i64().expect("a port")
    }

    /// Its encrypted door, with the login given.
    fn starttls(&self, login: &str) -> String {
        format!("smtp://{login}@127.0.0.1:{}?ca={}", self.port("starttls"), self.told["ca"].as_str().expect("a path"))
    }

    /// The next mail it took.
    fn taken(&self) -> Value {
        self.lines.recv_timeout(Duration::from_secs(10)).expect("it took a mail")
    }

    fn took_nothing_more(&self) {
        assert!(self.lines.try_recv().is_err());
    }
}

impl Drop for RealServer {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _it_is_over = self.child.wait();
    }
}

/// Where scripts/smtp-test has put it.
#[expect(clippy::disallowed_methods, reason = "the harness, not the program, reads this")]
fn python() -> PathBuf {
    match std::env::var("THROUGHLINE_TEST_SMTP_PYTHON") {
        Ok(path) => path.into(),
        Err(_) => Path::new(env!("CARGO_MANIFEST_DIR")).join("target/smtp-test/bin/python"),
    }
}

fn config(url: &str) -> Config {
    let sources = Sources::given([("THROUGHLINE_SMTP_URL", url), ("THROUGHLINE_MAIL_FROM", "Bäckerei <desk@example.com>")]);
    Config::load(&sources).expect("the settings are right")
}

fn mail(config: &Config, to: &str) -> Mail {
    let letter = Letter {
        language: "ar".into(),
        subject: "عميل جديد".into(),
        heading: "سارة".into(),
        paragraphs: vec!["Two lines\n.and a dot alone:\n.\nthe end".into()],
        sections: Vec::new(),
        action: None,
        footer: Vec::new(),
    };
    let to = Party { name: Some("Noor, of the desk".into()), address: to.into() };
    let from = &config.mail.as_ref().expect("mail is on").from;
    let date = throughline::clock::UtcTime::default();
    let parts =
        MailParts { from, to: &to, reply_to: None, key: "key", date, why: Why::Notice, list: None, stop_url: None, letter: &letter };
    Mail::new(&parts).expect("a message")
}

async fn sent(url: &str, to: &str) -> smtp::Sent {
    let config = config(url);
    smtp::send(&Mailer::of(&config), &mail(&config, to)).await
}

#[tokio::test]
#[ignore = "scripts/smtp-test installs the server it needs"]
async fn real_smtp_mails_go_encrypted_signed_in_and_whole_over_one_connection() {
    let server = RealServer::start();
    let config = config(&server.starttls(LOGIN));
    let mailer = Mailer::of(&config);
    for _ in 0..2 {
        let accepted = mailer.send(&mail(&config, "noor@example.com")).await.expect("it is taken");
        assert_eq!(accepted.answer, "250 2.0.0 OK: queued");
    }
    let (first, second) = (server.taken(), server.taken());
    assert_eq!((&first["tls"], &first["signed_in"], &first["to"][0]), (&Value::Bool(true), &Value::Bool(true), &"noor@example.com".into()));
    assert_eq!(first["session"], second["session"], "the connection was used again");
    let parsed = throughline::sandbox::SunkMail {
        id: 1,
        at: throughline::clock::UtcTime::default(),
        from: String::new(),
        to: Vec::new(),
        bytes: first["content"].as_str().expect("text").as_bytes().to_vec(),
    };
    assert_eq!((parsed.subject().as_str(), parsed.header("Message-ID").as_str()), ("عميل جديد", "<key@example.com>"));
    assert!(parsed.text().replace("\r\n", "\n").contains("Two lines\n.and a dot alone:\n.\nthe end"), "{}", parsed.text());

    let implicit = format!("smtps://{LOGIN}@127.0.0.1:{}?ca={}", server.port("tls"), server.told["ca"].as_str().expect("a path"));
    sent(&implicit, "noor@example.com").await.result.expect("TLS from the first byte");
    assert_eq!(server.taken()["tls"], true);
    sent(&format!("smtp://127.0.0.1:{}?tls=none", server.port("plain")), "noor@example.com")
        .await
        .result
        .expect("in the clear on loopback");
}

#[tokio::test]
#[ignore = "scripts/smtp-test installs the server it needs"]
async fn real_smtp_a_stranger_server_or_one_without_encryption_gets_nothing() {
    let server = RealServer::start();
    let untrusted = format!("smtp://{LOGIN}@127.0.0.1:{}", server.port("starttls"));
    let unencrypted = format!("smtp://{LOGIN}@127.0.0.1:{}", server.port("plain"));
    for (url, words) in [(untrusted, "certificate"), (unencrypted, "STARTTLS"), ("smtp://127.0.0.1:1".into(), "cannot be reached")] {
        let failure = sent(&url, "noor@example.com").await.result.expect_err(&url);
        assert_eq!((failure.class, failure.effect_unknown), (FailureClass::Network, false));
        assert!(failure.message.contains(words), "{failure}");
    }
    let refused = sent(&server.starttls("desk%40example.com:wrong"), "noor@example.com").await.result.expect_err("a wrong password");
    assert_eq!(refused.class, FailureClass::Authentication);
    assert!(refused.message.contains("refuses our user name or password") && refused.message.contains("[535]"), "{refused}");
    server.took_nothing_more();
}

#[tokio::test]
#[ignore = "scripts/smtp-test installs the server it needs"]
async fn real_smtp_each_answer_is_understood() {
    let server = RealServer::start();
    let url = server.starttls(LOGIN);
    let gone = sent(&url, "gone@example.com").await;
    let failure = gone.result.expect_err("no such user");
    assert_eq!((failure.class, failure.of_record, gone.exchange.status), (FailureClass::Validation, true, Some(550)));
    assert!(failure.message.contains("no such user here"), "{failure}");
    let later = sent(&url, "later@example.com").await.result.expect_err("greylisted");
    assert_eq!((later.class, later.of_record, later.effect_unknown), (FailureClass::ServerError, true, false));
    sent(&url, "later@example.com").await.result.expect("taken the second time");
    assert_eq!(server.taken()["to"][0], "later@example.com");
    let config = config(&url);
    let cut = Mailer::of(&config).send(&mail(&config, "cut@example.com")).await.expect_err("cut off");
    assert_eq!((cut.stage, cut.answer), (Stage::Sent, None));
    assert_eq!(server.taken()["to"][0], "cut@example.com", "and yet it was taken");
}

/// The whole program with the real client.
async fn through(app: &TestApp, server: &RealServer) -> Whole {
    let url = server.starttls(LOGIN);
    let whole = app.whole_with(Options::default(), &[("THROUGHLINE_SMTP_URL", &url), ("THROUGHLINE_MAIL_FROM", "desk@example.com")]).await;
    whole.connect_zoho().await;
    let mailer = Mailer::of(&whole.app.config);
    whole.with_mailer(mailer)
}

async fn sending(whole: &Whole) -> JobRow {
    use diesel::prelude::*;
    use throughline::db::schema::jobs;
    whole
        .ask(|conn| jobs::table.filter(jobs::kind.eq("messages.send")).order(jobs::id.desc()).select(JobRow::as_select()).first(conn))
        .await
}

both_engines! {
    #[ignore = "scripts/smtp-test installs the server it needs"]
    async fn real_smtp_staff_is_told_through_greylisting_and_a_cut_connection(app: TestApp) {
        let server = RealServer::start();
        let whole = through(&app, &server).await;
        for name in ["later", "cut", "gone"] {
            reader(&whole, name, NewLeadMails::AtOnce, "08:00").await;
        }
        whole.post_lead("Ada", "ada@example.net").await;
        whole.run_until_idle().await;
        let cut = server.taken();
        app.clock.advance(Duration::from_secs(70));
        whole.run_until_idle().await;
        let (mut again, mut later) = (server.taken(), server.taken());
        if again["to"][0] == "later@desk.example" {
            std::mem::swap(&mut again, &mut later);
        }
        assert_eq!((&cut["to"][0], &later["to"][0]), (&"cut@desk.example".into(), &"later@desk.example".into()));
        assert_eq!(cut["content"].as_str().map(head), again["content"].as_str().map(head), "sent again under the same Message-ID and Date");
        server.took_nothing_more();
        let states: Vec<JobState> = whole.ask(|conn| {
            use diesel::prelude::*;
            use throughline::db::schema::jobs;
            jobs::table.filter(jobs::kind.eq("messages.send")).order(jobs::state).select(jobs::state).load(conn)
        }).await;
        assert_eq!(states, [JobState::Dead, JobState::Succeeded, JobState::Succeeded]);
        assert!(sending(&whole).await.attempts <= 1);
    }
}

/// The headers but for the boundary between the parts, which is drawn anew.
fn head(content: &str) -> Vec<&str> {
    content.split("\r\n\r\n").next().unwrap_or_default().lines().filter(|line| !line.contains("boundary")).collect()
}
