//! The fields of the CRM's leads as they were when last read, and what they mean for the unique field that holds our id. Pages
//! show what is kept here; only a person who asks makes a call.

pub(super) mod queries;

use futures_util::FutureExt;

use super::connect::in_time;
use super::custody::access_token;
use super::renewal::with_renewal;
use crate::app::App;
use crate::audit::{self, Act};
use crate::clock::UtcTime;
use crate::db::{Topic, Tx, WriteError};
use crate::error::Error;
use crate::integrations::Failure;
use crate::integrations::zoho::PROVIDER;
use crate::integrations::zoho::crm::{Crm, Field};
use crate::outbox::admin::Request;
use crate::outbox::limits;

/// The fields, and when they were read.
#[derive(Clone, Debug, PartialEq)]
pub struct CrmFields {
    pub fields: Vec<Field>,
    pub read_at: UtcTime,
}

/// What the CRM's leads have in place of the field that is to hold our id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Unique,
    NotUnique,
    Missing,
}

/// Why the fields could not be read; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum FieldsError {
    #[error("{0}")]
    Zoho(Failure),
    #[error("{0}")]
    Own(#[from] Error),
}

impl Verdict {
    /// Looks for the field by its API name.
    pub fn of(fields: &[Field], external_field: &str) -> Self {
        match fields.iter().find(|field| field.api_name == external_field) {
            Some(field) if field.is_unique => Self::Unique,
            Some(_) => Self::NotUnique,
            None => Self::Missing,
        }
    }

    /// What to do about it, in a sentence or two; empty where all is well.
    pub fn advice(self, external_field: &str) -> String {
        let without = "Until then a lead whose answer from Zoho is lost waits for a person.";
        match self {
            Self::Unique => String::new(),
            Self::NotUnique => format!(
                "The field {external_field} of Leads allows duplicate values: mark it \"Do not allow duplicate values\" in Zoho and connect again. {without}"
            ),
            Self::Missing => format!(
                "Leads have no field {external_field}: add a single-line field with that API name and \"Do not allow duplicate values\" in Zoho, then connect again. {without}"
            ),
        }
    }
}

/// Asks the CRM for the fields of its leads and keeps what it answers; from then on leads are delivered by the unique field if
/// there is one.
pub async fn read(app: &App, by: &Request) -> Result<CrmFields, FieldsError> {
    let mut access = access_token(app, PROVIDER).await.map_err(FieldsError::Zoho)?;
    limits::ask(app, PROVIDER, &super::zoho_limits(&app.config), 1).await?;
    let call = |access: super::Access| async move { Crm::new(&*app.transport, &access.api_url, &access.token).lead_fields().await }.boxed();
    let fields = in_time(with_renewal(app, PROVIDER, &mut access, call)).await.map_err(FieldsError::Zoho)?;
    let told = CrmFields { fields, read_at: app.clock.now() };
    keep(app, &told, access.connection_id, by).await?;
    Ok(told)
}

async fn keep(app: &App, told: &CrmFields, id: super::ConnectionId, by: &Request) -> Result<(), Error> {
    let (json, at, by) = (to_json(&told.fields), told.read_at, by.clone());
    let wanted = app.config.zoho.external_field.clone();
    let verdict = Verdict::of(&told.fields, &wanted);
    let found = (verdict == Verdict::Unique).then_some(wanted);
    let write = move |tx: &mut Tx<'_>| -> Result<(), Error> {
        queries::keep(tx, id, &json, at)?;
        let before = queries::set_external_field(tx, id, found.as_deref(), at)?;
        let act = Act {
            actor: &by.actor,
            action: "connections.read_fields",
            subject: "connection:zoho",
            line: None,
            reason: by.reason.as_deref(),
            before: Some(serde_json::json!({ "external_field": before })),
            after: Some(serde_json::json!({ "external_field": found })),
            address: by.address.as_deref(),
        };
        tx.touch(Topic::Connections);
        tx.touch(Topic::Ready);
        Ok(audit::record(tx, at, &act)?)
    };
    let written: Result<(), WriteError<Error>> = app.store.write("connections.keep_fields", PROVIDER, write).await;
    Ok(written?)
}

/// As they are kept.
pub(super) fn to_json(fields: &[Field]) -> String {
    serde_json::to_string(fields).unwrap_or_else(|_| "[]".into())
}
