//! `throughline config check` and `throughline health-check`: what they say, and how they exit.

use std::process::Output;

use serde_json::Value;

use crate::commands::{free_port, program, serving};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_first_look_at_nothing_makes_nothing_and_finds_nothing_wrong() {
    let folder = folder();
    let output = program(folder.path()).args(["config", "check"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(told(&output).contains("data/throughline.db will be made at the first start"), "{}", told(&output));
    assert!(!folder.path().join("data").exists(), "it only looks");
}

#[test]
fn what_will_not_work_is_named_and_no_secret_is_printed() {
    let folder = folder();
    let mut command = program(folder.path());
    command.args(["config", "check", "--json"]).env("DATABASE_URL", "postgres://desk:pa55word@127.0.0.1:1/desk");
    command.env("THROUGHLINE_CRON_SECRET", "pa55word-of-cron").env("THROUGHLINE_PUBLIC_URL", "http://desk.example.com");
    let output = command.output().expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    let said = told(&output);
    assert!(!said.contains("pa55word"), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    let findings: Vec<(&str, &str)> = report["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|finding| (finding["weight"].as_str().expect("a weight"), finding["setting"].as_str().expect("a key")))
        .collect();
    for expected in [("failure", "THROUGHLINE_ENCRYPTION_KEY"), ("failure", "DATABASE_URL"), ("warning", "THROUGHLINE_PUBLIC_URL")] {
        assert!(findings.contains(&expected), "{expected:?} in {findings:?}");
    }
    let secret = report["settings"].as_array().expect("a list").iter().find(|setting| setting["key"] == "THROUGHLINE_CRON_SECRET");
    assert_eq!(secret.map(|setting| &setting["shown"]), Some(&Value::from("set")));
}

#[test]
fn mistakes_are_findings_too() {
    let folder = folder();
    let output = program(folder.path()).args(["config", "check"]).env("THROUGHLINE_ZONE", "Mars/Olympus").output().expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(told(&output).contains("FAILS  THROUGHLINE_ZONE is not a time zone"), "{}", told(&output));
}

#[test]
fn health_check_asks_who_serves_and_exits_by_the_answer() {
    let folder = folder();
    let port = free_port().to_string();
    let settings = [("ROCKET_PORT", port.as_str()), ("THROUGHLINE_HEALTH_TOKEN", "the-health-token")];
    let check = |arguments: &[&str], settings: &[(&str, &str)]| {
        let mut command = program(folder.path());
        command.arg("health-check").args(arguments).envs(settings.iter().copied()).output().expect("it runs")
    };
    let nobody = check(&[], &settings);
    assert_eq!(nobody.status.code(), Some(2));
    assert!(told(&nobody).contains("nothing answers at http://127.0.0.1:"), "{}", told(&nobody));

    let _running = serving(folder.path(), &settings);
    let ready = check(&["--ready"], &settings);
    assert_eq!((ready.status.code(), told(&ready).trim()), (Some(0), "ready"));
    let all = check(&[], &settings);
    assert_eq!(all.status.code(), Some(2), "Zoho is not connected: {}", told(&all));
    for words in
        ["fail: Nobody has connected Zoho CRM yet.", "  fail  zoho-crm:connection: ", "  pass  database:answers: ", "1. Connect Zoho CRM"]
    {
        assert!(told(&all).contains(words), "{words} in {}", told(&all));
    }
    let without = check(&[], &settings[..1]);
    assert!(told(&without).starts_with("fail: set THROUGHLINE_HEALTH_TOKEN"), "{}", told(&without));
    let wrong = check(&[], &[settings[0], ("THROUGHLINE_HEALTH_TOKEN", "another-token")]);
    assert!(told(&wrong).contains("This is not the health token"), "{}", told(&wrong));
    let json: Value = serde_json::from_slice(&check(&["--json"], &settings).stdout).expect("the report as it came");
    assert_eq!(json["status"], "fail");

    let looked = program(folder.path()).args(["config", "check"]).output().expect("it runs beside serve");
    assert_eq!(looked.status.code(), Some(1), "{}", told(&looked));
    for words in
        ["answers with the current schema", "The key is the one that sealed", "warns  DATABASE_URL has no connection to Zoho CRM yet"]
    {
        assert!(told(&looked).contains(words), "{words} in {}", told(&looked));
    }
    std::fs::remove_file(folder.path().join("data/secret.key")).expect("the key is there");
    let looked = program(folder.path()).args(["config", "check"]).output().expect("it runs");
    assert_eq!(looked.status.code(), Some(2));
    assert!(
        told(&looked).contains("FAILS  THROUGHLINE_ENCRYPTION_KEY the key that sealed this database's tokens is missing"),
        "{}",
        told(&looked)
    );
}
