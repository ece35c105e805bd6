//! What Books keeps, as far as we read and make it. Ids come as numbers or as text and are kept as text.

use chrono::NaiveDate;
use serde_json::Value;

use super::answers::{id_text, minor};
use super::body::Fields;
use super::text;
use crate::money::{Currency, Money};

/// The longest name of a line.
const LINE_NAME_MAX: usize = 100;

/// An organisation: whose books they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organisation {
    pub id: String,
    pub name: String,
    pub currency: String,
    /// The plan's name, where Books tells it.
    pub plan: String,
}

/// A customer (Books: a contact).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    pub id: String,
    pub name: String,
    pub mail: String,
    /// ISO 4217; a customer's documents are all in it.
    pub currency: String,
}

/// The documents that are made here. Books calls the same parts of them by other names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentKind {
    Invoice,
    CreditNote,
}

/// An invoice or a credit note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    pub id: String,
    pub number: String,
    /// Our own key, by which we know that it is ours.
    pub reference: String,
    pub is_draft: bool,
    /// None: in a currency or of a size that we cannot read.
    pub total_minor: Option<i64>,
    pub currency: String,
}

/// A payment of a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    pub id: String,
    pub reference: String,
    /// Where the money went.
    pub account_id: Option<String>,
}

/// A customer to be made.
#[derive(Clone, Debug)]
pub struct NewCustomer {
    /// Unique in the organisation.
    pub name: String,
    pub person: Option<String>,
    pub mail: Option<String>,
    pub currency_id: String,
}

/// A line of a document.
#[derive(Clone, Debug)]
pub struct NewLine {
    pub name: String,
    pub description: Option<String>,
    pub quantity: i64,
    pub each: Money,
}

/// An invoice or a credit note to be made. Taxes are inside the amounts.
#[derive(Clone, Debug)]
pub struct NewDocument {
    pub customer_id: String,
    /// Unique in the organisation.
    pub number: String,
    pub reference: String,
    pub on: NaiveDate,
    pub lines: Vec<NewLine>,
}

/// A payment of a whole invoice.
#[derive(Clone, Debug)]
pub struct NewPayment {
    pub customer_id: String,
    pub invoice_id: String,
    pub reference: String,
    pub amount: Money,
    pub on: NaiveDate,
    pub description: String,
}

/// What is paid out of a credit note.
#[derive(Clone, Debug)]
pub struct NewRefund {
    pub reference: String,
    pub amount: Money,
    pub on: NaiveDate,
    /// The account the customer's payment went to.
    pub account_id: String,
}

impl Organisation {
    pub(super) fn read(value: &Value) -> Option<Self> {
        let id = id_text(&value["organization_id"])?;
        let plan = ["plan_name", "plan"].into_iter().map(|field| text(value, field)).find(|plan| !plan.is_empty()).unwrap_or_default();
        Some(Self { id, name: text(value, "name"), currency: text(value, "currency_code"), plan })
    }
}

impl Customer {
    pub(super) fn read(value: &Value) -> Option<Self> {
        let id = id_text(&value["contact_id"])?;
        let primary = value["contact_persons"].as_array().into_iter().flatten().find(|person| person["is_primary_contact"] == true);
        let mail = match (text(value, "email"), primary) {
            (mail, Some(person)) if mail.is_empty() => text(person, "email"),
            (mail, _) => mail,
        };
        Some(Self { id, name: text(value, "contact_name"), mail, currency: text(value, "currency_code") })
    }
}

impl DocumentKind {
    /// In sentences.
    pub fn words(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::CreditNote => "credit note",
        }
    }

    /// What an answer calls one, and the beginning of the names of its id and number.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::CreditNote => "creditnote",
        }
    }

    /// What an answer and a path call several.
    pub(super) fn plural(self) -> String {
        format!("{}s", self.name())
    }

    /// The status in which it is no draft any more.
    pub(super) fn issued(self) -> &'static str {
        match self {
            Self::Invoice => "sent",
            Self::CreditNote => "open",
        }
    }
}

impl Document {
    pub(super) fn read(kind: DocumentKind, value: &Value) -> Option<Self> {
        let (name, currency) = (kind.name(), text(value, "currency_code"));
        Some(Self {
            id: id_text(&value[format!("{name}_id")])?,
            number: text(value, &format!("{name}_number")),
            reference: text(value, "reference_number"),
            is_draft: value["status"] == "draft",
            total_minor: Currency::from_code(&currency).and_then(|currency| minor(&value["total"], currency)),
            currency,
        })
    }
}

impl Payment {
    pub(super) fn read(value: &Value) -> Option<Self> {
        Some(Self {
            id: id_text(&value["payment_id"])?,
            reference: text(value, "reference_number"),
            account_id: id_text(&value["account_id"]),
        })
    }
}

/// A refund's id and our reference.
pub(super) fn refund(value: &Value) -> Option<(String, String)> {
    Some((id_text(&value["creditnote_refund_id"])?, text(value, "reference_number")))
}

impl NewCustomer {
    pub(super) fn body(&self) -> Fields {
        let fields =
            Fields::default().text("contact_name", &self.name).text("contact_type", "customer").text("currency_id", &self.currency_id);
        let Some(mail) = &self.mail else { return fields };
        let person = Fields::default().text_if("first_name", self.person.as_deref()).text("email", mail).yes("is_primary_contact");
        fields.list("contact_persons", &[person])
    }
}

impl NewDocument {
    pub(super) fn body(&self, kind: DocumentKind) -> Fields {
        let lines: Vec<Fields> = self.lines.iter().map(NewLine::body).collect();
        Fields::default()
            .text("customer_id", &self.customer_id)
            .text(&format!("{}_number", kind.name()), &self.number)
            .text("reference_number", &self.reference)
            .text("date", &self.on.to_string())
            .yes("is_inclusive_tax")
            .list("line_items", &lines)
    }
}

impl NewLine {
    fn body(&self) -> Fields {
        let name: String = self.name.chars().take(LINE_NAME_MAX).collect();
        Fields::default()
            .text("name", &name)
            .text_if("description", self.description.as_deref())
            .number("quantity", self.quantity)
            .amount("rate", self.each)
    }
}

impl NewPayment {
    pub(super) fn body(&self) -> Fields {
        let applied = Fields::default().text("invoice_id", &self.invoice_id).amount("amount_applied", self.amount);
        Fields::default()
            .text("customer_id", &self.customer_id)
            .text("payment_mode", "others")
            .amount("amount", self.amount)
            .text("date", &self.on.to_string())
            .text("reference_number", &self.reference)
            .text("description", &self.description)
            .list("invoices", &[applied])
    }
}

impl NewRefund {
    pub(super) fn body(&self) -> Fields {
        Fields::default()
            .text("date", &self.on.to_string())
            .text("refund_mode", "others")
            .text("reference_number", &self.reference)
            .amount("amount", self.amount)
            .text("from_account_id", &self.account_id)
    }
}
