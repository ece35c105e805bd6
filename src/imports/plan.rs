//! Which column of an older system's file is which field of a lead: guessed from its name, and said by a person.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::db::text_enum;
use crate::records::Format;

text_enum! {
    /// What a column holds.
    pub enum Field {
        /// The older system's id of the lead.
        Id => "id",
        Kind => "kind",
        Status => "status",
        ReceivedAt => "received_at",
        Name => "name",
        FirstName => "first_name",
        LastName => "last_name",
        Email => "email",
        Phone => "phone",
        Company => "company",
        Message => "message",
        Items => "items",
        Source => "source",
        PageUrl => "page_url",
        Consent => "consent",
        ConsentWording => "consent_wording",
        ConversationId => "conversation_id",
        Transcript => "transcript",
        UtmSource => "utm_source",
        UtmMedium => "utm_medium",
        UtmCampaign => "utm_campaign",
        UtmTerm => "utm_term",
        UtmContent => "utm_content",
        /// When it was sent, or failed.
        ProcessedAt => "processed_at",
        RetryCount => "retry_count",
        LastError => "last_error",
        ZohoLeadId => "zoho_lead_id",
        /// Kept with the lead as it is.
        Keep => "keep",
        /// Left out.
        Drop => "drop",
    }
}

/// Names that older systems give their columns, in the form of `plain`.
const NAMES: &[(Field, &[&str])] = &[
    (Field::Id, &["id", "lead_id", "old_id", "uuid", "reference", "ref"]),
    (Field::Kind, &["kind", "type", "lead_type", "form_type", "form"]),
    (Field::Status, &["status", "state", "sync_status", "zoho_status", "lead_status", "processing_status"]),
    (
        Field::ReceivedAt,
        &["received_at", "received", "created_at", "created", "created_on", "createdat", "submitted_at", "date", "timestamp", "datetime"],
    ),
    (Field::Name, &["name", "full_name", "fullname", "customer_name", "contact_name", "your_name", "customer"]),
    (Field::FirstName, &["first_name", "firstname", "given_name"]),
    (Field::LastName, &["last_name", "lastname", "surname", "family_name"]),
    (Field::Email, &["email", "e_mail", "email_address", "e_mail_address", "mail", "customer_email", "contact_email"]),
    (
        Field::Phone,
        &["phone", "phone_number", "mobile", "telephone", "tel", "mobile_number", "contact_number", "whatsapp", "customer_phone"],
    ),
    (Field::Company, &["company", "company_name", "organisation", "organization", "business", "business_name"]),
    (Field::Message, &["message", "comment", "comments", "notes", "note", "enquiry", "inquiry", "description", "requirements", "body"]),
    (Field::Items, &["items", "products", "cart", "line_items", "quote_items"]),
    (Field::Source, &["source", "lead_source", "channel", "origin"]),
    (Field::PageUrl, &["page_url", "page", "url", "landing_page", "source_url"]),
    (Field::Consent, &["consent", "gdpr_consent", "consent_given", "privacy_consent"]),
    (Field::ConsentWording, &["consent_wording", "consent_text"]),
    (Field::ConversationId, &["conversation_id", "session_id", "chat_id", "conversation"]),
    (Field::Transcript, &["transcript", "messages", "chat_history", "history", "chat_transcript"]),
    (Field::ProcessedAt, &["processed_at", "sent_at", "synced_at", "last_attempt_at", "completed_at"]),
    (Field::RetryCount, &["retry_count", "retries", "attempts", "attempt_count"]),
    (Field::LastError, &["last_error", "error", "error_message", "failure_reason", "zoho_error"]),
    (Field::ZohoLeadId, &["zoho_lead_id", "zoho_id", "crm_id", "zoho_record_id", "zoho_crm_id", "crm_lead_id"]),
    // What our own file of refused rows adds in front.
    (Field::Drop, &["import_line", "import_why"]),
];

/// How a file is read: what `imports.plan` holds as JSON.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Plan {
    pub format: Format,
    /// A column that is not named is kept with the lead.
    pub columns: BTreeMap<String, Field>,
    /// The columns in the order of the file: the whole header of CSV, what the first records of NDJSON have.
    pub order: Vec<String>,
}

impl Field {
    /// What the name of a column says it holds.
    pub fn guess(column: &str) -> Self {
        let plain = plain(column);
        if let Some(field) = Self::parse(&plain).filter(|field| !matches!(field, Self::Keep | Self::Drop)) {
            return field;
        }
        NAMES.iter().find(|(_, names)| names.contains(&plain.as_str())).map_or(Self::Keep, |(field, _)| *field)
    }
}

impl Plan {
    /// The columns as their names say; of two that say the same the first has it.
    pub fn guessed(format: Format, order: Vec<String>) -> Self {
        let mut plan = Self { format, columns: BTreeMap::new(), order: Vec::new() };
        for column in &order {
            let field = Field::guess(column);
            let is_taken = !matches!(field, Field::Keep | Field::Drop) && plan.columns.values().any(|taken| *taken == field);
            plan.columns.insert(column.clone(), if is_taken { Field::Keep } else { field });
        }
        Self { order, ..plan }
    }

    /// What a column holds.
    pub fn field(&self, column: &str) -> Field {
        self.columns.get(column).copied().unwrap_or(Field::Keep)
    }

    /// Says what columns hold, against the guess. Fails with every mistake in words.
    pub fn say(&mut self, pairs: &[(String, Field)]) -> Result<(), String> {
        let mut mistakes = String::new();
        for (column, field) in pairs {
            if self.format != Format::Ndjson && !self.order.contains(column) {
                let _infallible = write!(mistakes, "the file has no column “{column}”; it has {}. ", self.order.join(", "));
            }
            // Whoever names a field takes it from the column that was guessed to hold it.
            let guessed: Vec<String> = self.columns.iter().filter(|(_, held)| *held == field).map(|(name, _)| name.clone()).collect();
            for name in guessed.into_iter().filter(|_| !matches!(field, Field::Keep | Field::Drop)) {
                if pairs.iter().any(|(said, of)| *said == name && of == field && said != column) {
                    let _infallible = write!(mistakes, "“{name}” and “{column}” are both said to be {}. ", field.as_str());
                }
                self.columns.insert(name, Field::Keep);
            }
            self.columns.insert(column.clone(), *field);
        }
        if mistakes.is_empty() { Ok(()) } else { Err(mistakes.trim_end().to_owned()) }
    }

    /// Whether some column holds the field.
    pub fn has(&self, field: Field) -> bool {
        self.columns.values().any(|held| *held == field)
    }
}

/// Reads `COLUMN=FIELD`.
pub fn pair(text: &str) -> Result<(String, Field), String> {
    let (column, field) = text.rsplit_once('=').ok_or_else(|| format!("“{text}” is not COLUMN=FIELD"))?;
    let name = field.trim();
    let field = Field::parse(name).ok_or_else(|| {
        let known: Vec<_> = Field::ALL.iter().map(|field| field.as_str()).collect();
        format!("“{name}” is no field of a lead; there are {}", known.join(", "))
    })?;
    Ok((column.trim().to_owned(), field))
}

/// Reads a file of such lines; empty ones and those after # say nothing.
pub fn pairs(text: &str) -> Result<Vec<(String, Field)>, String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).map(pair).collect()
}

/// `E-Mail Address` as `e_mail_address`.
fn plain(column: &str) -> String {
    let words: Vec<String> = column.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    words.join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(columns: &[&str]) -> Plan {
        Plan::guessed(Format::Csv { separator: ',' }, columns.iter().map(|column| (*column).to_owned()).collect())
    }

    #[test]
    fn columns_are_recognised_by_the_names_that_systems_give_them() {
        let plan =
            plan(&["ID", "Full Name", "E-Mail Address", "email", "Created At", "Sync-Status", "zoho_lead_id", "utm_source", "Colour"]);
        let told: Vec<_> = plan.order.iter().map(|column| plan.field(column).as_str()).collect();
        assert_eq!(told, ["id", "name", "email", "keep", "received_at", "status", "zoho_lead_id", "utm_source", "keep"]);
    }

    #[test]
    fn a_person_has_the_last_word_and_is_told_of_mistakes() {
        let mut plan = plan(&["name", "contact", "email", "mail 2"]);
        plan.say(&[("contact".into(), Field::Name), ("name".into(), Field::Company)]).expect("it fits");
        assert_eq!((plan.field("contact"), plan.field("name")), (Field::Name, Field::Company));
        let unknown = plan.say(&[("Kontakt".into(), Field::Name)]).expect_err("no such column");
        assert!(unknown.contains("no column “Kontakt”; it has name, contact, email, mail 2"), "{unknown}");
        let twice = plan.say(&[("email".into(), Field::Email), ("mail 2".into(), Field::Email)]).expect_err("one field, two columns");
        assert_eq!(twice, "“email” and “mail 2” are both said to be email.");
        assert!(pair("a=b").expect_err("no field").starts_with("“b” is no field of a lead; there are id, kind, status"));
        assert_eq!(
            pairs("# old names\nFoo = name\n\nBar=drop").expect("pairs"),
            [("Foo".into(), Field::Name), ("Bar".into(), Field::Drop)]
        );
    }
}
