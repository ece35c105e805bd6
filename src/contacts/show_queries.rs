//! What the pages of contacts and companies read.

use super::aside_queries::{self, Aside};
use super::linker_queries::{self, Progress};
use crate::db::Conn;
use crate::db::keyset::{Page, Place};
use crate::error::{Error, Result};
use crate::leads::{self, Lead, LeadId};
use crate::orders::{self, Order, OrderId};
use crate::people::queries::{self as people, Link};
use crate::people::{Address, AddressKind, Company, CompanyId, Contact, ContactId, list_queries as list};
use crate::timeline::{self, FeedFilter, FeedPage, Whose};

/// Leads and orders of a contact that its page lists; the timeline tells of all.
const LINKS_MAX: i64 = 100;
/// Contacts of a company that its page lists.
pub const MEMBERS_SHOWN: i64 = 50;

/// Events that could not be linked and that the page tells of.
const ASIDE_SHOWN: i64 = 20;

/// A page of contacts with what their rows show.
pub struct Contacts {
    pub page: Page<Contact>,
    pub addresses: Vec<Address>,
    pub companies: std::collections::BTreeMap<CompanyId, Company>,
    pub progress: Progress,
    /// What could not be linked, and the first of it.
    pub aside: Aside,
}

/// A page of contacts.
pub fn contacts(conn: &mut Conn, text: Option<&str>, place: Place, rows_max: usize) -> Result<Contacts> {
    let page = list::page(conn, text, place, rows_max)?;
    with_details(conn, page)
}

/// The same for whoever takes the list along.
pub fn contacts_piece(conn: &mut Conn, text: Option<&str>, place: Place, rows_max: usize) -> Result<Contacts> {
    let page = list::piece(conn, text, place, rows_max)?;
    with_details(conn, page)
}

fn with_details(conn: &mut Conn, page: Page<Contact>) -> Result<Contacts> {
    let ids: Vec<ContactId> = page.rows.iter().map(|contact| contact.id).collect();
    let companies: Vec<CompanyId> = page.rows.iter().filter_map(|contact| contact.company_id).collect();
    Ok(Contacts {
        addresses: people::identifying(conn, &ids)?,
        companies: people::companies_by_ids(conn, &companies)?,
        progress: linker_queries::progress(conn)?,
        aside: aside_queries::all(conn, ASIDE_SHOWN)?,
        page,
    })
}

/// A contact with all its page shows.
pub struct Known {
    pub contact: Contact,
    pub company: Option<Company>,
    pub addresses: Vec<Address>,
    /// Others who have one of its addresses too.
    pub sharing: Vec<(String, ContactId)>,
    pub links: Vec<Link>,
    pub leads: Vec<Lead>,
    pub orders: Vec<Order>,
    pub feed: FeedPage,
}

impl Known {
    /// What they are called: their name, else the mail address by which they are known.
    pub fn label(&self) -> String {
        let mail = self.addresses.iter().find(|address| address.is_identifying && address.kind == AddressKind::Email);
        self.contact.label_or(mail.map(|address| address.value.as_str()))
    }
}

/// A contact with its timeline.
pub fn contact(conn: &mut Conn, id: ContactId, filter: &FeedFilter, place: Place) -> Result<Known> {
    let contact = people::find(conn, id)?.ok_or(Error::NotFound("contact"))?;
    let addresses = people::addresses(conn, id)?;
    let values: Vec<String> = addresses.iter().map(|address| address.value.clone()).collect();
    let links = people::links_of(conn, id, LINKS_MAX)?;
    let ids = |of: &str| links.iter().filter_map(|link| link.subject.strip_prefix(of)?.parse().ok()).collect::<Vec<i64>>();
    let (lead_ids, order_ids): (Vec<_>, Vec<_>) = (ids("lead:"), ids("order:"));
    Ok(Known {
        company: contact.company_id.map(|id| people::find_company(conn, id)).transpose()?.flatten(),
        sharing: people::sharing(conn, id, &values)?,
        leads: leads::queries::by_ids(conn, &lead_ids.into_iter().map(LeadId).collect::<Vec<_>>())?,
        orders: orders::queries::by_ids(conn, &order_ids.into_iter().map(OrderId).collect::<Vec<_>>())?,
        feed: timeline::page(conn, &Whose::contact(id), filter, place)?,
        contact,
        addresses,
        links,
    })
}

/// A company with all its page shows.
pub struct Firm {
    pub company: Company,
    pub members: Vec<Contact>,
    pub addresses: Vec<Address>,
    pub feed: FeedPage,
    /// It has more contacts than its timeline takes together.
    pub has_quiet_members: bool,
}

/// A company with its timeline.
pub fn company(conn: &mut Conn, id: CompanyId, filter: &FeedFilter, place: Place) -> Result<Firm> {
    let company = people::find_company(conn, id)?.ok_or(Error::NotFound("company"))?;
    let members = people::members(conn, id, MEMBERS_SHOWN + 1)?;
    let ids: Vec<ContactId> = members.iter().map(|contact| contact.id).collect();
    let whose = Whose::company(conn, id)?;
    Ok(Firm {
        company,
        addresses: people::identifying(conn, &ids)?,
        members,
        feed: timeline::page(conn, &whose, filter, place)?,
        has_quiet_members: timeline::leaves_out_members(conn, id)?,
    })
}
