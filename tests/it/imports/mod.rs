//! Leads of an older system on their way in.

mod command;
mod pages;
mod taking_over;
mod whole_files;

use std::io::Cursor;

use throughline::Result;
use throughline::db::Tx;
use throughline::imports::plan::Plan;
use throughline::imports::run::{Run, Step};
use throughline::imports::staged::Staging;
use throughline::imports::{Import, ImportId, ImportState, NewImport, Standing, actions, batches, queries};

use crate::harness::Whole;

/// A row of the list that most tests import: the states that the earlier systems used.
pub const STATES: &str = "\
id,name,email,phone,status,created_at,sent_at,zoho_lead_id,last_error,retry_count,products,colour
1,Ada Lovelace,ada@example.com,,pending,2024-03-01 10:00:00,,,,0,G65 x 2,teal
2,Bob Stone,bob@example.com,,processing,2024-03-02 10:00:00,,,,1,,
3,Cyd Hall,cyd@example.com,,sent,2024-03-03 10:00:00,2024-03-03 10:00:09,5725767000000524157,,0,,
4,Dan Oak,,+44 20 7946 0958,retry,2024-03-04 10:00:00,,,timeout,2,,
5,Eve Lane,eve@example.com,,failed,2024-03-05 10:00:00,,,INVALID_DATA: Email,3,,
";

/// The plan that the names of a file's columns suggest.
pub fn plan(text: &str) -> Plan {
    batches::suggested(batches::recognise(Cursor::new(text.to_owned())).expect("it is recognised"))
}

/// Writes down that a text is imported.
pub async fn begun(whole: &Whole, text: &str, state: ImportState) -> Import {
    let new = NewImport {
        source: "old".into(),
        file_name: "leads.csv".into(),
        file_hash: "hash".into(),
        file_bytes: i64::try_from(text.len()).expect("short"),
        plan: plan(text),
        state,
        created_by: "cli".into(),
    };
    let now = whole.app.clock.now();
    let begin = move |tx: &mut Tx<'_>| actions::begin(tx, now, &new);
    let id = whole.app.store.write("test.begin", "k", begin).await.expect("it begins");
    found(whole, id).await
}

pub async fn found(whole: &Whole, id: ImportId) -> Import {
    whole.ask(move |conn| queries::find(conn, id)).await.expect("it is there")
}

/// A file of which everything was taken in has come whole.
pub async fn completed(whole: &Whole, staging: Staging, text: &str) {
    let (file, plan, now) = (staging.end().await.expect("it is kept"), plan(text), whole.app.clock.now());
    let complete = move |tx: &mut Tx<'_>| -> Result<usize> { Ok(queries::complete(tx, now, &file, &plan)?) };
    assert_eq!(whole.app.store.write("test.complete", "k", complete).await.expect("it is written"), 1);
}

/// Runs an import from where it stands to its end.
pub async fn run_out(whole: &Whole, import: Import, text: &str) -> Standing {
    let mut run = Run::begin(&whole.app, import, Cursor::new(text.to_owned())).await.expect("it begins");
    loop {
        match run.step().await.expect("a step") {
            Step::On(_) => {}
            Step::Done(standing) => return standing,
            Step::SteppedBack => panic!("nobody else runs it"),
        }
    }
}

/// Imports a text whole.
pub async fn imported(whole: &Whole, text: &str) -> Standing {
    let import = begun(whole, text, ImportState::Running).await;
    run_out(whole, import, text).await
}
