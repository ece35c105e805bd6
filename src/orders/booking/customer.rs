//! The customer: found by what we booked before, by mail address, or made. Names are unique in Books, which is what keeps a lost answer
//! from making a second one while its search does not find the first yet.

use serde_json::json;

use super::book_job::{Story, own_database};
use super::desk::{Desk, ask};
use super::model::{Step, StepKind};
use super::queries::{self, Booked};
use crate::app::App;
use crate::db::{Conn, Tx};
use crate::error::Error;
use crate::integrations::zoho::books::{Customer, Made, NewCustomer, PROVIDER};
use crate::integrations::{Failure, FailureClass};
use crate::line::LineId;
use crate::money::Currency;
use crate::timeline::{self, Event};

/// The longest name that is made; Books takes 200 characters.
const NAME_MAX: usize = 120;

pub(super) async fn book(desk: &mut Desk<'_>, story: &Story, step: &Step) -> Result<Booked, Failure> {
    let (key, organisation) = (step.key.clone(), desk.organisation_id().to_owned());
    let known = read(desk, move |conn| queries::known_customers(conn, &key, &organisation)).await?;
    if let Some(zoho_id) = known.into_iter().next() {
        return Ok(Booked { zoho_id, account_id: None });
    }
    let wanted = Wanted::of(story, step);
    if let Some(mail) = &wanted.mail {
        let mut found = ask!(desk, |books| books.customers_by_mail(mail))?;
        // A search may still find what is gone.
        let (ids, organisation) = (found.iter().map(|one| one.id.clone()).collect::<Vec<_>>(), desk.organisation_id().to_owned());
        let gone = read(desk, move |conn| queries::gone_among(conn, &organisation, &ids)).await?;
        found.retain(|customer| wanted.is_it(customer) && !gone.contains(&customer.id));
        // Where there are several, the oldest: the same one each time.
        found.sort_by(|one, other| (one.id.len(), &one.id).cmp(&(other.id.len(), &other.id)));
        if let Some(customer) = found.into_iter().next() {
            return Ok(booked(customer));
        }
    }
    // What is owed or paid stands with a customer of Books: another one made by us could not take it over.
    if let Some(invoice) = story.done(StepKind::Invoice, 0) {
        let message = format!(
            "Zoho Books no longer has the customer of the invoice {}, and finds no other of that mail address: look whose the invoice is there, and finish it by hand",
            invoice.key
        );
        return Err(Failure::of_record(FailureClass::Validation, message));
    }
    make(desk, &wanted).await
}

/// Whether a refusal says that the customer is not there: deleted in Books, or merged into another. An invoice names nothing else.
pub(super) fn is_gone(refusal: &Failure, of: StepKind) -> bool {
    let said = refusal.message.to_lowercase();
    let names_it = of == StepKind::Invoice || said.contains("customer does not") || said.contains("contact does not");
    refusal.class == FailureClass::NotFound && refusal.of_record && names_it
}

/// The customer's step is open again, the customer that is gone is skipped from now on, and the order's history says so.
pub(super) async fn reopen(app: &App, story: &Story, line: &LineId) -> Result<(), Failure> {
    let Some(step) = story.done(StepKind::Customer, 0).cloned() else { return Ok(()) };
    let (now, subject, line) = (app.clock.now(), step.order_id.subject(), line.clone());
    let key = subject.clone();
    let reopen = move |tx: &mut Tx<'_>| -> crate::Result<()> {
        queries::reopen(tx, now, &step)?;
        let gone = step.zoho_id.clone().unwrap_or_default();
        let event = Event {
            line: &line,
            source: PROVIDER,
            source_event_id: &format!("booking:{}:gone:{gone}", step.id),
            kind: "booking.customer_gone",
            subject: &subject,
            occurred_at: now,
            data: json!({ "zoho_id": gone }),
        };
        Ok(timeline::record(tx, now, &event)?)
    };
    app.store.write("orders.reopen_customer", &key, reopen).await.map_err(|cause| own_database(&cause))
}

async fn read<T: Send + 'static>(
    desk: &Desk<'_>,
    ask: impl FnOnce(&mut Conn) -> diesel::QueryResult<T> + Send + 'static,
) -> Result<T, Failure> {
    desk.app.store.read(move |conn| ask(conn).map_err(Error::from)).await.map_err(|cause| own_database(&cause))
}

async fn make(desk: &mut Desk<'_>, wanted: &Wanted) -> Result<Booked, Failure> {
    let code = &wanted.currency;
    let no_currency = || {
        let message = format!("Zoho Books has no currency {code}: add it there under Settings > Currencies, then run this again");
        Failure::of_record(FailureClass::Validation, message)
    };
    let currency = Currency::from_code(code).ok_or_else(no_currency)?;
    let currency_id = ask!(desk, |books| books.currency_id(currency))?.ok_or_else(no_currency)?;
    for name in &wanted.names {
        let new =
            NewCustomer { name: name.clone(), person: wanted.person.clone(), mail: wanted.mail.clone(), currency_id: currency_id.clone() };
        let new = &new;
        let refusal = match ask!(desk, |books| books.create_customer(new))? {
            Made::New(customer) => return Ok(booked(customer)),
            Made::Taken(refusal) => refusal,
        };
        match ask!(desk, |books| books.customer_by_name(name))? {
            Some(customer) if wanted.is_it(&customer) => return Ok(booked(customer)),
            // Somebody else of that name: the longer one tells them apart.
            Some(_) => {}
            // It may be ours, made by a call whose answer was lost: a second one is not made.
            None => return Err(not_found_yet(&refusal)),
        }
    }
    let message =
        format!("Zoho Books has another contact called \"{}\": rename it there, then run this again", wanted.names.join("\" and \""));
    Err(Failure::of_record(FailureClass::Validation, message))
}

/// Something of our key is there, and the search does not find it yet: later it will.
pub(super) fn not_found_yet(refusal: &Failure) -> Failure {
    let message = format!("{}. Its search does not find it yet, so it is looked for again before anything is made", refusal.message);
    Failure::of_record(FailureClass::ServerError, message)
}

fn booked(customer: Customer) -> Booked {
    Booked { zoho_id: customer.id, account_id: None }
}

/// Who is looked for.
struct Wanted {
    /// To be tried in this order.
    names: Vec<String>,
    person: Option<String>,
    mail: Option<String>,
    currency: String,
}

impl Wanted {
    fn of(story: &Story, step: &Step) -> Self {
        let standing = &story.order.standing;
        let cut = |text: &String| text.trim().chars().take(NAME_MAX).collect::<String>();
        let person = standing.person.as_ref().map(cut).filter(|name| !name.is_empty());
        let mail = standing.email.clone();
        let currency = step.currency.clone();
        let names = match (&person, &mail) {
            (Some(person), Some(mail)) => vec![person.clone(), format!("{person} ({mail}, {currency})")],
            (None, Some(mail)) => vec![mail.clone(), format!("{mail} ({currency})")],
            // Without a mail address only our own number tells it apart.
            (person, None) => vec![format!("{} ({})", person.as_deref().unwrap_or("Customer"), step.key.trim_start_matches("order:"))],
        };
        Self { names, person, mail, currency }
    }

    /// Whether a customer of Books is the one.
    fn is_it(&self, customer: &Customer) -> bool {
        let is_same_mail = match &self.mail {
            Some(mail) => customer.mail.to_lowercase() == mail.to_lowercase(),
            None => self.names.contains(&customer.name),
        };
        is_same_mail && customer.currency == self.currency
    }
}
