//! What an admin decides about the answer to those who write to us.

use serde_json::json;

use crate::Result;
use crate::app::App;
use crate::audit::{self, Act};
use crate::db::Tx;
use crate::leads::news::reply_queries::{self, ReplyText};
use crate::outbox::admin::Request;

/// Keeps whether anybody is answered, and with what.
pub async fn save_replies(app: &App, is_on: bool, texts: Vec<ReplyText>, by: Request) -> Result<()> {
    let write = move |tx: &mut Tx<'_>| -> Result<()> {
        let before = (reply_queries::is_on(tx.conn())?, reply_queries::texts(tx.conn())?);
        reply_queries::keep(tx, is_on, &texts, by.now)?;
        let told = |is_on: bool, texts: &[ReplyText]| {
            let texts: Vec<_> =
                texts.iter().map(|text| json!({ "language": text.language, "subject": text.subject, "body": text.body })).collect();
            json!({ "is_on": is_on, "texts": texts })
        };
        let act = Act {
            actor: &by.actor,
            action: "leads.set_reply",
            subject: "settings:mail",
            line: None,
            reason: None,
            before: Some(told(before.0, &before.1)),
            after: Some(told(is_on, &texts)),
            address: by.address.as_deref(),
        };
        Ok(audit::record(tx, by.now, &act)?)
    };
    Ok(app.store.write("leads.set_reply", "settings:mail", write).await?)
}
