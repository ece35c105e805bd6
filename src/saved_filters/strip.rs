//! The saved filters of a list as it shows them: links, and a form that saves the filter it has now.

use super::model::List;
use super::queries;
use crate::accounts::{Role, User};
use crate::db::Conn;
use crate::web::Fields;

/// Links to saved filters.
#[derive(Clone, Debug)]
pub struct FilterStrip {
    pub list: &'static str,
    pub links: Vec<FilterLink>,
    /// The filter that the list has now; empty where it is not narrowed, or kept already.
    pub query: String,
    pub may_share: bool,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct FilterLink {
    pub name: String,
    pub href: String,
    pub is_current: bool,
}

impl FilterStrip {
    /// What a person sees on a list with this query.
    pub fn read(conn: &mut Conn, list: List, user: &User, query: &Fields) -> diesel::QueryResult<Self> {
        let now = list.filter_of(query);
        let links: Vec<FilterLink> = queries::shown(conn, Some(list), user.id)?
            .into_iter()
            .map(|(filter, _)| FilterLink { is_current: filter.query == now, href: filter.href(), name: filter.name })
            .collect();
        let is_kept = links.iter().any(|link| link.is_current);
        Ok(Self { list: list.as_str(), links, query: if is_kept { String::new() } else { now }, may_share: user.role >= Role::Admin })
    }
}
