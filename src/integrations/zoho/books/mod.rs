//! Zoho Books v3: organisations, customers, invoices, payments of customers, credit notes and their refunds. Each thing we make carries
//! a key of ours by which it is found again: Books has no idempotency keys. HTTP and `code` decide together.

mod answers;
mod body;
mod things;
mod words;

pub use answers::Made;
pub use things::{Customer, Document, DocumentKind, NewCustomer, NewDocument, NewLine, NewPayment, NewRefund, Organisation, Payment};

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::form_urlencoded::Serializer;

use self::answers::{list, made, read, thing};
use self::body::Fields;
use super::{Called, Sent, send_as};
use crate::http::{Method, Outgoing, Transport};
use crate::money::Currency;

/// The name under which connections, jobs and attempts know Books. Its grant is that of [`super::PROVIDER`].
pub const PROVIDER: &str = "zoho_books";

/// A client for one organisation, with the token of the moment.
pub struct Books<'a> {
    transport: &'a dyn Transport,
    api_url: &'a str,
    token: &'a SecretString,
    organisation: &'a str,
}

impl<'a> Books<'a> {
    /// A client that calls `{api_url}/books/v3`. The organisation may be empty where only organisations are asked for.
    pub fn new(transport: &'a dyn Transport, (api_url, token): (&'a str, &'a SecretString), organisation: &'a str) -> Self {
        Self { transport, api_url, token, organisation }
    }

    /// The organisations that the grant's user may choose among.
    pub async fn organisations(&self) -> Called<Vec<Organisation>> {
        list(self.call(Method::Get, "/organizations", &[], None).await, "organizations", Organisation::read)
    }

    /// Books' id of a currency; None: the organisation does not have it.
    pub async fn currency_id(&self, currency: Currency) -> Called<Option<String>> {
        let sent = self.call(Method::Get, "/settings/currencies", &[], None).await;
        let found =
            list(sent, "currencies", |one| Some((answers::id_text(&one["currency_id"])?, one["currency_code"].as_str()?.to_owned())));
        found.map(|all| all.into_iter().find(|(_, code)| code == currency.code()).map(|(id, _)| id))
    }

    /// Customers with this mail address. A search: what was made a moment ago may not be found yet.
    pub async fn customers_by_mail(&self, mail: &str) -> Called<Vec<Customer>> {
        self.contacts(&[("email", mail), ("contact_type", "customer"), ("per_page", "200")]).await
    }

    /// The contact of this name, in any case, if a search finds it yet. Names are unique, those of suppliers among them.
    pub async fn customer_by_name(&self, name: &str) -> Called<Option<Customer>> {
        let key = name.to_lowercase();
        self.contacts(&[("contact_name", name), ("per_page", "200")])
            .await
            .map(|all| all.into_iter().find(|customer| customer.name.to_lowercase() == key))
    }

    async fn contacts(&self, query: &[(&str, &str)]) -> Called<Vec<Customer>> {
        list(self.call(Method::Get, "/contacts", query, None).await, "contacts", Customer::read)
    }

    /// Makes a customer. Taken: somebody has the name.
    pub async fn create_customer(&self, new: &NewCustomer) -> Called<Made<Customer>> {
        made(self.call(Method::Post, "/contacts", &[], Some(new.body())).await, "contact", Customer::read)
    }

    /// The document of this number, if a search finds it yet. Numbers are unique.
    pub async fn document_by_number(&self, kind: DocumentKind, number: &str) -> Called<Option<Document>> {
        let (path, field) = (format!("/{}", kind.plural()), format!("{}_number", kind.name()));
        let sent = self.call(Method::Get, &path, &[(&field, number)], None).await;
        list(sent, &kind.plural(), |one| Document::read(kind, one)).map(|all| all.into_iter().find(|document| document.number == number))
    }

    /// Makes a document under a number of ours. Taken: there is one of this number.
    pub async fn create_document(&self, kind: DocumentKind, new: &NewDocument) -> Called<Made<Document>> {
        let query = [("ignore_auto_number_generation", "true")];
        let sent = self.call(Method::Post, &format!("/{}", kind.plural()), &query, Some(new.body(kind))).await;
        made(sent, kind.name(), |one| Document::read(kind, one))
    }

    /// A draft becomes a document that counts: an invoice that is owed, a credit note that is open. Nobody is written to.
    pub async fn issue(&self, kind: DocumentKind, id: &str) -> Called<()> {
        let path = format!("/{}/{}/status/{}", kind.plural(), digits(id), kind.issued());
        read(self.call(Method::Post, &path, &[], None).await, |_| Some(()))
    }

    /// The payments of an invoice, read from the invoice itself: no search, so nothing is missing.
    pub async fn payments_of(&self, invoice_id: &str) -> Called<Vec<Payment>> {
        let path = format!("/invoices/{}/payments", digits(invoice_id));
        list(self.call(Method::Get, &path, &[], None).await, "payments", Payment::read)
    }

    /// Pays an invoice.
    pub async fn create_payment(&self, new: &NewPayment) -> Called<Payment> {
        thing(self.call(Method::Post, "/customerpayments", &[], Some(new.body())).await, "payment", Payment::read)
    }

    /// The payment, with the account it went to.
    pub async fn payment(&self, payment_id: &str) -> Called<Payment> {
        let path = format!("/customerpayments/{}", digits(payment_id));
        thing(self.call(Method::Get, &path, &[], None).await, "payment", Payment::read)
    }

    /// What was paid out of a credit note: id and our reference. No search, so nothing is missing.
    pub async fn refunds_of(&self, id: &str) -> Called<Vec<(String, String)>> {
        let path = format!("/creditnotes/{}/refunds", digits(id));
        list(self.call(Method::Get, &path, &[], None).await, "creditnote_refunds", things::refund)
    }

    /// Pays a credit note out. Answers the refund's id.
    pub async fn refund(&self, id: &str, new: &NewRefund) -> Called<String> {
        let path = format!("/creditnotes/{}/refunds", digits(id));
        let sent = self.call(Method::Post, &path, &[], Some(new.body())).await;
        thing(sent, "creditnote_refund", |one| things::refund(one).map(|(id, _)| id))
    }

    async fn call(&self, method: Method, path: &str, query: &[(&str, &str)], body: Option<Fields>) -> Sent {
        let mut headers =
            vec![("authorization", format!("Zoho-oauthtoken {}", self.token.expose_secret())), ("accept", "application/json".to_owned())];
        if body.is_some() {
            headers.push(("content-type", "application/json".to_owned()));
        }
        let url = format!("{}/books/v3{path}{}", self.api_url.trim_end_matches('/'), self.query(query));
        let body = body.map(|fields| fields.json().into_bytes()).unwrap_or_default();
        send_as(PROVIDER, self.transport, &Outgoing { method, url, headers, body }).await
    }
}

impl Books<'_> {
    /// The organisation belongs to every call but the one that lists them.
    fn query(&self, pairs: &[(&str, &str)]) -> String {
        let own = Some(("organization_id", self.organisation)).filter(|(_, id)| !id.is_empty());
        let query = Serializer::new(String::new()).extend_pairs(own.iter().chain(pairs)).finish();
        if query.is_empty() { query } else { format!("?{query}") }
    }
}

/// An id goes into a path: only what belongs in one.
fn digits(id: &str) -> String {
    id.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// The value of a field as text; Books has empty text in place of null.
fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}
