//! First-run set-up: whoever reads the program's output creates the first admin.

use rocket::http::Status;
use rocket::{State, get, post};

use crate::Result;
use crate::app::App;
use crate::web::{Back, Fields, Site, Theme};

use super::actions::NewUser;
use super::model::Role;
use super::pages::{Try, too_many};
use super::views::{SetupErrors, SetupPage};
use super::{Accounts, actions, queries, sessions};

/// Announces the code, once, while there is no user. Called at start, and by the page in case the database was away then.
pub async fn announce(app: &App, accounts: &Accounts, site: &Site) -> Result<bool> {
    let is_open = !app.store.read(|conn| -> Result<_> { Ok(queries::is_anyone(conn)?) }).await?;
    if let Some(code) = is_open.then(|| accounts.setup.make()).flatten() {
        tracing::warn!("No user exists yet. Create the first admin at {}/setup with the one-time code {code}", site.public_url);
    }
    Ok(is_open)
}

#[get("/setup")]
pub async fn setup_page(
    app: &State<App>,
    site: &State<Site>,
    accounts: &State<Accounts>,
    theme: Theme,
) -> Result<std::result::Result<SetupPage, Back>> {
    if !announce(app, accounts, site).await? {
        return Ok(Err(Back::to("/login")));
    }
    Ok(Ok(SetupPage { theme, name: String::new(), email: String::new(), errors: SetupErrors::default() }))
}

#[post("/setup", data = "<fields>")]
pub async fn set_up(
    app: &State<App>,
    site: &State<Site>,
    accounts: &State<Accounts>,
    who: Try<'_>,
    fields: Fields,
) -> Result<std::result::Result<Back, (Status, SetupPage)>> {
    let again = |errors| SetupPage { theme: who.theme, name: fields.text("name").into(), email: fields.text("email").into(), errors };
    if let Some(seconds) = accounts.throttle.wait_s("setup", &who.address.network) {
        let errors = SetupErrors { code: too_many(seconds).replace("passwords", "codes"), ..SetupErrors::default() };
        return Ok(Err((Status::TooManyRequests, again(errors))));
    }
    let new = first_admin(&fields);
    let errors = mistakes(&new, accounts.setup.accepts(fields.text("code")));
    if !errors.code.is_empty() {
        accounts.throttle.failed("setup", &who.address.network);
    }
    if !errors.is_empty() {
        return Ok(Err((Status::UnprocessableEntity, again(errors))));
    }
    let token = actions::set_up(app, &accounts.passwords, new, who.address.ip.to_string()).await?;
    accounts.setup.end();
    who.jar.add(sessions::cookie(site, &token));
    Ok(Ok(Back::to("/")))
}

fn first_admin(fields: &Fields) -> NewUser {
    let text = |name| fields.text(name).to_owned();
    NewUser { email: text("email"), name: text("name"), role: Role::Admin, password: fields.raw("password").into() }
}

fn mistakes(new: &NewUser, is_code: bool) -> SetupErrors {
    let mistakes = new.mistakes();
    let of = |field: &str| mistakes.iter().find(|(name, _)| *name == field).map_or_else(String::new, |(_, text)| (*text).to_owned());
    let code = if is_code { "" } else { "This is not the code that was printed when the program started." };
    SetupErrors { code: code.into(), email: of("email"), password: of("password") }
}

impl SetupErrors {
    fn is_empty(&self) -> bool {
        self.code.is_empty() && self.email.is_empty() && self.password.is_empty()
    }
}
