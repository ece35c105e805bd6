//! Who may use the pages: users, sessions, passwords, roles. Sign-in, sign-out, set-up, and the guards other features ask.

pub mod actions;
mod cron;
mod guards;
mod model;
mod pages;
mod password;
mod queries;
mod sessions;
mod setup;
mod setup_pages;
mod throttle;
mod views;

pub use actions::{NewUser, create_user};
pub use cron::CronOrOperator;
pub use guards::{Admin, Operator, Viewer};
pub use model::{Role, User, UserId};
pub use password::{Passwords, check as check_password};
pub use setup::SetupCode;

use rocket::{Route, routes};

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
        setup_pages::setup_page,
        setup_pages::set_up
    ]
}
