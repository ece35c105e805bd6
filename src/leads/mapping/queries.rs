//! All SQL about the mapping.

use diesel::prelude::*;

use super::model::Mapping;
use crate::clock::UtcTime;
use crate::config::ZohoConfig;
use crate::db::schema::{field_mappings, leads};
use crate::db::{Conn, Tx, json_text, on_backend};
use crate::integrations::zoho::PROVIDER;
use crate::leads::Lead;
use crate::leads::queries::IsTaken;

/// A mapping that somebody saved.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    pub mapping: Mapping,
    pub at: UtcTime,
    pub by: String,
}

/// The mapping that holds: the saved one, else the one of the settings.
pub fn current(conn: &mut Conn, config: &ZohoConfig) -> QueryResult<Mapping> {
    Ok(saved(conn)?.map_or_else(|| Mapping::of_settings(config), |saved| saved.mapping))
}

/// What was saved; None: the settings hold.
pub fn saved(conn: &mut Conn) -> QueryResult<Option<Saved>> {
    let row = field_mappings::table
        .filter(field_mappings::provider.eq(PROVIDER))
        .select((field_mappings::mapping, field_mappings::saved_at, field_mappings::saved_by))
        .first::<(String, UtcTime, String)>(conn)
        .optional()?;
    let Some((json, at, by)) = row else { return Ok(None) };
    // One that a newer program has saved and this one cannot read must not be replaced by another in silence.
    let mapping = serde_json::from_str(&json).map_err(|cause| diesel::result::Error::DeserializationError(Box::new(cause)))?;
    Ok(Some(Saved { mapping, at, by }))
}

/// Saves a mapping in place of the one that was seen; false: it is another one by now.
pub fn save(tx: &mut Tx<'_>, seen_at: Option<UtcTime>, saved: &Saved) -> QueryResult<bool> {
    let json = json_text(&saved.mapping)?;
    let row = (field_mappings::mapping.eq(json), field_mappings::saved_at.eq(saved.at), field_mappings::saved_by.eq(saved.by.clone()));
    let own = field_mappings::table.filter(field_mappings::provider.eq(PROVIDER));
    let changed = match seen_at {
        Some(seen_at) => diesel::update(own.filter(field_mappings::saved_at.eq(seen_at))).set(row).execute(tx.conn())?,
        None => on_backend!(tx.conn(), |c| diesel::insert_into(field_mappings::table)
            .values((field_mappings::provider.eq(PROVIDER), row))
            .on_conflict_do_nothing()
            .execute(c))?,
    };
    Ok(changed == 1)
}

/// Forgets the saved mapping that was seen, so that the settings hold; false: it is another one by now.
pub fn reset(tx: &mut Tx<'_>, seen_at: UtcTime) -> QueryResult<bool> {
    let own = field_mappings::table.filter(field_mappings::provider.eq(PROVIDER)).filter(field_mappings::saved_at.eq(seen_at));
    Ok(diesel::delete(own).execute(tx.conn())? == 1)
}

/// The newest lead that was taken as good.
pub fn newest_lead(conn: &mut Conn) -> QueryResult<Option<Lead>> {
    leads::table.filter(IsTaken).order((leads::received_at.desc(), leads::id.desc())).select(Lead::as_select()).first(conn).optional()
}
