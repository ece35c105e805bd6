//! `throughline import leads` from outside: what it prints, its exit codes, what it leaves.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

fn import(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
    command.env_clear().env("PATH", "/usr/bin:/bin").current_dir(folder).stdin(Stdio::null());
    command.args(["import", "leads"]).args(arguments).output().expect("the program starts")
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The sample that docs/import.md works with.
fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/old-leads.csv")
}

fn folder_with_sample() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::copy(sample(), folder.path().join("old-leads.csv")).expect("it is copied");
    folder
}

#[test]
fn the_worked_example_is_shown_imported_mended_and_imported_again() {
    let folder = folder_with_sample();
    let run = |arguments: &[&str]| import(folder.path(), arguments);
    let dry = run(&["old-leads.csv", "--source", "old shop", "--dry-run"]);
    assert_eq!(dry.status.code(), Some(3), "{}", said(&dry));
    insta::assert_snapshot!("dry_run", printed(&dry));

    let first = run(&["old-leads.csv", "--source", "old shop"]);
    assert_eq!(first.status.code(), Some(3), "{}", said(&first));
    insta::assert_snapshot!(printed(&first), @r"
    6 rows: 5 imported (3 queued for Zoho CRM, 1 as sent or cancelled, 1 as failed), 0 skipped as already there, 1 refused.
    2 were kept with a note, which stands on their pages.
    They are in old-leads.refused.csv with their reasons: mend them there and import that file.
    ");
    assert!(said(&first).contains("100 % imported"), "plain lines where nobody watches: {}", said(&first));

    let refused = std::fs::read_to_string(folder.path().join("old-leads.refused.csv")).expect("the file of refused rows");
    assert!(refused.contains("\n6,\"email is not an email address"), "{refused}");
    std::fs::write(folder.path().join("mended.csv"), refused.replace("jo@example,", "jo@example.com,")).expect("it is mended");
    let mended = run(&["mended.csv", "--source", "old shop"]);
    assert_eq!(mended.status.code(), Some(0), "{}{}", printed(&mended), said(&mended));
    assert!(printed(&mended).starts_with("1 rows: 1 imported (1 queued"), "{}", printed(&mended));

    let again = run(&["old-leads.csv", "--source", "old shop"]);
    assert!(printed(&again).starts_with("6 rows: 0 imported (0 queued for Zoho CRM, 0 as sent or cancelled, 0 as failed), 5 skipped"));
}

#[test]
fn columns_are_said_in_pairs_and_in_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("kontakte.csv"), "Wer,Wohin,Zustand\nAda,ada@example.com,sent\n").expect("written");
    std::fs::write(folder.path().join("columns"), "# ours = theirs\nWer=name\nZustand=status\n").expect("written");
    let done = import(folder.path(), &["kontakte.csv", "--mapping", "columns", "--mapping", "Wohin=email"]);
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    assert!(printed(&done).contains("1 imported (0 queued for Zoho CRM, 1 as sent or cancelled"), "{}", printed(&done));
    let wrong = import(folder.path(), &["kontakte.csv", "--mapping", "Wem=email"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(said(&wrong).contains("the file has no column “Wem”; it has Wer, Wohin, Zustand"), "{}", said(&wrong));
}

#[test]
fn what_cannot_be_read_is_refused_in_words_before_anything_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes, words) in [
        ("sheet.xlsx", &b"PK\x03\x04..."[..], "an Excel workbook"),
        ("utf16.csv", &[0xff, 0xfe, b'a', 0][..], "encoded in UTF-16"),
        ("latin.csv", &b"name\nJos\xe9\n"[..], "is not UTF-8 (byte 0xe9 in line 2"),
        ("empty.csv", &b""[..], "the file is empty"),
    ] {
        std::fs::write(folder.path().join(name), bytes).expect("written");
        let refused = import(folder.path(), &[name]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(said(&refused).contains(words) && said(&refused).contains("nothing was imported"), "{}", said(&refused));
    }
    let missing = import(folder.path(), &["nowhere.csv"]);
    assert!(said(&missing).contains("nowhere.csv cannot be opened; nothing was imported"), "{}", said(&missing));
    assert!(!folder.path().join("data").exists(), "no database was made");
}
