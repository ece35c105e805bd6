//! Throughline: captures leads, keeps them safe, delivers them to Zoho CRM. This file alone knows every feature.

pub mod accounts;
pub mod app;
pub mod audit;
pub mod clock;
pub mod config;
pub mod db;
pub mod error;
pub mod http;
pub mod integrations;
pub mod line;
pub mod outbox;
pub mod random;
pub mod sandbox;
pub mod timeline;
pub mod vault;
pub mod web;

pub use error::{Error, Result};

use rocket::{Build, Rocket};

use app::App;

/// Routes that carry no cookie and take what other sites and programs send: exempt from the cross-site defence.
const OPEN_TO_OTHER_SITES: &[&str] = &["/api/store-lead", "/api/chatbot-leads"];

/// The web server, ready to be launched or tested.
pub fn rocket(app: App) -> Rocket<Build> {
    let site = web::Site::new(&app.config);
    // Rocket believes `X-Real-IP` from anyone by default; its own log prints paths, which may hold tokens.
    let figment = rocket::Config::figment().merge(("ip_header", false)).merge(("log_level", "off")).merge(("ident", false));
    web::attach(rocket::custom(figment).manage(app), site, OPEN_TO_OTHER_SITES.to_vec())
        .manage(accounts::Accounts::default())
        .mount("/", [web::routes(), accounts::routes()].concat())
}
