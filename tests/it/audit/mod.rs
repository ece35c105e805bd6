//! The audit: what was written is sealed, what is changed afterwards is found, what is erased leaves the chain whole.

mod command;
mod seal;
mod tampering;

use diesel::prelude::*;
use serde_json::json;
use throughline::audit::{self, Act, Broken, Verified};
use throughline::db::Tx;
use throughline::db::schema::audit as rows;
use throughline::{Error, Result};

use crate::harness::Whole;

/// Writes so many acts, each its own.
async fn act(whole: &Whole, count: usize) {
    for number in 0..count {
        let now = whole.app.clock.now();
        let write = move |tx: &mut Tx<'_>| -> Result<()> {
            let subject = format!("lead:{number}");
            let act = Act {
                actor: "user:1",
                action: "leads.edit",
                subject: &subject,
                line: None,
                reason: Some("she called"),
                before: Some(json!({ "name": "Ada" })),
                after: Some(json!({ "name": "Grace", "number": number })),
                address: (number % 2 == 0).then_some("192.0.2.1"),
            };
            Ok(audit::record(tx, now, &act)?)
        };
        whole.app.store.write("test.act", "test", write).await.expect("it is written");
    }
}

/// As many sealed acts, and nothing else in the audit.
async fn sealed(whole: &Whole, count: usize) {
    write(whole, |tx| diesel::delete(rows::table.filter(rows::seal_seq.is_null())).execute(tx.conn())).await;
    act(whole, count).await;
    assert_eq!(audit::seal_new(&whole.app).await.expect("it is sealed"), count);
}

async fn write<T: Send + 'static>(whole: &Whole, change: impl Fn(&mut Tx<'_>) -> diesel::QueryResult<T> + Send + 'static) -> T {
    whole.app.store.write("test.change", "test", move |tx| change(tx).map_err(Error::from)).await.expect("it is written")
}

async fn verify(whole: &Whole) -> Verified {
    audit::verify(&whole.app.store, None).await.expect("the audit can be read")
}

/// The findings: place and words.
async fn broken(whole: &Whole) -> Vec<(i64, String)> {
    verify(whole).await.broken.into_iter().map(|Broken { seq, why, .. }| (seq, why)).collect()
}

/// The id of the row at that place of the chain.
async fn id_at(whole: &Whole, seq: i64) -> i64 {
    whole.ask(move |conn| rows::table.filter(rows::seal_seq.eq(seq)).select(rows::id).first(conn)).await
}
