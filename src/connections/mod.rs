//! Connections to providers: who may speak for us there. Until one is made, every call is refused with the reason.

use secrecy::SecretString;

use crate::app::App;
use crate::clock::UtcTime;
use crate::db::{Store, Tx};
use crate::integrations::{Failure, FailureClass};
use crate::vault::Vault;

/// What a call needs.
#[derive(Clone, Debug)]
pub struct Access {
    pub token: SecretString,
    pub api_url: String,
    pub external_field: Option<String>,
}

fn not_connected() -> Failure {
    Failure {
        class: FailureClass::Authentication,
        message: "Zoho is not connected".into(),
        retry_after_s: None,
        effect_unknown: false,
        of_record: false,
    }
}

/// The token of the moment.
pub async fn access_token(_app: &App, _provider: &str) -> Result<Access, Failure> {
    Err(not_connected())
}

/// Another token, after this one was refused.
pub async fn refresh_after_rejection(_app: &App, _provider: &str, _refused: &SecretString) -> Result<Access, Failure> {
    Err(not_connected())
}

/// Makes the next call renew its token.
pub fn expire_access_token(_tx: &mut Tx<'_>, _now: UtcTime, _provider: &str) -> diesel::QueryResult<()> {
    Ok(())
}

/// Whether the key opens what is sealed in the database.
pub async fn check_key(_store: &Store, _vault: &Vault, _now: UtcTime) -> anyhow::Result<()> {
    Ok(())
}
