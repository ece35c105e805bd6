//! All SQL about sign-ins at a provider that a person has begun.

use chrono::TimeDelta;
use diesel::prelude::*;

use crate::accounts::SessionId;
use crate::clock::UtcTime;
use crate::db::Tx;
use crate::db::schema::oauth_states;

/// A person has this long to sign in at the provider and to agree.
pub(super) const STATE_LIFE: TimeDelta = TimeDelta::minutes(10);

/// A sign-in as it is begun.
#[derive(Insertable, Clone)]
#[diesel(table_name = oauth_states)]
pub(super) struct NewState {
    pub provider: &'static str,
    pub state_hash: String,
    pub session_id: SessionId,
    pub accounts_url: String,
    pub client_id: String,
    pub client_secret_sealed: String,
    pub move_to: Option<String>,
    pub created_at: UtcTime,
    pub expires_at: UtcTime,
}

/// A sign-in that was begun here and has just come back.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = oauth_states)]
pub(super) struct Begun {
    pub accounts_url: String,
    pub client_id: String,
    pub client_secret_sealed: String,
    /// The organisation that the person has chosen to move to.
    pub move_to: Option<String>,
}

/// What came of handing a state in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Spent {
    Now(Begun),
    Before,
    TooLate,
    InAnotherSession,
    Unknown,
}

/// Writes a sign-in down before the person is sent off.
pub(super) fn insert(tx: &mut Tx<'_>, row: &NewState) -> QueryResult<()> {
    diesel::insert_into(oauth_states::table).values(row.clone()).execute(tx.conn()).map(drop)
}

/// Uses a state up, once: of two that bring the same one, the other finds it spent.
pub(super) fn spend(tx: &mut Tx<'_>, provider: &str, state_hash: &str, session: SessionId, now: UtcTime) -> QueryResult<Spent> {
    let row = oauth_states::table.filter(oauth_states::state_hash.eq(state_hash)).filter(oauth_states::provider.eq(provider));
    let open =
        row.filter(oauth_states::session_id.eq(session)).filter(oauth_states::used_at.is_null()).filter(oauth_states::expires_at.gt(now));
    if diesel::update(open).set(oauth_states::used_at.eq(now)).execute(tx.conn())? == 1 {
        return row.select(Begun::as_select()).first(tx.conn()).map(Spent::Now);
    }
    let found =
        row.select((oauth_states::session_id, oauth_states::used_at)).first::<(SessionId, Option<UtcTime>)>(tx.conn()).optional()?;
    Ok(match found {
        None => Spent::Unknown,
        Some((theirs, _)) if theirs != session => Spent::InAnotherSession,
        Some((_, Some(_))) => Spent::Before,
        Some((_, None)) => Spent::TooLate,
    })
}
