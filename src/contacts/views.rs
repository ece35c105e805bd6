//! What the pages of contacts and companies show, as finished text.

use askama::Template;
use askama_web::WebTemplate;

use super::aside_queries::{Aside, COUNT_MAX, SetAside};
use super::show_queries::{Contacts, Firm, Known, MEMBERS_SHOWN};
use crate::db::keyset::{Page, Place};
use crate::leads;
use crate::orders;
use crate::people::model::CompanyRule;
use crate::people::{Address, AddressKind, Company, ContactId, Owner, Rule};
use crate::timeline::FeedFilter;
use crate::timeline::feed_views::FeedView;
use crate::web::parts::{Exports, Fact, Pager, Pill, href, subject_href, subject_label};
use crate::web::{Shell, Stamp, Times, format};

/// The list of contacts.
#[derive(Template, WebTemplate)]
#[template(path = "contacts/list.html")]
pub struct ContactList {
    pub shell: Shell,
    pub text: String,
    pub rows: Vec<ContactRow>,
    pub pager: Pager,
    pub exports: Exports,
    /// How far what was there before is linked; empty where all of it is.
    pub progress: String,
    /// What could not be linked, in words; empty where all of it is.
    pub aside: String,
    pub aside_rows: Vec<AsideRow>,
}

/// An event that could not be linked.
pub struct AsideRow {
    pub label: String,
    pub href: String,
    pub reason: String,
    pub tries: String,
    pub at: Stamp,
}

/// A row of the list.
pub struct ContactRow {
    pub id: i64,
    pub name: String,
    pub email: String,
    pub phone: String,
    pub company: String,
    pub company_href: String,
    pub since: Stamp,
}

/// One contact.
#[derive(Template, WebTemplate)]
#[template(path = "contacts/show.html")]
pub struct ContactShow {
    pub shell: Shell,
    pub name: String,
    pub initials: String,
    pub company: Option<(String, String)>,
    pub since: Stamp,
    pub addresses: Vec<AddressRow>,
    pub facts: Vec<Fact>,
    pub things: Vec<Thing>,
    pub feed: FeedView,
    pub may_operate: bool,
    /// Whether there is an address that somebody may confirm.
    pub may_confirm: bool,
}

/// An address with what speaks for it.
pub struct AddressRow {
    pub label: &'static str,
    pub value: String,
    pub pill: Pill,
    /// Where it was told first.
    pub told: String,
    pub told_href: Option<String>,
    pub at: Stamp,
    /// Others who have it too.
    pub others: Vec<i64>,
    /// Where it is confirmed; None where it identifies already.
    pub confirm_href: Option<String>,
}

/// A lead or an order.
pub struct Thing {
    pub label: String,
    pub href: String,
    pub state: &'static str,
    /// By which rule it was found to be theirs.
    pub rule: &'static str,
    pub at: Stamp,
}

/// The list of companies.
#[derive(Template, WebTemplate)]
#[template(path = "companies/list.html")]
pub struct CompanyList {
    pub shell: Shell,
    pub text: String,
    pub rows: Vec<CompanyRow>,
    pub pager: Pager,
    pub exports: Exports,
}

/// A row of the list.
pub struct CompanyRow {
    pub id: i64,
    pub name: String,
    pub domain: String,
    pub since: Stamp,
}

/// One company.
#[derive(Template, WebTemplate)]
#[template(path = "companies/show.html")]
pub struct CompanyShow {
    pub shell: Shell,
    pub name: String,
    pub facts: Vec<Fact>,
    pub members: Vec<MemberRow>,
    /// There are more than are shown.
    pub has_more: bool,
    /// Its timeline takes some of its people together, not all.
    pub has_quiet_members: bool,
    pub feed: FeedView,
    pub may_operate: bool,
}

/// A contact of a company.
pub struct MemberRow {
    pub id: i64,
    pub name: String,
    pub address: String,
}

/// The address of a page of a list.
pub fn list_href(path: &str, text: Option<&str>, place: Option<Place>, format: &str) -> String {
    let place = place.map(|place| place.to_string()).unwrap_or_default();
    href(path, &[("text", text.unwrap_or_default()), ("place", &place), ("format", format)])
}

fn pager<R>(path: &str, text: Option<&str>, page: &Page<R>) -> Pager {
    let to = |place: Option<Place>| place.map(|place| list_href(path, text, Some(place), ""));
    Pager { newer: to(page.newer), older: to(page.older) }
}

impl ContactList {
    /// Puts the page together.
    pub fn new(shell: Shell, text: Option<&str>, found: &Contacts) -> Self {
        let times = shell.frame.times;
        let address = |contact, kind| found.address(contact, kind).cloned().unwrap_or_default();
        let rows = found.page.rows.iter().map(|contact| ContactRow {
            id: contact.id.0,
            name: contact.label_or(found.address(contact, AddressKind::Email).map(String::as_str)),
            email: address(contact, AddressKind::Email),
            phone: address(contact, AddressKind::Phone),
            company: found.company(contact).map(|company| company.name.clone()).unwrap_or_default(),
            company_href: contact.company_id.map(|id| format!("/companies/{id}")).unwrap_or_default(),
            since: times.stamp(contact.created_at),
        });
        let waiting = found.progress.last - found.progress.passed;
        Self {
            text: text.unwrap_or_default().to_owned(),
            rows: rows.collect(),
            pager: pager("/contacts", text, &found.page),
            exports: Exports::of(&list_href("/contacts", text, None, "")),
            progress: if waiting > BACKLOG_SHOWN {
                format!("{} of {} events looked at.", format::number(found.progress.passed), format::number(found.progress.last))
            } else {
                String::new()
            },
            aside: aside(&found.aside),
            aside_rows: found.aside.first.iter().map(|row| AsideRow::new(row, times)).collect(),
            shell,
        }
    }
}

fn aside(aside: &Aside) -> String {
    match aside.count {
        0 => String::new(),
        1 => "1 event could not be linked".into(),
        count => format!("{} events could not be linked", format::capped(count, COUNT_MAX)),
    }
}

impl AsideRow {
    fn new(row: &SetAside, times: Times) -> Self {
        Self {
            label: subject_label(&row.subject),
            href: subject_href(&row.subject).unwrap_or_default(),
            reason: row.reason.clone(),
            tries: format::counted(row.tries, "try", "tries"),
            at: times.stamp(row.tried_at),
        }
    }
}

/// Events that wait for the linker before the page says so: fewer are gone by the next look.
const BACKLOG_SHOWN: i64 = 1_000;

impl AddressRow {
    fn new(address: &Address, sharing: &[(String, ContactId)], shell: &Shell) -> Self {
        let label = match address.kind {
            AddressKind::StripeCustomer => "Stripe customer",
            AddressKind::Email => "Mail",
            AddressKind::Phone => "Phone",
        };
        let is_confirmed = address.confirmed_at.is_some();
        let pill = match (address.is_identifying, address.is_vouched) {
            _ if is_confirmed => Pill { tone: "ok", icon: "check", label: "Identifies, confirmed by staff" },
            (true, true) => Pill { tone: "ok", icon: "check", label: "Identifies, told by Stripe" },
            (true, false) => Pill { tone: "info", icon: "check", label: "Identifies, as typed in" },
            (false, _) => Pill { tone: "warn", icon: "info", label: "Merely stated" },
        };
        Self {
            label,
            value: address.value.clone(),
            pill,
            told: subject_label(&address.told_by),
            told_href: subject_href(&address.told_by),
            at: shell.frame.times.stamp(address.told_at),
            confirm_href: (!address.is_identifying)
                .then(|| format!("/contacts/{}/addresses/{}/confirmation", address.contact_id, address.id)),
            others: sharing.iter().filter(|(value, _)| *value == address.value).map(|(_, id)| id.0).collect(),
        }
    }
}

impl ContactShow {
    /// Puts the page together.
    pub fn new(shell: Shell, known: &Known, filter: &FeedFilter, may_operate: bool) -> Self {
        let (contact, times) = (&known.contact, shell.frame.times);
        let name = known.label();
        let letters = &name;
        let initials = letters.split_whitespace().filter_map(|word| word.chars().next()).take(2).collect::<String>().to_uppercase();
        let because = contact.company_rule.map(|rule| match rule {
            CompanyRule::Domain => "by the domain of the mail address",
            CompanyRule::Name => "by the name they gave",
        });
        let name_from = if contact.is_name_vouched { "told by Stripe" } else { "as typed into a form" };
        let mut facts =
            vec![Fact::text("Name", contact.name.as_ref().map_or_else(|| "not told".into(), |name| format!("{name}, {name_from}")))];
        if let (Some(company), Some(because)) = (&known.company, because) {
            facts.push(Fact::text("Company", format!("{}, {because}", company.name)).at(Owner::Company(company.id).path()));
        }
        Self {
            name,
            initials,
            company: known.company.as_ref().map(|company| (company.name.clone(), Owner::Company(company.id).path())),
            since: times.stamp(contact.created_at),
            addresses: known.addresses.iter().map(|address| AddressRow::new(address, &known.sharing, &shell)).collect(),
            facts,
            things: things(known, &shell),
            feed: FeedView::new(&known.feed, filter, Some(Owner::Contact(contact.id)), times),
            may_confirm: may_operate && known.addresses.iter().any(|address| !address.is_identifying),
            may_operate,
            shell,
        }
    }
}

fn things(known: &Known, shell: &Shell) -> Vec<Thing> {
    let times = shell.frame.times;
    let rule = |subject: &str| known.links.iter().find(|link| link.subject == subject).map_or(Rule::New, |link| link.rule).words();
    let mut things: Vec<_> = known
        .leads
        .iter()
        .map(|lead| {
            let label = format!("Lead {}", lead.id);
            let thing = Thing {
                label,
                href: format!("/leads/{}", lead.id),
                state: leads::word(lead.status),
                rule: rule(&lead.id.subject()),
                at: times.stamp(lead.received_at),
            };
            (lead.received_at, thing)
        })
        .chain(known.orders.iter().map(|order| {
            let (label, state) = (format!("Order {}", order.id), orders::word(order.standing.state));
            let at = order.standing.placed_at;
            (at, Thing { label, href: format!("/orders/{}", order.id), state, rule: rule(&order.id.subject()), at: times.stamp(at) })
        }))
        .collect();
    things.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    things.into_iter().map(|(_, thing)| thing).collect()
}

impl CompanyList {
    /// Puts the page together.
    pub fn new(shell: Shell, text: Option<&str>, page: &Page<Company>) -> Self {
        let times = shell.frame.times;
        let row = |company: &Company| CompanyRow {
            id: company.id.0,
            name: company.name.clone(),
            domain: company.domain.clone().unwrap_or_default(),
            since: times.stamp(company.created_at),
        };
        Self {
            text: text.unwrap_or_default().to_owned(),
            rows: page.rows.iter().map(row).collect(),
            pager: pager("/companies", text, page),
            exports: Exports::of(&list_href("/companies", text, None, "")),
            shell,
        }
    }
}

impl CompanyShow {
    /// Puts the page together.
    pub fn new(shell: Shell, firm: &Firm, filter: &FeedFilter, may_operate: bool) -> Self {
        let (company, times) = (&firm.company, shell.frame.times);
        let mut facts = vec![Fact::text("Known since", times.stamp(company.created_at).text)];
        match &company.domain {
            Some(domain) => facts.push(Fact::code("Mail domain", domain)),
            None => facts.push(Fact::text("Known by", "the name its people gave; no mail domain of its own")),
        }
        let shown = usize::try_from(MEMBERS_SHOWN).unwrap_or(usize::MAX);
        let members = firm.members.iter().take(shown).map(|contact| {
            let address = firm.addresses.iter().find(|address| address.contact_id == contact.id).map(|address| address.value.clone());
            MemberRow { id: contact.id.0, name: contact.label_or(address.as_deref()), address: address.unwrap_or_default() }
        });
        Self {
            name: company.name.clone(),
            facts,
            members: members.collect(),
            has_more: firm.members.len() > shown,
            has_quiet_members: firm.has_quiet_members,
            feed: FeedView::new(&firm.feed, filter, Some(Owner::Company(company.id)), times),
            may_operate,
            shell,
        }
    }
}
