//! Looks up in Zoho CRM what became of a lead whose answer was lost: by what it was sent with and the time, comparing our line
//! id in the description. Needed only where the CRM keeps no unique field for our id.

use chrono::TimeDelta;
use futures_util::FutureExt;
use serde_json::json;

use super::crm_record::{self, id_line};
use super::mapping::{self, LeadField, Mapping};
use super::model::{Lead, LeadId};
use super::queries;
use crate::app::App;
use crate::clock::UtcTime;
use crate::connections::{self, Access};
use crate::db::Conn;
use crate::error::Error;
use crate::integrations::zoho::crm::{Crm, FOUND_MAX, FoundLeads, LeadSearch};
use crate::integrations::zoho::{Called, PROVIDER};
use crate::integrations::{Failure, FailureClass};
use crate::outbox::{Probe, Probed};

/// Pages that one look reads at most, of 200 records each.
pub const PAGES_MAX: usize = 2;
/// Clocks of others may be off by so much.
const MARGIN: TimeDelta = TimeDelta::minutes(15);
/// What a lead is looked for by: the first of these that it has and that a query can say.
const TRAITS: [LeadField; 3] = [LeadField::Email, LeadField::Phone, LeadField::LastName];

/// Looks once.
pub async fn look_up(app: &App, id: LeadId) -> Probed {
    let zoho = app.config.zoho.clone();
    let read = move |conn: &mut Conn| -> Result<_, Error> { Ok((queries::find(conn, id)?, mapping::current(conn, &zoho)?)) };
    let (lead, mapping) = match app.store.read(read).await {
        Ok((Some(lead), mapping)) => (lead, mapping),
        Ok((None, _)) => return Probe::CannotTell("The lead is no longer in our database.".into()).into(),
        Err(cause) => return Probe::Failed(Failure::of_call(FailureClass::Network, cause.to_string())).into(),
    };
    let Some(search) = search(&lead, &mapping, app.clock.now()) else {
        return Probe::CannotTell("There is nothing it could be looked up by: look for it in Zoho CRM, then decide.".into()).into();
    };
    let mut access = match connections::access_token(app, PROVIDER).await {
        Ok(access) => access,
        Err(failure) => return Probe::Failed(failure).into(),
    };
    let search = &search;
    let ours = id_line(&lead);
    for page in 0..PAGES_MAX {
        let call = |access: Access| find(app, access, search, page * FOUND_MAX).boxed();
        let called = connections::with_renewal(app, PROVIDER, &mut access, call).await;
        let is_token_refused = called.credentials_refused;
        let exchange = Some(called.exchange);
        let found = match called.result {
            Ok(found) => found,
            Err(failure) => return Probed { probe: not_looked(failure, is_token_refused), exchange },
        };
        if let Some(ours) = found.leads.iter().find(|lead| lead.told.contains(&ours)) {
            return Probed { probe: Probe::Arrived(json!({ "zoho_lead_id": ours.id.0, "how": "found" })), exchange };
        }
        if !found.has_more {
            return Probed { probe: Probe::NotArrived, exchange };
        }
    }
    Probe::CannotTell("Zoho CRM has too many records like it to look through: look for it there, then decide.".into()).into()
}

async fn find(app: &App, access: Access, search: &LeadSearch, offset: usize) -> Called<FoundLeads> {
    Crm::new(&*app.transport, &access.api_url, &access.token).find_leads(search, offset).await
}

/// By the mail address, else the phone number, else the family name, each as it was sent, since the lead came in. None: the
/// mapping sends no description, which holds our id, or nothing that a query can say.
fn search(lead: &Lead, mapping: &Mapping, now: UtcTime) -> Option<LeadSearch> {
    let told = mapping.crm_field(LeadField::Description)?;
    let sent = crm_record::record(lead, mapping, None);
    TRAITS.iter().find_map(|of_lead| {
        let field = mapping.crm_field(*of_lead)?;
        LeadSearch::new(field, sent.get(field)?.as_str()?, (lead.received_at - MARGIN, now + MARGIN), told)
    })
}

/// A look that cannot be repeated with hope, for want of a right or because the query is refused, is a person's.
fn not_looked(failure: Failure, is_token_refused: bool) -> Probe {
    let is_about_rights = failure.class == FailureClass::Authentication && !is_token_refused;
    let is_refused = matches!(failure.class, FailureClass::Validation | FailureClass::NotFound | FailureClass::Unknown);
    if is_about_rights || is_refused {
        let grant = if is_about_rights { " (the scope ZohoCRM.coql.READ lets Throughline look)" } else { "" };
        return Probe::CannotTell(format!("{}{grant}. Look for it in Zoho CRM, then decide.", failure.message));
    }
    Probe::Failed(failure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leads::{LeadKind, LeadStatus};

    fn lead() -> Lead {
        Lead {
            id: LeadId(1),
            line_id: "line".into(),
            status_token_hash: String::new(),
            kind: LeadKind::Quote,
            source: "website".into(),
            name: "Ada O'Neil".into(),
            email: Some("ada@example.com".into()),
            email_key: None,
            phone: Some("020 7946 0958".into()),
            phone_e164: Some("+442079460958".into()),
            company: None,
            message: None,
            items: "[]".into(),
            utm: "{}".into(),
            page_url: None,
            consent_given: None,
            consent_wording: None,
            consent_version: None,
            language: None,
            conversation_id: None,
            transcript: None,
            extra: "{}".into(),
            status: LeadStatus::Uncertain,
            retry_count: 0,
            last_error: None,
            processed_at: None,
            zoho_lead_id: None,
            provider_response: None,
            received_at: UtcTime::default() + MARGIN,
            updated_at: UtcTime::default(),
        }
    }

    fn searched(lead: &Lead, without: &str) -> Option<LeadSearch> {
        let all = [
            ("Last_Name", LeadField::LastName),
            ("Email", LeadField::Email),
            ("Phone", LeadField::Phone),
            ("Description", LeadField::Description),
        ];
        let mapping = Mapping(all.into_iter().filter(|(field, _)| *field != without).map(|(crm, part)| (crm.into(), part)).collect());
        search(lead, &mapping, UtcTime::default() + MARGIN)
    }

    #[test]
    fn a_lead_is_looked_up_by_the_first_thing_that_a_query_can_say() {
        let until = UtcTime::default() + MARGIN * 2;
        let by = |field: &str, value: &str| LeadSearch::new(field, value, (UtcTime::default(), until), "Description");
        assert_eq!(searched(&lead(), ""), by("Email", "ada@example.com"));
        assert_eq!(searched(&lead(), "Email"), by("Phone", "+442079460958"));
        let odd = Lead { email: Some("a\\' or id is not null or '@example.com".into()), phone: None, phone_e164: None, ..lead() };
        assert_eq!(searched(&odd, ""), by("Last_Name", "O'Neil"), "what could break out of its quotes is not said");
        assert_eq!(searched(&Lead { name: "\\".into(), email: None, ..odd }, ""), None);
        assert_eq!(searched(&lead(), "Description"), None, "nothing there would name it");
    }
}
