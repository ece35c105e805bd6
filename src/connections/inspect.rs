//! Tries out what a grant may do, before it is kept: where its calls go, whose account it is, what its leads look like.

use super::connect::{Candidate, ConnectError, in_time};
use crate::app::App;
use crate::integrations::zoho::crm::{Crm, Field, LeadSearch, Organisation, ZohoLeadId};
use crate::integrations::zoho::scopes::{self, Scope};
use crate::integrations::zoho::{PROVIDER, data_centers};
use crate::integrations::{Failure, FailureClass};
use crate::outbox::limits;

/// What a grant must be able to do to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Leads can be delivered with it: a self client's grant may be narrower than ours would be.
    Delivery,
    /// All that a person was asked for.
    Everything,
}

/// What was found.
pub(super) struct Inspected {
    pub api_url: String,
    pub organisation: Option<Organisation>,
    pub fields: Vec<Field>,
}

/// Looks; nothing is changed anywhere.
pub(super) async fn inspect(app: &App, candidate: &Candidate, need: Need) -> Result<Inspected, ConnectError> {
    let token = &candidate.token;
    let api_url = data_centers::api_url(token.api_domain.as_deref(), &candidate.accounts_url, app.config.zoho.api_url.as_deref());
    let api_url = api_url.map_err(ConnectError::Refused)?;
    let is_told = token.scopes.is_some();
    let missing = token.scopes.as_deref().map(scopes::missing).unwrap_or_default();
    if need == Need::Everything && !missing.is_empty() {
        return Err(ConnectError::MissingScopes(missing));
    }
    let calls = if need == Need::Everything && !is_told { 4 } else { 2 };
    // The accounts server's own limit is kept where tokens are renewed; these calls are the CRM's.
    limits::ask(app, PROVIDER, &super::zoho_limits(&app.config), calls).await?;
    let crm = Crm::new(&*app.transport, &api_url, &token.token);
    let fields = in_time(crm.lead_fields()).await.map_err(|failure| refused(failure, "the CRM's fields could not be read"))?;
    let organisation = match (in_time(crm.organisation()).await, need) {
        (Ok(organisation), _) => Some(organisation),
        (Err(_), Need::Delivery) => None,
        (Err(failure), Need::Everything) => return Err(refused(failure, "the organisation could not be read")),
    };
    if calls == 4 {
        let missing = not_allowed(app, &crm).await;
        if !missing.is_empty() {
            return Err(ConnectError::MissingScopes(missing));
        }
    }
    Ok(Inspected { api_url, organisation, fields })
}

/// Where the token's answer names no scopes, what is left to know is found by asking for nothing.
async fn not_allowed(app: &App, crm: &Crm<'_>) -> Vec<Scope> {
    let is_refused = |failure: &Failure| failure.class == FailureClass::Authentication;
    let now = app.clock.now();
    let mut missing = Vec::new();
    if in_time(crm.lead_notes(&ZohoLeadId("0".into()))).await.is_err_and(|failure| is_refused(&failure)) {
        missing.extend(named("ZohoCRM.modules.notes.ALL"));
    }
    if let Some(search) = LeadSearch::new("Last_Name", "nobody", (now, now), "Last_Name")
        && in_time(crm.find_leads(&search, 0)).await.is_err_and(|failure| is_refused(&failure))
    {
        missing.extend(named("ZohoCRM.coql.READ"));
    }
    missing
}

fn named(name: &str) -> Option<Scope> {
    scopes::NEEDED.into_iter().find(|scope| scope.name == name)
}

fn refused(failure: Failure, what: &str) -> ConnectError {
    let needed = scopes::NEEDED.map(|scope| scope.name);
    let (last, others) = (needed[needed.len() - 1], needed[..needed.len() - 1].join(", "));
    let message = format!("The grant works, but {what} (scopes {others} and {last} are needed): {}", failure.message);
    ConnectError::Refused(Failure { message, ..failure })
}
