//! The page of saved filters, as finished text.

use askama::Template;
use askama_web::WebTemplate;

use super::actions::{self, By};
use super::model::SavedFilter;
use crate::accounts::Role;
use crate::web::Shell;

/// One's own and the shared ones.
#[derive(Template, WebTemplate)]
#[template(path = "saved_filters/list.html")]
pub struct FilterList {
    pub shell: Shell,
    pub rows: Vec<FilterLine>,
}

/// One of them.
pub struct FilterLine {
    pub id: i64,
    pub list: &'static str,
    pub name: String,
    pub href: String,
    /// Who keeps it, and who sees it.
    pub whose: String,
    pub is_shared: bool,
    pub may_change: bool,
    pub may_share: bool,
}

impl FilterList {
    /// Puts the page together.
    pub fn new(shell: Shell, filters: Vec<(SavedFilter, String)>, by: By) -> Self {
        let line = |(filter, owner): (SavedFilter, String)| {
            let may_change = actions::may_change(by, &filter);
            FilterLine {
                id: filter.id.0,
                list: filter.list.label(),
                href: filter.href(),
                whose: whose(&filter, &owner, by),
                is_shared: filter.is_shared,
                may_change,
                may_share: may_change && by.role >= Role::Admin,
                name: filter.name,
            }
        };
        Self { rows: filters.into_iter().map(line).collect(), shell }
    }
}

fn whose(filter: &SavedFilter, owner: &str, by: By) -> String {
    match (filter.user_id == by.user, filter.is_shared) {
        (true, true) => "yours, shown to everyone".into(),
        (true, false) => "yours alone".into(),
        (false, _) => format!("shown to everyone by {owner}"),
    }
}
