//! All SQL about the connection to Books.

use diesel::prelude::*;

use crate::clock::UtcTime;
use crate::connections::model::{ConnectionState, Summary};
use crate::connections::queries as connection_queries;
use crate::db::schema::connections;
use crate::db::{Conn, Topic, Tx};
use crate::integrations::zoho::books::{Organisation, PROVIDER};
use crate::on_backend;

/// What was chosen: organisation, its name, calls a day.
pub type Chosen = (Option<String>, Option<String>, Option<i64>);

/// The organisation that is booked to.
pub fn organisation(conn: &mut Conn) -> QueryResult<Option<String>> {
    Ok(chosen(conn)?.and_then(|(id, _, _)| id))
}

/// What was chosen; None: nothing yet.
pub fn chosen(conn: &mut Conn) -> QueryResult<Option<Chosen>> {
    let row = connections::table.filter(connections::provider.eq(PROVIDER));
    row.select((connections::organisation_id, connections::organisation_name, connections::calls_per_day)).first(conn).optional()
}

/// How it stands; None: no organisation was ever chosen.
pub fn summary(conn: &mut Conn) -> QueryResult<Option<Summary>> {
    connection_queries::summary_of(conn, PROVIDER)
}

/// Books to this organisation from now on; whatever held it back is over.
pub fn keep(tx: &mut Tx<'_>, chosen: &Organisation, calls_per_day: i64, (by, now): (&str, UtcTime)) -> QueryResult<()> {
    let changes = (
        connections::state.eq(ConnectionState::Connected),
        connections::state_reason.eq(None::<String>),
        connections::connected_at.eq(now),
        connections::connected_by.eq(by),
        connections::failures_in_a_row.eq(0),
        connections::blocked_until.eq(None::<UtcTime>),
        connections::blocked_reason.eq(None::<String>),
        connections::probe_backoff_s.eq(0),
        connections::updated_at.eq(now),
        connections::organisation_id.eq(&chosen.id),
        connections::organisation_name.eq(&chosen.name),
        connections::calls_per_day.eq(calls_per_day),
    );
    // The grant is Zoho's own row: what only a grant has is left empty.
    let row = (
        connections::provider.eq(PROVIDER),
        connections::accounts_url.eq(""),
        connections::api_url.eq(""),
        connections::client_id.eq(""),
        connections::client_secret_sealed.eq(""),
        connections::refresh_token_sealed.eq(""),
        changes.clone(),
    );
    on_backend!(tx.conn(), |c| diesel::insert_into(connections::table)
        .values(row)
        .on_conflict(connections::provider)
        .do_update()
        .set(changes)
        .execute(c))?;
    tx.touch(Topic::Connections);
    tx.touch(Topic::Ready);
    Ok(())
}
