//! A saved filter, and what of an address belongs to one.

use diesel::prelude::*;

use crate::accounts::UserId;
use crate::db::schema::saved_filters;
use crate::db::{id_type, text_enum};
use crate::web::Fields;
use crate::web::parts::href;

id_type! {
    /// A row of `saved_filters`.
    pub struct FilterId;
}

text_enum! {
    /// The lists whose filters are kept.
    pub enum List {
        Leads => "leads",
        Outbox => "outbox",
        Orders => "orders",
        Inbox => "inbox",
        Products => "products",
    }
}

/// The longest value of a filter.
const VALUE_MAX: usize = 255;

impl List {
    /// On pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Leads => "Leads",
            Self::Outbox => "Outbox",
            Self::Orders => "Orders",
            Self::Inbox => "Inbox",
            Self::Products => "Products",
        }
    }

    /// Its address.
    pub fn path(self) -> &'static str {
        match self {
            Self::Leads => "/leads",
            Self::Outbox => "/outbox",
            Self::Orders => "/orders",
            Self::Inbox => "/inbox",
            Self::Products => "/products",
        }
    }

    /// What its filter consists of; places and formats do not belong to it.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Leads => &["status", "source", "text"],
            Self::Outbox => &["state", "kind", "lane", "connection", "class", "text", "age"],
            Self::Orders => &["state", "text"],
            Self::Inbox => &["state", "provider", "type", "verdict", "about"],
            Self::Products => &["show", "category", "text"],
        }
    }

    /// The filter in a query, in one order, so that the same filter is the same text; empty where nothing is narrowed.
    pub fn filter_of(self, query: &Fields) -> String {
        let values: Vec<(&str, String)> =
            self.names().iter().map(|name| (*name, query.text(name).chars().take(VALUE_MAX).collect())).collect();
        let pairs: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        href("", &pairs).trim_start_matches('?').to_owned()
    }
}

/// A filter as its row holds it.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = saved_filters)]
pub struct SavedFilter {
    pub id: FilterId,
    pub user_id: UserId,
    pub list: List,
    pub name: String,
    pub query: String,
    pub is_shared: bool,
}

impl SavedFilter {
    /// Its list, narrowed.
    pub fn href(&self) -> String {
        format!("{}?{}", self.list.path(), self.query)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_filter_of_the_list_is_kept_in_one_order() {
        let of = |list: List, query: &str| list.filter_of(&Fields::parse(query.as_bytes()).expect("a query"));
        assert_eq!(of(List::Leads, "text=a+b&place=older-1-2&status=failed&format=csv&kind=x"), "status=failed&text=a+b");
        assert_eq!(of(List::Outbox, "kind=leads.deliver&state=&before=9"), "kind=leads.deliver");
        assert_eq!(of(List::Outbox, "before=9"), "");
    }
}
