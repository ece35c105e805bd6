//! Notes that staff leave on a contact or a company.

use askama::Template;
use askama_web::WebTemplate;
use rocket::http::Status;
use rocket::{Route, State, post, routes};

use super::actions::{self, parse_note};
use crate::Result;
use crate::accounts::Operator;
use crate::app::App;
use crate::db::{Conn, Tx};
use crate::line::LineId;
use crate::people::{CompanyId, ContactId, Owner, queries};
use crate::web::field::Field;
use crate::web::{Back, Fields, Flash, Section, Shell};

/// A note that was not taken, with what was typed.
#[derive(Template, WebTemplate)]
#[template(path = "contacts/note_again.html")]
pub struct NoteAgain {
    shell: Shell,
    path: String,
    field: Field,
}

type Noted = std::result::Result<Back, (Status, Box<NoteAgain>)>;

/// Leaving them.
pub fn routes() -> Vec<Route> {
    routes![on_contact, on_company]
}

#[post("/contacts/<id>/notes", data = "<fields>")]
async fn on_contact(app: &State<App>, operator: Operator, id: i64, fields: Fields) -> Result<Noted> {
    note(app, &operator, Owner::Contact(ContactId(id)), &fields).await
}

#[post("/companies/<id>/notes", data = "<fields>")]
async fn on_company(app: &State<App>, operator: Operator, id: i64, fields: Fields) -> Result<Noted> {
    note(app, &operator, Owner::Company(CompanyId(id)), &fields).await
}

async fn note(app: &App, operator: &Operator, owner: Owner, fields: &Fields) -> Result<Noted> {
    let mut field = Field::default();
    let Some(text) = field.read(fields, "note", parse_note) else {
        // Whoever is not there can have no note, however it is written.
        app.store.read(move |conn: &mut Conn| queries::require(conn, owner)).await?;
        let section = if matches!(owner, Owner::Contact(_)) { Section::Contacts } else { Section::Companies };
        let page = NoteAgain { shell: operator.shell(section, "Add a note"), path: owner.path(), field };
        return Ok(Err((Status::UnprocessableEntity, Box::new(page))));
    };
    let by = operator.asks(app.clock.now());
    let line = LineId::mint(by.now);
    let add = move |tx: &mut Tx<'_>| -> Result<()> { actions::add_note(tx, owner, &line, &text, &by) };
    app.store.write("contacts.note", &owner.subject(), add).await?;
    Ok(Ok(Back::to(owner.path()).saying(Flash::ok("The note stands in the timeline."))))
}
