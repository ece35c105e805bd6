//! What the account pages show.

use askama::Template;
use askama_web::WebTemplate;

use crate::web::parts::Choice;
use crate::web::{Shell, Stamp, Theme};

use super::mail_choice::{self, NewLeadMails};

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
    pub mails: MailPanel,
}

/// What the person wants to be told by mail.
pub struct MailPanel {
    /// Whether this installation sends mails.
    pub is_on: bool,
    pub choices: Vec<Choice>,
    pub times: Vec<Choice>,
    pub zone: &'static str,
    pub error: String,
}

impl MailPanel {
    /// With what is chosen.
    pub fn new(is_on: bool, (new_leads, daily_at): (NewLeadMails, &str), zone: &'static str, error: &str) -> Self {
        let label = |choice| match choice {
            NewLeadMails::AtOnce => "At once, a mail for each lead",
            NewLeadMails::Daily => "Once a day, all in one mail",
            NewLeadMails::Off => "Not by mail",
        };
        let choice =
            |choice: &NewLeadMails| Choice { value: choice.as_str().into(), label: label(*choice).into(), selected: *choice == new_leads };
        let time = |time: String| Choice { selected: time == daily_at, value: time.clone(), label: time };
        Self {
            is_on,
            choices: NewLeadMails::ALL.iter().map(choice).collect(),
            times: mail_choice::times_of_day().into_iter().map(time).collect(),
            zone,
            error: error.into(),
        }
    }
}

/// A message a field; empty where it is fine.
#[derive(Default)]
pub struct PasswordErrors {
    pub current: String,
    pub new: String,
}
