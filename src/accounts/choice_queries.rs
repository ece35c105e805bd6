//! All SQL about what users want to be told by mail.

use diesel::prelude::*;

use crate::clock::UtcTime;
use crate::db::schema::{mail_choices, users};
use crate::db::{Conn, Tx};
use crate::on_backend;

use super::mail_choice::{MailChoice, NewLeadMails};
use super::model::UserId;

/// More than this many are not asked.
const USERS_MAX: i64 = 1_000;

/// Who has chosen what, of those who may sign in.
pub fn all(conn: &mut Conn) -> QueryResult<Vec<MailChoice>> {
    let rows: Vec<(i64, String, String, NewLeadMails, String, UtcTime)> = mail_choices::table
        .inner_join(users::table.on(users::id.eq(mail_choices::user_id)))
        .filter(users::disabled_at.is_null())
        .order(mail_choices::user_id)
        .limit(USERS_MAX)
        .select((mail_choices::user_id, users::name, users::email, mail_choices::new_leads, mail_choices::daily_at, mail_choices::since))
        .load(conn)?;
    let choice =
        |(user, name, email, new_leads, daily_at, since)| MailChoice { user: UserId(user), name, email, new_leads, daily_at, since };
    Ok(rows.into_iter().map(choice).collect())
}

/// What one user has chosen; None: nothing yet.
pub fn of(conn: &mut Conn, user: UserId) -> QueryResult<Option<(NewLeadMails, String)>> {
    let this = mail_choices::table.filter(mail_choices::user_id.eq(user.0));
    this.select((mail_choices::new_leads, mail_choices::daily_at)).first(conn).optional()
}

/// Keeps a choice. Whoever was told nothing before is told from now on, not of what was.
pub fn keep(tx: &mut Tx<'_>, user: UserId, (new_leads, daily_at): (NewLeadMails, &str), now: UtcTime) -> QueryResult<()> {
    let this = mail_choices::table.filter(mail_choices::user_id.eq(user.0));
    let row = (
        mail_choices::user_id.eq(user.0),
        mail_choices::new_leads.eq(new_leads),
        mail_choices::daily_at.eq(daily_at),
        mail_choices::since.eq(now),
    );
    diesel::update(this.filter(mail_choices::new_leads.eq(NewLeadMails::Off))).set(mail_choices::since.eq(now)).execute(tx.conn())?;
    let changes = (mail_choices::new_leads.eq(new_leads), mail_choices::daily_at.eq(daily_at));
    on_backend!(tx.conn(), |c| diesel::insert_into(mail_choices::table)
        .values(row)
        .on_conflict(mail_choices::user_id)
        .do_update()
        .set(changes)
        .execute(c))
    .map(drop)
}
