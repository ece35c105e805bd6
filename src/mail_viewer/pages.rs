//! Handlers of the page of mail.

use rocket::http::{ContentType, Header, Status};
use rocket::response::{self, Responder};
use rocket::{Request, State, get, post};

use super::replies::ReplyForm;
use super::views::{MailSettingsPage, PreviewPage, ServerPanel};
use super::{actions, previews};
use crate::accounts::Admin;
use crate::app::App;
use crate::db::Conn;
use crate::leads::news::reply_queries::{self, ReplyText};
use crate::leads::news::{Page, Sender};
use crate::mail::{Letter, Party};
use crate::messages::{self, Tested};
use crate::web::{Back, Fields, Flash, Section};
use crate::{Error, Result};

/// A mail may show itself, in a frame of ours, and do nothing else.
const MAIL_POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'";

#[get("/settings/mail")]
pub async fn index(app: &State<App>, admin: Admin) -> Result<MailSettingsPage> {
    let read = |conn: &mut Conn| -> Result<_> { Ok((reply_queries::is_on(conn)?, reply_queries::texts(conn)?)) };
    let (is_on, texts) = app.store.read(read).await?;
    page(app, &admin, &ReplyForm { is_on, texts, mistakes: Vec::new() }).await
}

async fn page(app: &App, admin: &Admin, form: &ReplyForm) -> Result<MailSettingsPage> {
    let trouble = app.store.read(|conn: &mut Conn| -> Result<_> { Ok(messages::trouble(conn)?) }).await?;
    let server = app.config.mail.as_ref().map(|mail| ServerPanel::new(mail, trouble));
    Ok(MailSettingsPage::new(admin.shell(Section::Mail, "Mail"), server, admin.user().email.clone(), form))
}

/// Sends a test mail to whoever asks, and tells what the server said.
#[post("/settings/mail/test", data = "<_fields>")]
pub async fn test(app: &State<App>, admin: Admin, _fields: Fields) -> Result<Back> {
    let to = Party { name: Some(admin.user().name.clone()), address: admin.user().email.clone() };
    let told = match messages::send_test(app, to, &admin.asks(app.clock.now())).await? {
        Tested::Accepted(answer) => {
            Flash::ok(format!("The mail server took the test mail to {}. Its answer: {answer}", admin.user().email))
        }
        Tested::Failed(why) => Flash::bad(format!("The test mail was not sent. {why}")),
    };
    Ok(Back::to("/settings/mail").saying(told))
}

/// Keeps the answer to those who write to us.
#[post("/settings/mail/replies", data = "<fields>")]
pub async fn save_replies(app: &State<App>, admin: Admin, fields: Fields) -> Result<Result<Back, Box<(Status, MailSettingsPage)>>> {
    let form = ReplyForm::read(&fields);
    if !form.mistakes.is_empty() {
        return Ok(Err(Box::new((Status::UnprocessableEntity, page(app, &admin, &form).await?))));
    }
    let (is_on, count) = (form.is_on, form.texts.len());
    actions::save_replies(app, is_on, form.texts, admin.asks(app.clock.now())).await?;
    let told = match (is_on, count) {
        (true, 1) => "Whoever writes to us is answered from now on.".to_owned(),
        (true, count) => format!("Whoever writes to us is answered from now on, in {count} languages."),
        (false, _) => "Nobody is answered.".to_owned(),
    };
    Ok(Ok(Back::to("/settings/mail").saying(Flash::ok(told))))
}

#[get("/settings/mail/previews/<name>")]
pub async fn preview(app: &State<App>, admin: Admin, name: &str) -> Result<PreviewPage> {
    let letter = letter(app, name).await?;
    Ok(PreviewPage::new(admin.shell(Section::Mail, "How a mail looks"), name, &letter))
}

/// The mail's own HTML, for the frame of the page above.
#[get("/settings/mail/previews/<name>/html")]
pub async fn preview_html(app: &State<App>, _admin: Admin, name: &str) -> Result<MailHtml> {
    Ok(MailHtml(letter(app, name).await?.html()))
}

async fn letter(app: &App, name: &str) -> Result<Letter> {
    let config = app.config.clone();
    let read =
        move |conn: &mut Conn| -> Result<(Sender, Vec<ReplyText>)> { Ok((Sender::read(conn, &config)?, reply_queries::texts(conn)?)) };
    let (sender, texts) = app.store.read(read).await?;
    let page = Page { public_url: &app.config.public_url, seller: &sender.name, zone: sender.zone, now: app.clock.now() };
    previews::letter(name, &page, &texts, &sender.contact).ok_or(Error::NotFound("mail"))
}

/// A mail as a document of its own.
pub struct MailHtml(String);

impl<'r> Responder<'r, 'static> for MailHtml {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let mut response = (ContentType::HTML, self.0).respond_to(request)?;
        response.set_header(Header::new("Content-Security-Policy", MAIL_POLICY));
        Ok(response)
    }
}
