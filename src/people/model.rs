//! Contacts, companies, their addresses, and the rules that match.

use diesel::prelude::*;

use super::free_mail;
use crate::clock::UtcTime;
use crate::db::schema::{companies, contact_addresses, contacts};
use crate::db::{id_type, text_enum};

id_type! {
    /// A row of `contacts`.
    pub struct ContactId;
}

id_type! {
    /// A row of `companies`.
    pub struct CompanyId;
}

impl ContactId {
    /// How events, links and audit rows name it.
    pub fn subject(self) -> String {
        format!("contact:{self}")
    }
}

impl CompanyId {
    /// How events, links and audit rows name it.
    pub fn subject(self) -> String {
        format!("company:{self}")
    }
}

/// Who has a page and a timeline of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    Contact(ContactId),
    Company(CompanyId),
}

impl Owner {
    /// How events, links and audit rows name it.
    pub fn subject(self) -> String {
        match self {
            Self::Contact(id) => id.subject(),
            Self::Company(id) => id.subject(),
        }
    }

    /// The address of its page.
    pub fn path(self) -> String {
        match self {
            Self::Contact(id) => format!("/contacts/{id}"),
            Self::Company(id) => format!("/companies/{id}"),
        }
    }
}

text_enum! {
    /// What kind of address it is, the surest first: the order in which they are tried.
    pub enum AddressKind {
        StripeCustomer => "stripe_customer",
        Email => "email",
        Phone => "phone",
    }
}

text_enum! {
    /// By which rule something was found to be a contact's.
    pub enum Rule {
        /// Nobody was known by any of its addresses.
        New => "new",
        StripeCustomer => "stripe_customer",
        Email => "email",
        Phone => "phone",
    }
}

impl Rule {
    /// In words, for pages.
    pub fn words(self) -> &'static str {
        match self {
            Self::New => "first heard of here",
            Self::StripeCustomer => "matched by Stripe's customer id",
            Self::Email => "matched by mail address",
            Self::Phone => "matched by phone number",
        }
    }
}

text_enum! {
    /// Why a contact belongs to its company.
    pub enum CompanyRule {
        Domain => "domain",
        Name => "name",
    }
}

/// A person.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = contacts)]
pub struct Contact {
    pub id: ContactId,
    pub name: Option<String>,
    pub is_name_vouched: bool,
    pub company_id: Option<CompanyId>,
    pub company_rule: Option<CompanyRule>,
    pub created_at: UtcTime,
}

impl Contact {
    /// What pages call them.
    pub fn label(&self) -> String {
        self.label_or(None)
    }

    /// The same where an address of theirs is known: it says more than a number.
    pub fn label_or(&self, mail: Option<&str>) -> String {
        self.name.clone().or_else(|| mail.map(str::to_owned)).unwrap_or_else(|| format!("Contact {}", self.id))
    }
}

/// A company.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = companies)]
pub struct Company {
    pub id: CompanyId,
    pub name: String,
    pub domain: Option<String>,
    pub created_at: UtcTime,
}

/// An address of a contact.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = contact_addresses)]
pub struct Address {
    pub id: i64,
    pub contact_id: ContactId,
    pub kind: AddressKind,
    pub value: String,
    /// Others that come with it are this contact; else it was merely stated.
    pub is_identifying: bool,
    /// A provider told it, not just whoever filled in a form.
    pub is_vouched: bool,
    pub told_by: String,
    pub told_at: UtcTime,
    /// Who of the staff said that it is theirs; None: nobody had to.
    pub confirmed_by: Option<String>,
    pub confirmed_at: Option<UtcTime>,
}

/// What something that came in says about who it is from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// What says so: `lead:12`.
    pub told_by: String,
    pub name: Option<String>,
    pub email: Option<String>,
    /// E.164.
    pub phone: Option<String>,
    pub stripe_customer: Option<String>,
    pub company: Option<String>,
    /// Money or a provider stands behind it. A form alone proves nothing: anyone can type anyone's address.
    pub is_vouched: bool,
}

/// Whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identified {
    pub contact: ContactId,
    pub rule: Rule,
}

impl Facts {
    /// The addresses in the form they are compared in, the surest first.
    pub fn keys(&self) -> Vec<(AddressKind, String)> {
        let email = self.email.as_deref().map(|email| email.trim().to_lowercase()).filter(|email| email.contains('@'));
        [
            (AddressKind::StripeCustomer, self.stripe_customer.clone()),
            (AddressKind::Email, email),
            (AddressKind::Phone, self.phone.as_deref().map(|phone| phone.trim().to_owned())),
        ]
        .into_iter()
        .filter_map(|(kind, value)| Some((kind, value.filter(|value| !value.is_empty())?)))
        .collect()
    }

    /// Enough to make a contact of: a customer's id alone says nothing to anyone, and a mail address may follow it.
    pub fn may_make_one(&self) -> bool {
        self.keys().iter().any(|(kind, _)| *kind != AddressKind::StripeCustomer)
    }

    /// The mail domain, where it is a company's own.
    pub fn company_domain(&self) -> Option<String> {
        let email = self.email.as_deref()?.trim().to_lowercase();
        let domain = email.rsplit_once('@')?.1.trim_end_matches('.');
        (domain.contains('.') && !free_mail::is_free(domain)).then(|| domain.to_owned())
    }
}

/// Characters of a name that are compared: an entry of PostgreSQL's indexes holds 2.7 KB at most.
const NAME_KEY_MAX: usize = 200;

/// A name in the form it is compared and searched in; None: nothing is left of it.
pub fn name_key(name: &str) -> Option<String> {
    let key: String = name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase().chars().take(NAME_KEY_MAX).collect();
    (!key.is_empty()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(email: &str) -> Facts {
        Facts { email: Some(email.into()), ..Facts::default() }
    }

    #[test]
    fn a_company_is_known_by_its_domain_and_public_mail_is_nobodys() {
        assert_eq!(facts("Ada@Engines.Example ").company_domain().as_deref(), Some("engines.example"));
        for free in ["ada@gmail.com", "ada@GMX.de", "ada@yahoo.co.uk", "ada@localhost", "ada", "ada@yahoo.com.ar"] {
            assert_eq!(facts(free).company_domain(), None, "{free}");
        }
    }

    #[test]
    fn addresses_are_compared_in_one_form_and_the_surest_comes_first() {
        let facts = Facts {
            email: Some(" Ada@Example.com".into()),
            phone: Some("+442079460958".into()),
            stripe_customer: Some("cus_1".into()),
            ..Facts::default()
        };
        let kinds: Vec<_> = facts.keys();
        assert_eq!(kinds[0], (AddressKind::StripeCustomer, "cus_1".into()));
        assert_eq!(kinds[1], (AddressKind::Email, "ada@example.com".into()));
        assert!(facts.may_make_one() && !Facts { stripe_customer: Some("cus_1".into()), ..Facts::default() }.may_make_one());
        assert_eq!(name_key("  Ada\tLovelace "), Some("ada lovelace".into()));
    }
}
