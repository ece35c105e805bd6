//! All SQL about mails.

use diesel::prelude::*;
use serde_json::json;

use super::model::{MailId, MailRow, NewMail, Purpose};
use super::send_job::{SendMail, SendReply};
use crate::clock::UtcTime;
use crate::db::schema::mails;
use crate::db::{Conn, Tx};
use crate::outbox::{JobId, NewJob, enqueue};
use crate::{on_backend, random};

/// Writes a mail down, with the job that sends it: in the transaction of what causes it.
pub fn post(tx: &mut Tx<'_>, now: UtcTime, new: &NewMail<'_>) -> QueryResult<MailId> {
    let row = (
        mails::message_key.eq(random::token()),
        mails::purpose.eq(new.purpose),
        mails::reader.eq(new.reader),
        mails::line_id.eq(new.line.as_str()),
        mails::subject.eq(new.subject),
        mails::to_name.eq(new.to.name.as_deref()),
        mails::to_address.eq(&new.to.address),
        mails::reply_name.eq(new.reply_to.as_ref().and_then(|party| party.name.as_deref())),
        mails::reply_address.eq(new.reply_to.as_ref().map(|party| party.address.as_str())),
        mails::letter.eq(json!(new.letter).to_string()),
        mails::created_at.eq(now),
    );
    let mail: MailId = on_backend!(tx.conn(), |c| diesel::insert_into(mails::table).values(row).returning(mails::id).get_result(c))?;
    send(tx, now, new, mail)?;
    Ok(mail)
}

/// A mail to a stranger has a kind of its own: whether it may be repeated differs.
fn send(tx: &mut Tx<'_>, now: UtcTime, new: &NewMail<'_>, mail: MailId) -> QueryResult<JobId> {
    let (line, subject) = (new.line, new.subject);
    match new.purpose {
        Purpose::Reply => {
            enqueue(tx, now, &NewJob { job: &SendReply { mail }, line, subject, unique_key: None, order_key: None, run_at: now })
        }
        _ => enqueue(tx, now, &NewJob { job: &SendMail { mail }, line, subject, unique_key: None, order_key: None, run_at: now }),
    }
}

/// The mail with this id; None: it was forgotten.
pub fn find(conn: &mut Conn, id: MailId) -> QueryResult<Option<MailRow>> {
    mails::table.filter(mails::id.eq(id)).select(MailRow::as_select()).first(conn).optional()
}

/// Notes that the server has taken it.
pub fn mark_sent(tx: &mut Tx<'_>, id: MailId, at: UtcTime) -> QueryResult<()> {
    diesel::update(mails::table.filter(mails::id.eq(id))).set(mails::sent_at.eq(at)).execute(tx.conn()).map(drop)
}

/// How many mails for this purpose were written to a reader since then, counted up to `most`.
pub fn count_since(conn: &mut Conn, reader: &str, purpose: Purpose, since: UtcTime, most: i64) -> QueryResult<i64> {
    let found: Vec<MailId> = mails::table
        .filter(mails::reader.eq(reader))
        .filter(mails::purpose.eq(purpose))
        .filter(mails::created_at.gt(since))
        .limit(most)
        .select(mails::id)
        .load(conn)?;
    Ok(i64::try_from(found.len()).unwrap_or(most))
}
