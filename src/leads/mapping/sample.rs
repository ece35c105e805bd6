//! A lead to show a mapping by, where none has come in yet. Nobody's: its domain can never exist.

use serde_json::json;

use crate::clock::UtcTime;
use crate::leads::{Lead, LeadId, LeadKind, LeadStatus};
use crate::line::LineId;

/// Makes one up, with a value in every part.
pub fn invented(now: UtcTime) -> Lead {
    Lead {
        id: LeadId(0),
        line_id: LineId::mint(now).to_string(),
        status_token_hash: String::new(),
        kind: LeadKind::Quote,
        source: "website".into(),
        name: "Ada King Lovelace".into(),
        email: Some("ada.lovelace@sample.example".into()),
        email_key: Some("ada.lovelace@sample.example".into()),
        phone: Some("+44 20 7946 0958".into()),
        phone_e164: Some("+442079460958".into()),
        company: Some("Analytical Engines Ltd".into()),
        message: Some("Please send a quote for two units.".into()),
        items: json!([{ "sku": "G65", "quantity": 2 }]).to_string(),
        utm: json!({ "utm_source": "newsletter" }).to_string(),
        page_url: Some("https://www.sample.example/products/g65".into()),
        consent_given: Some(true),
        consent_wording: Some("Yes, you may write to me about this enquiry.".into()),
        consent_version: None,
        language: Some("en".into()),
        conversation_id: None,
        transcript: None,
        extra: "{}".into(),
        status: LeadStatus::Pending,
        retry_count: 0,
        last_error: None,
        processed_at: None,
        zoho_lead_id: None,
        provider_response: None,
        received_at: now,
        updated_at: now,
    }
}
