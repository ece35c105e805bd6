//! What can be done with saved filters, and who may: one's own always; shared ones by admins.

use super::model::{FilterId, SavedFilter};
use super::queries::{self, NewFilter};
use crate::accounts::{Role, User, UserId};
use crate::clock::UtcTime;
use crate::db::Tx;
use crate::error::{Error, Result};

/// Filters that one person may keep.
const KEPT_MAX: i64 = 100;
/// Characters of a name.
const NAME_MAX: usize = 60;

/// Who acts.
#[derive(Clone, Copy, Debug)]
pub struct By {
    pub user: UserId,
    pub role: Role,
}

impl From<&User> for By {
    fn from(user: &User) -> Self {
        Self { user: user.id, role: user.role }
    }
}

/// Keeps a filter under a name.
pub fn save(tx: &mut Tx<'_>, now: UtcTime, by: By, new: &NewFilter) -> Result<FilterId> {
    let name = name(&new.name)?;
    if new.query.is_empty() {
        return Err(Error::Conflict("The list was not narrowed, so there is nothing to save. Choose a filter first.".into()));
    }
    if new.is_shared && by.role < Role::Admin {
        return Err(Error::Conflict("Nothing was saved: only admins show filters to everyone.".into()));
    }
    if queries::count(tx.conn(), by.user)? >= KEPT_MAX {
        return Err(Error::Conflict(format!("Nothing was saved: you keep {KEPT_MAX} filters already. Delete one first.")));
    }
    Ok(queries::upsert(tx, now, by.user, &NewFilter { name, ..new.clone() })?)
}

/// Gives a filter another name.
pub fn rename(tx: &mut Tx<'_>, by: By, id: FilterId, new_name: &str) -> Result<()> {
    let filter = find(tx, by, id)?;
    let name = name(new_name)?;
    if queries::is_name_taken(tx.conn(), &filter, &name)? {
        return Err(Error::Conflict(format!("Nothing was changed: there is another filter called “{name}”.")));
    }
    queries::rename(tx, id, &name)?;
    Ok(())
}

/// Shows a filter to everyone, or no longer.
pub fn share(tx: &mut Tx<'_>, by: By, id: FilterId, is_shared: bool) -> Result<()> {
    find(tx, by, id)?;
    if by.role < Role::Admin {
        return Err(Error::Conflict("Nothing was changed: only admins show filters to everyone.".into()));
    }
    queries::set_shared(tx, id, is_shared)?;
    Ok(())
}

/// Forgets a filter.
pub fn remove(tx: &mut Tx<'_>, by: By, id: FilterId) -> Result<()> {
    find(tx, by, id)?;
    queries::remove(tx, id)?;
    Ok(())
}

/// A filter of somebody else is not there for others, unless it is shared and an admin asks.
fn find(tx: &mut Tx<'_>, by: By, id: FilterId) -> Result<SavedFilter> {
    let found = queries::find(tx.conn(), id)?.filter(|filter| may_change(by, filter));
    found.ok_or(Error::NotFound("saved filter"))
}

/// Whether somebody may rename, share or delete it.
pub fn may_change(by: By, filter: &SavedFilter) -> bool {
    filter.user_id == by.user || (filter.is_shared && by.role >= Role::Admin)
}

fn name(typed: &str) -> Result<String> {
    let name: String = typed.split_whitespace().collect::<Vec<_>>().join(" ");
    match name.chars().count() {
        0 => Err(Error::Conflict("Nothing was saved: the filter needs a name.".into())),
        count if count > NAME_MAX => Err(Error::Conflict(format!("Nothing was saved: the name is longer than {NAME_MAX} characters."))),
        _ => Ok(name),
    }
}
