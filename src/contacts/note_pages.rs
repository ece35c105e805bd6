//! Notes that staff leave on a contact or a company.

use rocket::{Route, State, post, routes};

use super::actions::{self, parse_note};
use crate::Result;
use crate::accounts::Operator;
use crate::app::App;
use crate::db::Tx;
use crate::line::LineId;
use crate::people::{CompanyId, ContactId, Owner};
use crate::web::{Back, Fields, Flash};

/// Leaving them.
pub fn routes() -> Vec<Route> {
    routes![on_contact, on_company]
}

#[post("/contacts/<id>/notes", data = "<fields>")]
async fn on_contact(app: &State<App>, operator: Operator, id: i64, fields: Fields) -> Result<Back> {
    note(app, &operator, Owner::Contact(ContactId(id)), &fields).await
}

#[post("/companies/<id>/notes", data = "<fields>")]
async fn on_company(app: &State<App>, operator: Operator, id: i64, fields: Fields) -> Result<Back> {
    note(app, &operator, Owner::Company(CompanyId(id)), &fields).await
}

async fn note(app: &App, operator: &Operator, owner: Owner, fields: &Fields) -> Result<Back> {
    let back = Back::to(owner.path());
    let text = match parse_note(fields.text("note")) {
        Ok(text) => text,
        Err(mistake) => return Ok(back.saying(Flash::bad(mistake))),
    };
    let by = operator.asks(app.clock.now());
    let line = LineId::mint(by.now);
    let add = move |tx: &mut Tx<'_>| -> Result<()> { actions::add_note(tx, owner, &line, &text, &by) };
    app.store.write("contacts.note", &owner.subject(), add).await?;
    Ok(back.saying(Flash::ok("The note stands in the timeline.")))
}
