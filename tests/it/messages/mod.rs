//! Mails: what staff and strangers are sent, and what is not.

mod news;
mod reply;
mod sending;
mod settings;
mod smtp;

use throughline::accounts::{self, NewLeadMails, NewUser, Passwords, Role, UserId};
use throughline::sandbox::{Options, SunkMail};

use crate::harness::{MAIL, TestApp, Whole};

/// The whole program with mail switched on and Zoho connected.
async fn with_mail(app: &TestApp) -> Whole {
    with_mail_and(app, &[]).await
}

/// The same, with more settings.
async fn with_mail_and(app: &TestApp, settings: &[(&str, &str)]) -> Whole {
    let whole = app.whole_with(Options::default(), &[&MAIL[..], settings].concat()).await;
    whole.connect_zoho().await;
    whole
}

/// Makes a user who wants this.
async fn reader(whole: &Whole, name: &str, wants: NewLeadMails, daily_at: &str) -> UserId {
    let new = NewUser {
        email: format!("{name}@desk.example"),
        name: name.into(),
        role: Role::Viewer,
        password: "a long and odd passphrase".into(),
    };
    let user = accounts::create_user(&whole.app, &Passwords::default(), new, "cli").await.expect("a user is made");
    accounts::choose_mails(&whole.app, user, (wants, daily_at.into()), "192.0.2.1".into()).await.expect("a choice is kept");
    user
}

/// The mails to one address, oldest first.
fn mails_to(whole: &Whole, address: &str) -> Vec<SunkMail> {
    let mut mails: Vec<SunkMail> = whole.sandbox.mails().into_iter().filter(|mail| mail.to == [address]).collect();
    mails.reverse();
    mails
}

/// Their subjects.
fn subjects_to(whole: &Whole, address: &str) -> Vec<String> {
    mails_to(whole, address).iter().map(SunkMail::subject).collect()
}
