//! All SQL about the seller.

use std::str::FromStr;

use chrono_tz::Tz;
use diesel::prelude::*;
use serde_json::json;

use super::model::{Language, Logo, LogoKind, Picture, Profile, Seller};
use crate::clock::UtcTime;
use crate::config::Config;
use crate::db::schema::{seller, seller_logo};
use crate::db::{Conn, Tx};
use crate::money::Currency;
use crate::on_backend;

/// The one row.
const ROW: i64 = 1;

#[derive(Queryable, Selectable)]
#[diesel(table_name = seller)]
struct Row {
    name: String,
    zone: String,
    currency: String,
    languages: String,
    privacy_url: Option<String>,
    staff_emails: String,
    email: Option<String>,
    phone: Option<String>,
    postal_address: Option<String>,
    version: i64,
}

/// The seller as they are now; before anyone has saved them, the defaults of this configuration.
pub fn current(conn: &mut Conn, config: &Config) -> QueryResult<Seller> {
    let row: Option<Row> = seller::table.select(Row::as_select()).first(conn).optional()?;
    let logo = seller_logo::table.select((seller_logo::digest, seller_logo::kind, seller_logo::width_px, seller_logo::height_px));
    let logo: Option<(String, LogoKind, i64, i64)> = logo.first(conn).optional()?;
    let logo = logo.map(|(digest, kind, width_px, height_px)| Logo { digest, kind, width_px, height_px });
    let version = row.as_ref().map_or(0, |row| row.version);
    let profile = row.map_or_else(|| Profile::default_of(config), |row| profile(row, config));
    Ok(Seller { profile, logo, version })
}

/// What an older or newer version of this program stored and this one does not know, is as if it had not been saved.
fn profile(row: Row, config: &Config) -> Profile {
    let default = Profile::default_of(config);
    let languages: Vec<String> = serde_json::from_str(&row.languages).unwrap_or_default();
    let languages: Vec<Language> = languages.iter().filter_map(|code| Language::parse(code)).collect();
    Profile {
        name: row.name,
        zone: Tz::from_str(&row.zone).unwrap_or(default.zone),
        currency: Currency::from_code(&row.currency).unwrap_or(default.currency),
        languages: if languages.is_empty() { default.languages } else { languages },
        privacy_url: row.privacy_url,
        staff_emails: serde_json::from_str(&row.staff_emails).unwrap_or_default(),
        email: row.email,
        phone: row.phone,
        postal_address: row.postal_address,
    }
}

/// Saves the profile over that version; false when another one is there.
pub fn replace(tx: &mut Tx<'_>, now: UtcTime, new: &Profile, version: i64) -> QueryResult<bool> {
    let values = (
        seller::name.eq(&new.name),
        seller::zone.eq(new.zone.name()),
        seller::currency.eq(new.currency.code()),
        seller::languages.eq(json!(new.languages).to_string()),
        seller::privacy_url.eq(&new.privacy_url),
        seller::staff_emails.eq(json!(new.staff_emails).to_string()),
        seller::email.eq(&new.email),
        seller::phone.eq(&new.phone),
        seller::postal_address.eq(&new.postal_address),
        seller::version.eq(version + 1),
        seller::updated_at.eq(now),
    );
    let changed = if version == 0 {
        on_backend!(tx.conn(), |c| diesel::insert_into(seller::table)
            .values((seller::id.eq(ROW), values))
            .on_conflict(seller::id)
            .do_nothing()
            .execute(c))?
    } else {
        diesel::update(seller::table.filter(seller::version.eq(version))).set(values).execute(tx.conn())?
    };
    Ok(changed == 1)
}

/// Stores a logo in place of the one before.
pub fn replace_logo(tx: &mut Tx<'_>, now: UtcTime, picture: &Picture) -> QueryResult<()> {
    let values = (
        seller_logo::digest.eq(&picture.logo.digest),
        seller_logo::kind.eq(picture.logo.kind),
        seller_logo::width_px.eq(picture.logo.width_px),
        seller_logo::height_px.eq(picture.logo.height_px),
        seller_logo::content.eq(&picture.content),
        seller_logo::updated_at.eq(now),
    );
    on_backend!(tx.conn(), |c| diesel::insert_into(seller_logo::table)
        .values((seller_logo::id.eq(ROW), values))
        .on_conflict(seller_logo::id)
        .do_update()
        .set(values)
        .execute(c))
    .map(drop)
}

/// Removes the logo, if there is one.
pub fn remove_logo(tx: &mut Tx<'_>) -> QueryResult<bool> {
    Ok(diesel::delete(seller_logo::table).execute(tx.conn())? > 0)
}

/// The picture with this digest.
pub fn picture(conn: &mut Conn, digest: &str) -> QueryResult<Option<(LogoKind, Vec<u8>)>> {
    let found = seller_logo::table.filter(seller_logo::digest.eq(digest)).select((seller_logo::kind, seller_logo::content));
    found.first(conn).optional()
}
