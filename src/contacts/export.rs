//! Contacts and companies as data: JSON by pages, CSV whole.

use serde_json::{Value, json};

use super::show_queries::{self as queries, Contacts};
use super::views::list_href;
use crate::Result;
use crate::app::App;
use crate::db::Conn;
use crate::db::keyset::{Page, Place};
use crate::people::{AddressKind, Company, Contact, list_queries};
use crate::web::csv::{Outline, Row, row};
use crate::web::{CsvFile, ListForm, format};

/// Rows of one read of a file.
const CHUNK: usize = 500;

const CONTACT_HEADER: &[&str] = &["id", "name", "email", "phone", "stripe_customer", "company_id", "company", "created_at"];
const COMPANY_HEADER: &[&str] = &["id", "name", "domain", "created_at"];

impl Contacts {
    /// What identifies a contact, of one kind.
    pub fn address(&self, contact: &Contact, kind: AddressKind) -> Option<&String> {
        self.addresses.iter().find(|address| address.contact_id == contact.id && address.kind == kind).map(|address| &address.value)
    }

    /// The company of a contact.
    pub fn company(&self, contact: &Contact) -> Option<&Company> {
        self.companies.get(&contact.company_id?)
    }

    fn to_row(&self, contact: &Contact) -> Row {
        row![
            contact.id.0,
            contact.name.as_ref(),
            self.address(contact, AddressKind::Email),
            self.address(contact, AddressKind::Phone),
            self.address(contact, AddressKind::StripeCustomer),
            contact.company_id.map(|id| id.0),
            self.company(contact).map(|company| &company.name),
            contact.created_at,
        ]
    }

    fn to_json(&self, contact: &Contact) -> Value {
        let addresses = self.addresses.iter().filter(|address| address.contact_id == contact.id);
        let company = self.company(contact).map(|company| json!({ "id": company.id, "name": company.name, "domain": company.domain }));
        json!({
            "id": contact.id, "name": contact.name, "company": company, "created_at": format::rfc3339(contact.created_at),
            "addresses": addresses.map(|address| json!({ "kind": address.kind, "value": address.value })).collect::<Vec<_>>(),
        })
    }
}

/// The contacts as a file.
pub async fn contacts(app: &App, form: ListForm, text: Option<String>, place: Place) -> Result<CsvFile> {
    let read = move |conn: &mut Conn, place: Place| -> Result<(Vec<Row>, Option<Place>)> {
        let found = queries::contacts_piece(conn, text.as_deref(), place, CHUNK)?;
        Ok((found.page.rows.iter().map(|contact| found.to_row(contact)).collect(), found.page.older))
    };
    CsvFile::of_pages(&app.store, Outline { name: "contacts".into(), header: CONTACT_HEADER, form }, place, read).await
}

/// A page of contacts.
pub fn contacts_json(found: &Contacts, text: Option<&str>, form: ListForm) -> Value {
    let next = found.page.older.map(|place| list_href("/contacts", text, Some(place), form.in_next()));
    json!({ "contacts": found.page.rows.iter().map(|contact| found.to_json(contact)).collect::<Vec<_>>(), "next": next })
}

/// The companies as a file.
pub async fn companies(app: &App, form: ListForm, text: Option<String>, place: Place) -> Result<CsvFile> {
    let read = move |conn: &mut Conn, place: Place| -> Result<(Vec<Row>, Option<Place>)> {
        let page = list_queries::companies_piece(conn, text.as_deref(), place, CHUNK)?;
        let to_row = |company: &Company| row![company.id.0, &company.name, company.domain.as_ref(), company.created_at];
        Ok((page.rows.iter().map(to_row).collect(), page.older))
    };
    CsvFile::of_pages(&app.store, Outline { name: "companies".into(), header: COMPANY_HEADER, form }, place, read).await
}

/// A page of companies.
pub fn companies_json(page: &Page<Company>, text: Option<&str>, form: ListForm) -> Value {
    let next = page.older.map(|place| list_href("/companies", text, Some(place), form.in_next()));
    let told = |company: &Company| json!({ "id": company.id, "name": company.name, "domain": company.domain, "created_at": format::rfc3339(company.created_at) });
    json!({ "companies": page.rows.iter().map(told).collect::<Vec<_>>(), "next": next })
}
