//! What holds the code in shape: rows of modules that use only the rows above them, sizes, and who may name what.
//! Each rule is also shown to fail on a planted violation.

use std::fs;
use std::path::Path;

/// Modules by row (ARCHITECTURE.md, "Code layout"): each may use only rows above its own.
const ROWS: &[&[&str]] = &[
    &["clock", "config", "digest", "error", "line", "money", "random", "records", "vault"],
    &["db"],
    &["http", "mail", "web"],
    &["integrations"],
    &["app"],
    // Before the outbox: retrying and cancelling a job by hand is audited in the engine's own transaction.
    &["audit"],
    &["outbox"],
    &["accounts"],
    &["people", "seller"],
    &["saved_filters", "timeline"],
    &["catalog", "connections"],
    &["messages"],
    &["leads", "orders"],
    &["contacts", "imports"],
    &["offers", "suggestions"],
    &["inbox", "sync"],
    &["quality"],
    &["health", "lines", "mail_viewer", "outbox_viewer", "process_viewer", "retention", "schedule_viewer"],
    &["overview"],
    &["sandbox"],
    // The only places that know every feature.
    &["cli", "lib", "main", "scheduler"],
];

/// Uses that go against the rows, each with its reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[("error", "db", "what the store could not do becomes an outcome that a person sees")];

/// Names at the crate's root that are no modules, and the module they belong to.
const ROOT_NAMES: &[(&str, &str)] = &[
    ("hand_written_query", "db"),
    ("id_type", "db"),
    ("keyset_page", "db"),
    ("literal_condition", "db"),
    ("on_backend", "db"),
    ("text_enum", "db"),
    ("registry", "lib"),
    ("rocket", "lib"),
    ("schedules", "lib"),
];

const FILE_LINES_MAX: usize = 400;
const TEST_FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 60;
const PARAMETERS_MAX: usize = 5;

/// A file, by its path from the project's root.
struct Source {
    path: String,
    text: String,
    is_test: bool,
}

impl Source {
    fn planted(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.into(), is_test: path.starts_with("tests/") }
    }

    /// `src/leads/queries.rs` belongs to `leads`.
    fn module(&self) -> &str {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs")
    }

    fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The program's part: without unit tests and comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let program = self.text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
        let lines = program.lines().enumerate().map(|(place, line)| (place + 1, line.split("//").next().unwrap_or_default()));
        lines.filter(|_| !self.is_test)
    }
}

fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut found, mut folders) = (Vec::new(), vec![root.join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the folder is there").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).expect("source is text");
                let path = path.strip_prefix(root).expect("under the root").display().to_string();
                found.push(Source { is_test: path.starts_with("tests/"), path, text });
            }
        }
    }
    let tests: Vec<String> = found.iter().flat_map(test_modules).collect();
    for source in &mut found {
        source.is_test |= tests.contains(&source.path) || source.path.ends_with("_tests.rs");
    }
    assert!(!found.is_empty(), "{folder} has no sources");
    found
}

/// The files of the modules that a file declares for its tests alone.
fn test_modules(parent: &Source) -> Vec<String> {
    let folder = parent.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let declared = parent.text.split("#[cfg(test)]\n").skip(1).filter_map(|rest| rest.strip_prefix("mod ")?.split_once(";\n"));
    declared.filter(|(name, _)| !name.contains(' ')).map(|(name, _)| format!("{folder}/{name}.rs")).collect()
}

fn row(module: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&module))
}

/// The modules that a line names after `crate::` (or, in the binary, `throughline::`).
fn named_modules(line: &str) -> Vec<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut names = Vec::new();
    for prefix in ["crate::", "throughline::"] {
        for (place, _) in line.match_indices(prefix) {
            if line[..place].ends_with('$') || line[..place].ends_with(is_part) {
                continue;
            }
            let rest = &line[place + prefix.len()..];
            match rest.strip_prefix('{') {
                Some(list) => names.extend(
                    list.split('}').next().unwrap_or(list).split(',').map(|name| name.trim().split("::").next().unwrap_or_default()),
                ),
                None => names.extend(rest.split(|c| !is_part(c)).next()),
            }
        }
    }
    names.retain(|name| name.starts_with(|c: char| c.is_ascii_lowercase()));
    names.into_iter().map(|name| ROOT_NAMES.iter().find(|(own, _)| *own == name).map_or(name, |(_, module)| module)).collect()
}

fn against_the_rows(source: &Source) -> Vec<String> {
    let module = source.module();
    let Some(own) = row(module) else { return vec![format!("{}: give `{module}` a row in tests/architecture.rs", source.path)] };
    let mut found = Vec::new();
    for (number, line) in source.code() {
        for named in named_modules(line).into_iter().filter(|named| *named != module) {
            // The first and the last row hold single files, which may know each other.
            let is_loose = own == 0 || own + 1 == ROWS.len();
            let allowed = row(named).is_some_and(|theirs| theirs < own || is_loose && theirs == own);
            if !allowed && !EXCEPTIONS.iter().any(|(from, to, _)| (*from, *to) == (module, named)) {
                found.push(format!("{}:{number}: `{module}` may not use `{named}`, which stands below or beside it", source.path));
            }
        }
    }
    found
}

/// Who may name a crate or a source of what differs from run to run; the reason is for the reader.
struct Reserved {
    words: &'static [&'static str],
    reason: &'static str,
    allowed: fn(&Source) -> bool,
}

const RESERVED: &[Reserved] = &[
    Reserved {
        words: &["diesel::"],
        reason: "SQL stands in db/, outbox/, audit/, timeline/ and in each feature's queries (rows in model.rs)",
        allowed: |source| {
            matches!(source.module(), "db" | "outbox" | "audit" | "timeline" | "error")
                || source.file_name().ends_with("queries.rs")
                || matches!(source.file_name(), "model.rs" | "statistics.rs")
        },
    },
    Reserved {
        words: &["rocket::"],
        reason: "HTTP stands in web/ and in the features' pages and routes: not in models, queries, verbs, jobs, clients or the engine",
        allowed: |source| {
            let is_inner =
                ["model.rs", "queries.rs", "actions.rs", "views.rs", "_job.rs"].iter().any(|end| source.file_name().ends_with(end));
            let has_web_above = row("web") < row(source.module());
            let is_deaf = matches!(source.module(), "integrations" | "app" | "outbox" | "audit" | "scheduler");
            source.module() == "web" || (has_web_above && !is_deaf && !is_inner)
        },
    },
    Reserved {
        words: &["reqwest::"],
        reason: "http/reqwest.rs is the one outbound door",
        allowed: |source| source.path == "src/http/reqwest.rs" || source.path == "src/http/mod.rs",
    },
    Reserved {
        words: &["Utc::now", "Local::now", "SystemTime::now", "std::time::Instant"],
        reason: "clock.rs tells the time: tests and the sandbox turn its dial",
        allowed: |source| source.path == "src/clock.rs",
    },
    Reserved {
        words: &["getrandom::", "rand::", "OsRng", "new_v4", "now_v7"],
        reason: "random.rs draws randomness",
        allowed: |source| source.path == "src/random.rs",
    },
    Reserved {
        words: &["seed_this_thread"],
        reason: "a seed makes every token known: only simulations set one",
        allowed: |source| source.path == "src/random.rs",
    },
    Reserved {
        words: &["std::env::", "env::var"],
        reason: "config/ parses the environment once",
        allowed: |source| matches!(source.module(), "config" | "cli" | "main"),
    },
];

/// Names of Diesel that say nothing of SQL: any verb may return them.
const HARMLESS: &[&str] = &["diesel::QueryResult", "diesel::result::", "diesel::r2d2"];

fn named_by_strangers(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in source.code() {
        let mut line = line.to_owned();
        for word in HARMLESS {
            line = line.replace(word, "");
        }
        for reserved in RESERVED.iter().filter(|reserved| !(reserved.allowed)(source)) {
            if reserved.words.iter().any(|word| contains_word(&line, word)) {
                found.push(format!("{}:{number}: {}", source.path, reserved.reason));
            }
        }
    }
    found
}

fn contains_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(place, _)| !line[..place].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
}

fn out_of_size(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let lines: Vec<&str> = source.text.lines().collect();
    let lines_max = if source.is_test { TEST_FILE_LINES_MAX } else { FILE_LINES_MAX };
    if lines.len() > lines_max && source.path != "src/db/schema.rs" {
        found.push(format!("{} has {} lines, {lines_max} are the limit", source.path, lines.len()));
    }
    for (place, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        if !is_function(code) {
            continue;
        }
        let end = format!("{}}}", &line[..line.len() - code.len()]);
        let length = lines[place..].iter().position(|line| *line == end).map_or(1, |last| last + 1);
        if length > FUNCTION_LINES_MAX && !line.trim_end().ends_with(';') {
            found.push(format!("{}:{}: a function of {length} lines, {FUNCTION_LINES_MAX} are the limit", source.path, place + 1));
        }
        let count = parameters(&lines[place..].join("\n"));
        if count > PARAMETERS_MAX {
            found.push(format!("{}:{}: {count} parameters, {PARAMETERS_MAX} are the limit", source.path, place + 1));
        }
    }
    found
}

fn is_function(code: &str) -> bool {
    let words = code.split_once('(').map_or(code, |(before, _)| before);
    let last_but_one = words.split_whitespace().rev().nth(1);
    code.starts_with("fn ")
        || (code.starts_with("pub") || code.starts_with("async ") || code.starts_with("const ")) && last_but_one == Some("fn")
        || code.starts_with("pub") && code.contains(" fn ")
}

/// How many parameters the function at the start of the text has, `self` apart.
fn parameters(text: &str) -> usize {
    let Some(start) = text.find('(') else { return 0 };
    let (mut depth, mut count, mut is_empty) = (0, 0, true);
    let mut before = ' ';
    for c in text[start..].chars() {
        match c {
            '(' | '[' | '{' | '<' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            '>' if before != '-' => depth -= 1,
            ',' if depth == 1 => {
                count += usize::from(!is_empty);
                is_empty = true;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
        is_empty &= c.is_whitespace() || c == ',' || (c == '(' && depth == 1);
        before = c;
    }
    let has_self =
        text[start..].split(',').next().is_some_and(|first| first.split(|c: char| !c.is_alphanumeric()).any(|word| word == "self"));
    (count + usize::from(!is_empty)).saturating_sub(usize::from(has_self))
}

fn badly_told(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    if !source.text.starts_with("//! ") {
        found.push(format!("{} does not begin with `//!`: what it is for", source.path));
    }
    if let Some((number, _)) = source.code().find(|(_, line)| line.contains("super::super")) {
        found.push(format!("{}:{number}: write `crate::`, not `super::super`", source.path));
    }
    found
}

fn nothing_found(rule: fn(&Source) -> Vec<String>, folders: &[&str]) {
    let found: Vec<String> = folders.iter().flat_map(|folder| sources(folder)).flat_map(|source| rule(&source)).collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn modules_use_only_rows_above_them() {
    nothing_found(against_the_rows, &["src"]);
    for (from, to, _) in EXCEPTIONS {
        let used =
            sources("src").iter().any(|source| source.module() == *from && source.code().any(|(_, line)| named_modules(line).contains(to)));
        assert!(used, "the exception {from} -> {to} is no longer needed");
    }
}

#[test]
fn only_some_may_name_databases_http_time_and_chance() {
    nothing_found(named_by_strangers, &["src"]);
}

#[test]
fn files_and_functions_stay_small() {
    nothing_found(out_of_size, &["src", "tests"]);
}

#[test]
fn every_module_says_what_it_is_for() {
    nothing_found(badly_told, &["src", "tests"]);
}

#[test]
fn a_planted_use_of_a_lower_row_is_found() {
    for (path, line) in [
        ("src/db/store.rs", "use crate::leads::model;"),
        ("src/leads/queries.rs", "use crate::{clock, overview};"),
        ("src/http/mod.rs", "let x = crate::web::shell();"),
        ("src/newcomer/mod.rs", "fn lost() {}"),
    ] {
        assert_eq!(against_the_rows(&Source::planted(path, line)).len(), 1, "{path}: {line}");
    }
    for (path, line) in [
        ("src/leads/queries.rs", "use crate::{clock, db, Error};"),
        ("src/db/conn.rs", "$crate::leads"),
        ("src/db/a.rs", "// crate::leads"),
    ] {
        assert!(against_the_rows(&Source::planted(path, line)).is_empty(), "{path}: {line}");
    }
    let in_a_test = "fn a() {}\n\n#[cfg(test)]\nmod tests {\n    use crate::sandbox;\n}\n";
    assert!(against_the_rows(&Source::planted("src/db/a.rs", in_a_test)).is_empty());
}

#[test]
fn a_planted_name_is_found() {
    for (path, line) in [
        ("src/leads/pages.rs", "use diesel::prelude::*;"),
        ("src/leads/actions.rs", "diesel::insert_into(leads)"),
        ("src/outbox/claim.rs", "use rocket::get;"),
        ("src/leads/model.rs", "rocket::form::FromForm"),
        ("src/leads/deliver_job.rs", "rocket::State<App>"),
        ("src/integrations/zoho/crm.rs", "reqwest::Client::new()"),
        ("src/leads/actions.rs", "let now = chrono::Utc::now();"),
        ("src/outbox/worker.rs", "std::time::Instant::now()"),
        ("src/accounts/sessions.rs", "getrandom::fill(&mut bytes)"),
        ("src/leads/intake.rs", "std::env::var(\"X\")"),
    ] {
        assert_eq!(named_by_strangers(&Source::planted(path, line)).len(), 1, "{path}: {line}");
    }
    for (path, line) in [
        ("src/leads/actions.rs", "fn a() -> diesel::QueryResult<()>"),
        ("src/leads/queries.rs", "use diesel::prelude::*;"),
        ("src/clock.rs", "chrono::Utc::now()"),
    ] {
        assert!(named_by_strangers(&Source::planted(path, line)).is_empty(), "{path}: {line}");
    }
}

#[test]
fn planted_sizes_are_found() {
    let long_file = "// line\n".repeat(FILE_LINES_MAX + 1);
    assert_eq!(out_of_size(&Source::planted("src/leads/a.rs", &long_file)).len(), 1);
    assert!(out_of_size(&Source::planted("tests/it/a.rs", &long_file)).is_empty());
    let long_function = format!("    pub(super) async fn long() {{\n{}    }}\n", "        call();\n".repeat(FUNCTION_LINES_MAX));
    assert_eq!(out_of_size(&Source::planted("src/leads/a.rs", &long_function)).len(), 1);
    let many =
        "pub fn many(\n    a: u8,\n    b: Vec<(u8, u8)>,\n    c: impl Fn(u8, u8) -> u8,\n    d: u8,\n    e: u8,\n    f: u8,\n) {\n}\n";
    assert_eq!(out_of_size(&Source::planted("src/leads/a.rs", many)).len(), 1);
    let few = "fn few(&self, a: u8, b: Vec<(u8, u8)>, c: impl Fn(u8, u8) -> u8, d: u8, e: u8) {}\n";
    assert!(out_of_size(&Source::planted("src/leads/a.rs", few)).is_empty());
}

#[test]
fn planted_silence_is_found() {
    assert_eq!(badly_told(&Source::planted("src/leads/a.rs", "use crate::db;\n")).len(), 1);
    assert_eq!(badly_told(&Source::planted("src/leads/a.rs", "//! What it is for.\nuse super::super::db;\n")).len(), 1);
}
