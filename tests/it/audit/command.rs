//! `throughline audit verify`, the real program: its words and its exit code.

use std::process::{Command, Output, Stdio};

use diesel::prelude::*;
use throughline::db::schema::audit as rows;

use super::{sealed, write};
use crate::harness::both_engines;

fn verify(url: &str, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("DATABASE_URL", url).env("THROUGHLINE_ENCRYPTION_KEY", "").stdin(Stdio::null());
    let Output { status, stdout, stderr } = command.args(["audit", "verify"]).args(arguments).output().expect("the program starts");
    (status.success(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

both_engines! {
    async fn the_command_tells_where_the_chain_ends_and_where_it_breaks(app: TestApp) {
        let whole = app.whole().await;
        sealed(&whole, 3).await;
        let (is_good, said) = verify(&app.url, &[]);
        assert!(is_good && said.contains("3 rows are sealed, 0 wait to be sealed, 0 values were erased"), "{said}");
        let noted = said.lines().find_map(|line| line.strip_prefix("The chain holds. It ends at ")).expect("its end").to_owned();
        assert!(verify(&app.url, &["--noted", &noted]).0);
        let (is_good, said) = verify(&app.url, &["--noted", &noted.replace("3:", "4:")]);
        assert!(!is_good && said.contains("its end was cut off"), "{said}");

        write(&whole, |tx| diesel::update(rows::table.filter(rows::seal_seq.eq(2))).set(rows::reason.eq("x")).execute(tx.conn())).await;
        let (is_good, said) = verify(&app.url, &[]);
        assert!(!is_good && said.contains("its `reason` is not the one that was sealed") && said.contains("the first break is at 2"), "{said}");
    }
}

#[test]
fn a_database_that_is_not_there_is_not_called_intact() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}/none.db", folder.path().display());
    let (is_good, said) = verify(&url, &[]);
    assert!(!is_good && said.contains("nothing was verified"), "{said}");
    assert!(!folder.path().join("none.db").exists());
}
