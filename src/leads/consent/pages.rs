//! `/settings/forms`: how to use the public form, and what people agree to in it.

use rocket::http::Status;
use rocket::{State, get, post};

use super::views::FormsPage;
use super::{Wording, actions, queries};
use crate::accounts::{Admin, Viewer};
use crate::app::App;
use crate::db::{Conn, Tx};
use crate::seller::{self, Language, Seller};
use crate::web::{Back, Fields, Flash, Section};
use crate::{Error, Result};

const PATH: &str = "/settings/forms";
const TEXT_MIN: usize = 10;
const TEXT_MAX: usize = 1_000;

#[get("/settings/forms")]
pub async fn show(app: &State<App>, viewer: Viewer) -> Result<FormsPage> {
    page(app, &viewer).await
}

#[post("/settings/forms/wording", data = "<fields>")]
pub async fn replace(app: &State<App>, admin: Admin, fields: Fields) -> Result<std::result::Result<Back, (Status, Box<FormsPage>)>> {
    let language = Language::parse(fields.text("language")).ok_or(Error::NotFound("language"))?;
    let text = fields.text("wording").replace("\r\n", "\n");
    if let Some(mistake) = mistake(&text) {
        let mut page = page(app, &admin).await?;
        page.blame(language, &text, mistake);
        return Ok(Err((Status::UnprocessableEntity, Box::new(page))));
    }
    let seen: i64 = fields.text("version").parse().unwrap_or_default();
    let by = admin.asks(app.clock.now());
    let write = move |tx: &mut Tx<'_>| actions::replace(tx, language, &text, seen, &by);
    let told = match app.store.write("consent.replace", "consent", write).await.map_err(Error::from) {
        Ok(new) => Flash::ok(format!("Forms show version {} from now on. Leads keep the version they were shown.", new.name())),
        Err(Error::Conflict(why)) => Flash::warn(format!("{why}.")),
        Err(other) => return Err(other),
    };
    Ok(Ok(Back::to(PATH).saying(told)))
}

fn mistake(text: &str) -> Option<&'static str> {
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Some("Leave out control characters.");
    }
    match text.chars().count() {
        0..TEXT_MIN => Some("Say in a sentence what people agree to."),
        TEXT_MIN..=TEXT_MAX => None,
        _ => Some("A wording has at most 1,000 characters. Put more into the privacy notice."),
    }
}

async fn page(app: &App, viewer: &Viewer) -> Result<FormsPage> {
    let config = app.config.clone();
    let read = move |conn: &mut Conn| -> Result<(Seller, Vec<Vec<Wording>>)> {
        let seller = seller::current(conn, &config)?;
        let found = Language::ALL.iter().map(|language| queries::versions(conn, *language)).collect::<Result<_, _>>()?;
        Ok((seller, found))
    };
    let (seller, found) = app.store.read(read).await?;
    let mut page = FormsPage::new(viewer.shell(Section::Forms, "Forms"), &seller, &found, &app.config.public_url);
    page.may_edit = viewer.may_administer();
    page.sites.clone_from(&app.config.sites);
    Ok(page)
}
