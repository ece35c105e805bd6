//! Who may use the pages: users, sessions, passwords, roles. Sign-in, sign-out, set-up, and the guards other features ask.

pub mod actions;
mod choice_queries;
mod cron;
mod guards;
mod mail_choice;
mod model;
mod pages;
mod password;
mod queries;
mod sessions;
mod setup;
mod setup_pages;
mod throttle;
mod views;

pub use actions::{NewUser, choose_mails, create_user};
pub use choice_queries::all as mail_choices;
pub use cron::{CronOrAdmin, CronOrOperator};
pub use guards::{Admin, Operator, Viewer};
pub use mail_choice::{MailChoice, NewLeadMails};
pub use model::{Role, SessionId, User, UserId};
pub use password::{Passwords, check as check_password};
pub use setup::SetupCode;

use rocket::fairing::AdHoc;
use rocket::{Route, routes};

use crate::app::App;
use crate::web::Site;

use throttle::Throttle;

/// What signing in needs to remember while the program runs; managed by Rocket.
#[derive(Default)]
pub struct Accounts {
    pub passwords: Passwords,
    pub setup: SetupCode,
    throttle: Throttle,
}

/// Sign-in, sign-out, set-up and the account page.
pub fn routes() -> Vec<Route> {
    routes![
        pages::sign_in_page,
        pages::sign_in,
        pages::sign_out,
        pages::account,
        pages::change_password,
        pages::choose_mails,
        setup_pages::setup_page,
        setup_pages::set_up
    ]
}

/// At start, while nobody can sign in: prints the one-time code for the set-up page.
pub fn announce_set_up() -> AdHoc {
    AdHoc::on_liftoff("first-run set-up", |rocket| {
        Box::pin(async move {
            let (Some(app), Some(accounts), Some(site)) = (rocket.state::<App>(), rocket.state::<Accounts>(), rocket.state::<Site>())
            else {
                return;
            };
            // The set-up page tries again when it is opened.
            if let Err(cause) = setup_pages::announce(app, accounts, site).await {
                tracing::warn!(error = %cause, "Could not look whether a user exists");
            }
        })
    })
}
