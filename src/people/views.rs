//! What pages of other things say of whom they belong to.

use super::model::{Contact, Owner, Rule};
use crate::web::parts::Fact;

/// Whose something is, and by which rule that was found.
pub fn whose_fact((contact, rule): &(Contact, Rule)) -> Fact {
    Fact::text("Contact", format!("{}, {}", contact.label(), rule.words())).at(Owner::Contact(contact.id).path())
}
