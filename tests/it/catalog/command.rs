//! `throughline import products` from outside: what it prints, its exit codes, what it leaves.

use std::path::Path;
use std::process::{Command, Output, Stdio};

fn import(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
    command.env_clear().env("PATH", "/usr/bin:/bin").current_dir(folder).stdin(Stdio::null());
    let Output { status, stdout, stderr } = command.args(["import", "products"]).args(arguments).output().expect("the program starts");
    (status.code(), String::from_utf8_lossy(&stdout).into_owned(), String::from_utf8_lossy(&stderr).into_owned())
}

#[test]
fn a_file_is_shown_taken_over_and_the_same_again_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |arguments: &[&str]| import(folder.path(), arguments);
    std::fs::write(folder.path().join("products.csv"), "sku,name_en,colour\nA-1,One,red\nA-2,Two,\n").expect("it is written");
    std::fs::write(folder.path().join("wrong.csv"), "sku,name_en,is_active\nA-1,Other,no\nA-3,,perhaps\n").expect("it is written");

    let (code, printed, said) = run(&["products.csv", "--dry-run"]);
    assert_eq!(
        (code, printed.as_str()),
        (Some(0), "Columns that nothing is taken from: colour\n2 new, 0 changed, 0 unchanged, 0 refused.\n"),
        "{said}"
    );
    let (code, printed, said) = run(&["products.csv"]);
    assert!(code == Some(0) && printed.ends_with("2 added, 0 changed, 0 unchanged.\n"), "{printed}{said}");
    let (code, printed, said) = run(&["wrong.csv"]);
    assert_eq!(code, Some(3), "{said}");
    assert_eq!(printed, "line 3: is_active: it is yes or no.\n0 new, 1 changed, 0 unchanged, 1 refused; nothing was imported.\n");
    let (code, printed, _) = run(&["products.csv"]);
    assert_eq!(
        (code, printed.lines().last()),
        (Some(0), Some("0 new, 0 changed, 2 unchanged, 0 refused.")),
        "the row that was right changed nothing"
    );
    let (code, _, said) = run(&["absent.csv"]);
    assert!(code == Some(1) && said.contains("absent.csv cannot be read; nothing was imported"), "{said}");
}
