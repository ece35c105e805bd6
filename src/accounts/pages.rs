//! Sign-in, sign-out, and one's own account.

use rocket::http::{CookieJar, Header, Status};
use rocket::response::Responder;
use rocket::{State, get, post};

use crate::Result;
use crate::app::App;
use crate::web::theme::local_path;
use crate::web::{Back, ClientAddress, Fields, Flash, Section, Site, Theme, format};

use super::guards::Viewer;
use super::model::email_key;
use super::sessions::{self, Token};
use super::views::{AccountPage, LoginPage, PasswordErrors};
use super::{Accounts, actions, password, queries};

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
    let (key, next) = (email_key(fields.text("email")), local_path(fields.text("next")));
    let again = |error: &str| LoginPage { theme: who.theme, email: fields.text("email").into(), next: next.clone(), error: error.into() };
    if let Some(seconds) = accounts.throttle.wait_s(&key, &who.address.network) {
        return Ok(wait(
            again(&format!("Too many wrong passwords. Try again in {}.", format::duration_ms(seconds as i64 * 1_000))),
            seconds,
        ));
    }
    if key.is_empty() || fields.raw("password").is_empty() {
        return Ok(SignIn::Again(Box::new((Status::UnprocessableEntity, again("Enter your mail address and your password.")))));
    }
    let found = app.store.read(move |conn| -> Result<_> { Ok(queries::by_email(conn, &key)?) }).await?;
    let hash = found.as_ref().map(|user| user.password_hash.clone());
    let address = who.address.ip.to_string();
    match (accounts.passwords.verify(fields.raw("password").to_owned(), hash).await?, found) {
        (true, Some(user)) => {
            let token = actions::open_session(app, user.id, Token::from_jar(who.jar, site), address).await?;
            who.jar.add(sessions::cookie(site, &token));
            Ok(SignIn::In(Back::to(next)))
        }
        (_, found) => {
            accounts.throttle.failed(&email_key(fields.text("email")), &who.address.network);
            if let Some(user) = found {
                actions::note_refusal(app, user.id, address).await?;
            }
            Ok(SignIn::Again(Box::new((Status::Unauthorized, again("The mail address or the password is wrong.")))))
        }
    }
}

fn wait(page: LoginPage, seconds: u64) -> SignIn {
    SignIn::Later(Wait { page, retry_after: Header::new("Retry-After", seconds.to_string()) })
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

async fn account_page(app: &App, viewer: &Viewer, errors: PasswordErrors) -> Result<AccountPage> {
    let (user, idle_since) = (viewer.user().id, sessions::idle_since(app.clock.now()));
    let open = app.store.read(move |conn| -> Result<_> { Ok(queries::count_sessions(conn, user, idle_since)?) }).await?;
    Ok(AccountPage {
        shell: viewer.shell(Section::Account, "Your account"),
        email: viewer.user().email.clone(),
        role: viewer.user().role.label(),
        sessions: format::counted(open, "session", "sessions"),
        password_changed: viewer.times().exact(viewer.user().password_changed_at),
        errors,
    })
}

#[post("/account/password", data = "<fields>")]
pub async fn change_password(
    app: &State<App>,
    accounts: &State<Accounts>,
    viewer: Viewer,
    fields: Fields,
) -> Result<std::result::Result<Back, (Status, AccountPage)>> {
    let user = viewer.user().clone();
    let (account, network) = (email_key(&user.email), &viewer.address.network);
    if let Some(seconds) = accounts.throttle.wait_s(&account, network) {
        let errors = PasswordErrors { current: format!("Too many wrong passwords. Try again in {seconds} s."), new: String::new() };
        return Ok(Err((Status::TooManyRequests, account_page(app, &viewer, errors).await?)));
    }
    let new_is_wrong = password::check(fields.raw("new_password"), &user.email).unwrap_or_default();
    let is_current = accounts.passwords.verify(fields.raw("current_password").to_owned(), Some(user.password_hash.clone())).await?;
    if !is_current {
        accounts.throttle.failed(&account, network);
    }
    if !is_current || !new_is_wrong.is_empty() {
        let current = if is_current { "" } else { "This is not your current password." };
        let errors = PasswordErrors { current: current.into(), new: new_is_wrong.into() };
        return Ok(Err((Status::UnprocessableEntity, account_page(app, &viewer, errors).await?)));
    }
    let hash = accounts.passwords.hash(fields.raw("new_password").to_owned()).await?;
    let ended = actions::change_password(app, user, viewer.session.id, (hash, viewer.address.ip.to_string())).await?;
    let ended = format::counted(i64::try_from(ended).unwrap_or_default(), "other session", "other sessions");
    Ok(Ok(Back::to("/account").saying(Flash::ok(format!("Your password is changed; {ended} ended.")))))
}
