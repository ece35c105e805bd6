//! What is kept for installing: each file names things that are there, and the rules of thumb for images and units hold.

use std::fs;
use std::path::PathBuf;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|cause| panic!("{path}: {cause}"))
}

/// The instructions of a Dockerfile, lines that go on put together, comments left out.
fn instructions(text: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    let joined = lines.join("\n").replace("\\\n", " ");
    let parts = joined.lines().filter_map(|line| line.trim().split_once(char::is_whitespace));
    parts.map(|(word, rest)| (word.to_uppercase(), rest.split_whitespace().collect::<Vec<_>>().join(" "))).collect()
}

/// What is wrong with a Dockerfile.
fn faults(text: &str) -> Vec<String> {
    let all = instructions(text);
    let of = |word: &str| all.iter().filter(|(name, _)| name == word).map(|(_, rest)| rest.clone()).collect::<Vec<_>>();
    let mut found = Vec::new();
    for base in of("FROM") {
        let image = base.split_whitespace().next().unwrap_or_default();
        let tag = image.rsplit_once(':').map_or("", |(_, tag)| tag);
        if tag.is_empty() || tag == "latest" || !tag.starts_with(|c: char| c.is_ascii_digit()) {
            found.push(format!("the base {image} is not pinned to a version"));
        }
    }
    if !of("ADD").is_empty() {
        found.push("ADD fetches and unpacks what it is given: COPY does not".into());
    }
    for run in of("RUN").iter().filter(|run| run.contains("apt-get install")) {
        if !run.contains("--no-install-recommends") || !run.contains("rm -rf /var/lib/apt/lists") || !run.contains("apt-get update") {
            found.push(format!("apt-get leaves something behind: {run}"));
        }
    }
    let last_stage = all.iter().rposition(|(name, _)| name == "FROM").map_or(&all[..], |from| &all[from..]);
    let user = last_stage.iter().rfind(|(name, _)| name == "USER").map_or("root", |(_, user)| user);
    if user.starts_with("root") || user.starts_with("0") {
        found.push("it runs as root".into());
    }
    for (word, name) in [("HEALTHCHECK", "a health check"), ("ENTRYPOINT", "what to run")] {
        let is_array = last_stage.iter().any(|(own, rest)| own == word && rest.contains('['));
        if !is_array {
            found.push(format!("it does not say {name}, as a list of words"));
        }
    }
    found
}

#[test]
fn the_image_is_pinned_small_and_not_roots() {
    assert_eq!(faults(&read("deploy/Dockerfile")), Vec::<String>::new());
}

#[test]
fn a_careless_image_is_found_out() {
    let careless = "FROM debian\nADD https://example.com/x /x\nRUN apt-get update && apt-get install -y curl\nCMD serve\n";
    assert_eq!(faults(careless).len(), 6, "{:?}", faults(careless));
}

#[test]
fn what_the_image_copies_is_there_and_let_through() {
    let let_through = read(".dockerignore");
    for (_, what) in instructions(&read("deploy/Dockerfile")).iter().filter(|(word, what)| word == "COPY" && !what.starts_with("--from")) {
        let mut words: Vec<&str> = what.split_whitespace().collect();
        words.pop();
        for source in words {
            assert!(root().join(source).exists(), "COPY {source}: it is not there");
            assert!(let_through.lines().any(|line| line == format!("!{source}")), ".dockerignore keeps {source} out");
        }
    }
    // A folder of sources that is left out would break the build where nobody sees it.
    let embedded = read("src/db/migrate.rs") + &read("src/web/assets.rs");
    for folder in ["migrations", "static"] {
        assert!(embedded.contains(folder) && let_through.contains(&format!("!{folder}")));
    }
}

#[test]
fn the_unit_ends_it_in_order_and_gives_it_little() {
    let unit = read("deploy/throughline.service");
    for line in [
        "ExecStart=/usr/local/bin/throughline serve",
        "TimeoutStopSec=25",
        "UMask=0077",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "CapabilityBoundingSet=",
        "StateDirectory=throughline",
        "SystemCallFilter=@system-service",
    ] {
        assert!(unit.lines().any(|own| own == line), "{line} is missing");
    }
}

#[test]
fn every_proxy_hands_on_the_caller_streams_live_pages_and_keeps_metrics_in() {
    for (file, streams) in
        [("nginx.conf", "proxy_buffering off"), ("apache.conf", "flushpackets=on"), ("Caddyfile", "passes streams through")]
    {
        let text = read(&format!("deploy/{file}"));
        for words in ["127.0.0.1:8000", "X-Forwarded-For", "THROUGHLINE_TRUSTED_PROXIES", "/metrics", streams] {
            assert!(text.contains(words), "deploy/{file}: {words} is missing");
        }
    }
}
