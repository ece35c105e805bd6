//! Sign-in, sign-out, and one's own account.

use rocket::http::{CookieJar, Header, Status};
use rocket::response::Responder;
use rocket::{State, get, post};

use crate::Result;
use crate::app::App;
use crate::db::Conn;
use crate::web::theme::local_path;
use crate::web::{Back, ClientAddress, Fields, Flash, Section, Site, Theme, format};

use super::guards::Viewer;
use super::mail_choice::{self, NewLeadMails};
use super::model::{User, email_key};
use super::sessions::{self, Token};
use super::views::{AccountPage, LoginPage, MailPanel, PasswordErrors};
use super::{Accounts, actions, choice_queries, password, queries};

/// What a sign-in leads to.
#[derive(Responder)]
pub enum SignIn {
    In(Back),
    Again(Box<(Status, LoginPage)>),
    Later(Wait),
}

/// Too many tries: the page again, with the time to wait.
#[derive(Responder)]
#[response(status = 429)]
pub struct Wait {
    page: LoginPage,
    retry_after: Header<'static>,
}

#[get("/login?<next>")]
pub async fn sign_in_page(app: &State<App>, theme: Theme, next: Option<&str>) -> Result<SignIn> {
    if !app.store.read(|conn| -> Result<_> { Ok(queries::is_anyone(conn)?) }).await? {
        return Ok(SignIn::In(Back::to("/setup")));
    }
    let page = LoginPage { theme, email: String::new(), next: local_path(next.unwrap_or("/")), error: String::new() };
    Ok(SignIn::Again(Box::new((Status::Ok, page))))
}

/// Who tries, as handlers pass it on.
pub struct Try<'a> {
    pub address: ClientAddress,
    pub theme: Theme,
    pub jar: &'a CookieJar<'a>,
}

#[rocket::async_trait]
impl<'r> rocket::request::FromRequest<'r> for Try<'r> {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r rocket::Request<'_>) -> rocket::request::Outcome<Self, Self::Error> {
        let address = rocket::outcome::try_outcome!(request.guard::<ClientAddress>().await);
        rocket::request::Outcome::Success(Self { address, theme: Theme::of(request), jar: request.cookies() })
    }
}

#[post("/login", data = "<fields>")]
pub async fn sign_in(app: &State<App>, site: &State<Site>, accounts: &State<Accounts>, who: Try<'_>, fields: Fields) -> Result<SignIn> {
    let key = email_key(fields.text("email"));
    if let Some(seconds) = accounts.throttle.wait_s(&key, &who.address.network) {
        return Ok(wait(again(&who, &fields, &too_many(seconds)), seconds));
    }
    if key.is_empty() || fields.raw("password").is_empty() {
        return Ok(refused(Status::UnprocessableEntity, again(&who, &fields, "Enter your mail address and your password.")));
    }
    let (is_right, found) = check(app, accounts, key.clone(), fields.raw("password").to_owned()).await?;
    let address = who.address.ip.to_string();
    if let Some(user) = found.as_ref().filter(|_| is_right) {
        let token = actions::open_session(app, user.id, Token::from_jar(who.jar, site), address).await?;
        who.jar.add(sessions::cookie(site, &token));
        return Ok(SignIn::In(Back::to(local_path(fields.text("next")))));
    }
    accounts.throttle.failed(&key, &who.address.network);
    if let Some(user) = found {
        actions::note_refusal(app, user.id, address).await?;
    }
    Ok(refused(Status::Unauthorized, again(&who, &fields, "The mail address or the password is wrong.")))
}

/// Whether the password is right, and whose it would be. Takes as long for an address nobody has.
async fn check(app: &App, accounts: &Accounts, key: String, password: String) -> Result<(bool, Option<User>)> {
    let found = app.store.read(move |conn| -> Result<_> { Ok(queries::by_email(conn, &key)?) }).await?;
    let hash = found.as_ref().map(|user| user.password_hash.clone());
    Ok((accounts.passwords.verify(password, hash).await?, found))
}

/// The page again, with what was typed except the password.
fn again(who: &Try<'_>, fields: &Fields, error: &str) -> LoginPage {
    LoginPage { theme: who.theme, email: fields.text("email").into(), next: local_path(fields.text("next")), error: error.into() }
}

fn refused(status: Status, page: LoginPage) -> SignIn {
    SignIn::Again(Box::new((status, page)))
}

fn wait(page: LoginPage, seconds: u64) -> SignIn {
    SignIn::Later(Wait { page, retry_after: Header::new("Retry-After", seconds.to_string()) })
}

/// What someone reads who tried too often.
pub fn too_many(seconds: u64) -> String {
    let wait = format::duration_ms(i64::try_from(seconds).unwrap_or(60).saturating_mul(1_000));
    format!("Too many wrong passwords. Try again in {wait}.")
}

#[post("/logout")]
pub async fn sign_out(app: &State<App>, site: &State<Site>, jar: &CookieJar<'_>, viewer: Option<Viewer>) -> Result<Back> {
    if let (Some(viewer), Some(token)) = (viewer, Token::from_jar(jar, site)) {
        actions::close_session(app, viewer.user().id, token, viewer.address.ip.to_string()).await?;
    }
    sessions::forget(jar, site);
    Ok(Back::to("/login"))
}

#[get("/account")]
pub async fn account(app: &State<App>, viewer: Viewer) -> Result<AccountPage> {
    account_page(app, &viewer, PasswordErrors::default()).await
}

/// Keeps what the person wants to be told by mail. A choice that is none comes back with a message.
#[post("/account/mail", data = "<fields>")]
pub async fn choose_mails(app: &State<App>, viewer: Viewer, fields: Fields) -> Result<Result<Back, Box<(Status, AccountPage)>>> {
    let (new_leads, daily_at) = (NewLeadMails::parse(fields.text("new_leads")), fields.text("daily_at").to_owned());
    let Some(new_leads) = new_leads.filter(|_| mail_choice::times_of_day().contains(&daily_at)) else {
        let mut page = account_page(app, &viewer, PasswordErrors::default()).await?;
        page.mails.error = "Choose one of the three, and a time from the list. Nothing was changed.".into();
        return Ok(Err(Box::new((Status::UnprocessableEntity, page))));
    };
    actions::choose_mails(app, viewer.user().id, (new_leads, daily_at.clone()), viewer.address.ip.to_string()).await?;
    let told = match new_leads {
        NewLeadMails::AtOnce => "You are told of each new lead by mail.".to_owned(),
        NewLeadMails::Daily => format!("You are told of new leads once a day, at {daily_at}. Without new leads there is no mail."),
        NewLeadMails::Off => "You are told nothing by mail.".to_owned(),
    };
    Ok(Ok(Back::to("/account").saying(Flash::ok(told))))
}

async fn account_page(app: &App, viewer: &Viewer, errors: PasswordErrors) -> Result<AccountPage> {
    let (user, idle_since) = (viewer.user().id, sessions::idle_since(app.clock.now()));
    let read =
        move |conn: &mut Conn| -> Result<_> { Ok((queries::count_sessions(conn, user, idle_since)?, choice_queries::of(conn, user)?)) };
    let (open, chosen) = app.store.read(read).await?;
    let (new_leads, daily_at) = chosen.unwrap_or((NewLeadMails::Off, mail_choice::DAILY_AT.to_owned()));
    Ok(AccountPage {
        shell: viewer.shell(Section::Account, "Your account"),
        email: viewer.user().email.clone(),
        role: viewer.user().role.label(),
        sessions: format::counted(open, "session", "sessions"),
        password_changed: viewer.times().exact(viewer.user().password_changed_at),
        errors,
        mails: MailPanel::new(app.config.mail.is_some(), (new_leads, &daily_at), viewer.times().zone.name(), ""),
    })
}

#[post("/account/password", data = "<fields>")]
pub async fn change_password(
    app: &State<App>,
    accounts: &State<Accounts>,
    viewer: Viewer,
    fields: Fields,
) -> Result<std::result::Result<Back, (Status, AccountPage)>> {
    if let Some((status, errors)) = password_mistakes(accounts, &viewer, &fields).await? {
        return Ok(Err((status, account_page(app, &viewer, errors).await?)));
    }
    let hash = accounts.passwords.hash(fields.raw("new_password").to_owned()).await?;
    let (user, address) = (viewer.user().clone(), viewer.address.ip.to_string());
    let ended = actions::change_password(app, user, viewer.session.id, (hash, address)).await?;
    let ended = format::counted(i64::try_from(ended).unwrap_or_default(), "other session", "other sessions");
    Ok(Ok(Back::to("/account").saying(Flash::ok(format!("Your password is changed; {ended} ended.")))))
}

/// What is wrong with the form, if anything. A wrong current password counts like one at the sign-in.
async fn password_mistakes(accounts: &Accounts, viewer: &Viewer, fields: &Fields) -> Result<Option<(Status, PasswordErrors)>> {
    let (user, network) = (viewer.user(), &viewer.address.network);
    let account = email_key(&user.email);
    if let Some(seconds) = accounts.throttle.wait_s(&account, network) {
        return Ok(Some((Status::TooManyRequests, PasswordErrors { current: too_many(seconds), new: String::new() })));
    }
    let is_current = accounts.passwords.verify(fields.raw("current_password").to_owned(), Some(user.password_hash.clone())).await?;
    if !is_current {
        accounts.throttle.failed(&account, network);
    }
    let current = if is_current { "" } else { "This is not your current password." };
    let new = password::check(fields.raw("new_password"), &user.email).unwrap_or_default();
    let is_fine = current.is_empty() && new.is_empty();
    Ok((!is_fine).then(|| (Status::UnprocessableEntity, PasswordErrors { current: current.into(), new: new.into() })))
}
