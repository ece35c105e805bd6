//! What the account pages show.

use askama::Template;
use askama_web::WebTemplate;

use crate::web::{Shell, Stamp, Theme};

/// Sign-in, with what was wrong with the last try.
#[derive(Template, WebTemplate)]
#[template(path = "accounts/login.html")]
pub struct LoginPage {
    pub theme: Theme,
    pub email: String,
    pub next: String,
    pub error: String,
}

/// First-run set-up.
#[derive(Template, WebTemplate)]
#[template(path = "accounts/setup.html")]
pub struct SetupPage {
    pub theme: Theme,
    pub name: String,
    pub email: String,
    pub errors: SetupErrors,
}

/// A message a field; empty where it is fine.
#[derive(Default)]
pub struct SetupErrors {
    pub code: String,
    pub email: String,
    pub password: String,
}

/// The signed-in person's own account.
#[derive(Template, WebTemplate)]
#[template(path = "accounts/account.html")]
pub struct AccountPage {
    pub shell: Shell,
    pub email: String,
    pub role: &'static str,
    pub sessions: String,
    pub password_changed: Stamp,
    pub errors: PasswordErrors,
}

/// A message a field; empty where it is fine.
#[derive(Default)]
pub struct PasswordErrors {
    pub current: String,
    pub new: String,
}
