//! Confirming an address that a contact merely stated.

use rocket::{Route, State, post, routes};

use super::actions;
use crate::accounts::Operator;
use crate::app::App;
use crate::db::Tx;
use crate::line::LineId;
use crate::people::{ContactId, Owner};
use crate::web::{Back, Flash};
use crate::{Error, Result};

/// Confirming.
pub fn routes() -> Vec<Route> {
    routes![confirm]
}

#[post("/contacts/<id>/addresses/<address>/confirmation")]
async fn confirm(app: &State<App>, operator: Operator, id: i64, address: i64) -> Result<Back> {
    let (contact, by) = (ContactId(id), operator.asks(app.clock.now()));
    let line = LineId::mint(by.now);
    let confirm = move |tx: &mut Tx<'_>| -> Result<()> { actions::confirm_address(tx, contact, address, &line, &by) };
    let back = Back::to(Owner::Contact(contact).path());
    match app.store.write("contacts.confirm", &contact.subject(), confirm).await.map_err(Error::from) {
        Ok(()) => {
            Ok(back.saying(Flash::ok("Whoever writes or buys with it from now on is this contact. What came before stays where it is.")))
        }
        Err(Error::Conflict(why)) => Ok(back.saying(Flash::warn(why))),
        Err(other) => Err(other),
    }
}
