//! Keeps the documentation from rotting where that is cheap: what the code names must be told, what is told must exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const PAGES: [&str; 17] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/books.md",
    "docs/catalog.md",
    "docs/configuration.md",
    "docs/health.md",
    "docs/inbox.md",
    "docs/intake.md",
    "docs/mail.md",
    "docs/operations.md",
    "docs/orders.md",
    "docs/outbox.md",
    "docs/people.md",
    "docs/sandbox.md",
    "Rocket.toml",
];

/// Places of this project; a text in backticks that begins so is a path.
const FOLDERS: [&str; 7] = ["src/", "tests/", "docs/", "scripts/", "migrations/", "templates/", "static/"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|cause| panic!("{path}: {cause}"))
}

/// Every Rust source below the folder, as one text.
fn sources(folder: &str) -> String {
    let (mut text, mut folders) = (String::new(), vec![root().join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder is there").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                text += &fs::read_to_string(&path).expect("source is text");
            }
        }
    }
    text
}

/// What stands between an opening and a closing mark, on one line.
fn between<'a>(text: &'a str, open: &'a str, close: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().flat_map(move |line| line.split(open).skip(1).filter_map(move |rest| rest.split_once(close)).map(|(inside, _)| inside))
}

fn in_backticks(text: &str) -> Vec<&str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
}

/// The names of settings that a text quotes: `DATABASE_URL`, `THROUGHLINE_…`.
fn settings(text: &str) -> BTreeSet<String> {
    let is_setting = |name: &&str| {
        let starts = ["DATABASE_", "ROCKET_", "THROUGHLINE_", "ZOHO_", "STRIPE_", "CRON_"].iter().any(|start| name.starts_with(start));
        starts && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
    };
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(is_setting).map(str::to_owned).collect()
}

/// The files that read settings, without their tests.
fn loaded() -> String {
    ["src/config/load.rs", "src/config/mail.rs", "src/config/stripe.rs", "src/config/zoho.rs"]
        .map(|path| read(path).split("#[cfg(test)]").next().expect("a program").to_owned())
        .concat()
}

#[test]
fn every_setting_is_described_and_every_described_setting_exists() {
    let loaded = loaded();
    let known = settings(&loaded);
    assert!(known.len() > 15, "the settings are no longer found: {known:?}");
    let described = read("docs/configuration.md");
    let missing: Vec<_> = known.iter().filter(|key| !described.contains(&format!("`{key}`"))).collect();
    assert!(missing.is_empty(), "docs/configuration.md does not say what these are: {missing:?}");
    for page in PAGES {
        let unknown: Vec<_> =
            settings(&read(page)).into_iter().filter(|key| !known.contains(key) && !key.starts_with("THROUGHLINE_TEST_")).collect();
        assert!(unknown.is_empty(), "{page} names settings that do not exist: {unknown:?}");
    }
}

#[test]
fn the_example_file_names_every_setting() {
    let (loaded, example) = (loaded(), read("Rocket.toml"));
    for key in settings(&loaded) {
        let name = key.trim_start_matches("THROUGHLINE_").trim_start_matches("ZOHO_");
        let name = name.trim_start_matches("STRIPE_").trim_start_matches("ROCKET_").to_lowercase();
        let is_elsewhere = [
            "ROCKET_CONFIG",
            "THROUGHLINE_MAIL_INBOX_URL",
            "THROUGHLINE_SAMPLE_SECRET",
            "CRON_SECRET",
            "ZOHO_API_DOMAIN",
            "ZOHO_REDIRECT_URI",
        ]
        .contains(&key.as_str());
        assert!(
            is_elsewhere || example.lines().any(|line| line.trim_start_matches("# ").starts_with(&format!("{name} ="))),
            "Rocket.toml lacks {name}"
        );
    }
}

#[test]
fn every_command_is_described() {
    let main = read("src/main.rs");
    let commands = main.split("enum Command {").nth(1).and_then(|rest| rest.split("\n}").next()).expect("the commands");
    let pages: String = PAGES.map(read).concat();
    let named: Vec<String> = commands
        .lines()
        .filter_map(|line| line.strip_prefix("    ").filter(|line| line.starts_with(char::is_uppercase)))
        .map(|line| line.chars().take_while(char::is_ascii_alphanumeric).collect::<String>())
        .map(|name| name.chars().flat_map(|c| if c.is_uppercase() { vec!['-', c.to_ascii_lowercase()] } else { vec![c] }).skip(1).collect())
        .collect();
    assert!(named.len() >= 7, "the commands are no longer found: {named:?}");
    for name in named {
        assert!(pages.contains(&format!("throughline {name}")), "no page describes `throughline {name}`");
    }
}

#[test]
fn every_route_for_programs_is_described() {
    let (sources, pages) = (sources("src"), PAGES.map(read).concat());
    let attributes = between(&sources, "#[get(\"", "\"").chain(between(&sources, "#[post(\"", "\""));
    let paths = attributes.map(|route| route.split('?').next().unwrap_or(route));
    let routes: BTreeSet<_> = paths.filter(|route| route.starts_with("/api/") || route.ends_with('z')).collect();
    assert!(routes.len() >= 7, "the routes are no longer found: {routes:?}");
    for route in routes.into_iter().filter_map(|route| route.split('?').next()) {
        assert!(pages.contains(route), "no page describes {route}");
    }
}

#[test]
fn every_kind_of_job_and_every_schedule_is_described() {
    let (sources, described) = (sources("src"), read("docs/outbox.md"));
    let kinds = between(&sources, "const KIND: &'static str = \"", "\"").chain(between(&sources, "Schedule::new(\"", "\""));
    let mut found = 0;
    for kind in kinds.filter(|kind| !kind.starts_with("test")) {
        assert!(described.contains(&format!("`{kind}`")), "docs/outbox.md does not say what {kind} does");
        found += 1;
    }
    assert!(found >= 5, "the kinds are no longer found");
}

#[test]
fn what_pages_point_to_exists() {
    let code = sources("src") + &sources("tests");
    for page in PAGES {
        let text = read(page);
        let folder = Path::new(page).parent().expect("a folder");
        for link in between(&text, "](", ")").filter(|link| !link.contains("://")) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { root().join(page) } else { root().join(folder).join(file) };
            assert!(target.exists(), "{page} links to {link}, which is not there");
            let headings: Vec<String> = if heading.is_empty() { Vec::new() } else { anchors(&fs::read_to_string(target).expect("a page")) };
            assert!(heading.is_empty() || headings.iter().any(|anchor| anchor == heading), "{page} links to {link}; there is {headings:?}");
        }
        for quoted in in_backticks(&text) {
            let is_path = FOLDERS.iter().any(|folder| quoted.starts_with(folder)) && !quoted.contains(['<', ' ', '*', '…']);
            assert!(!is_path || root().join(quoted).exists(), "{page} names {quoted}, which is not there");
            let is_test = quoted.matches('_').count() >= 4
                && !quoted.starts_with("throughline_")
                && quoted.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            assert!(!is_test || code.contains(&format!("fn {quoted}(")), "{page} names the test {quoted}, which is not there");
        }
    }
}

/// The anchors of a page's headings, as its readers make them: lower case, without punctuation, dashes for spaces.
fn anchors(page: &str) -> Vec<String> {
    let headings = page.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim().to_lowercase());
    let kept = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    headings.map(|heading| heading.chars().filter(|c| kept(*c)).collect::<String>().replace(' ', "-")).collect()
}
