//! Throughline: captures leads, keeps them safe, delivers them to Zoho CRM. This file alone knows every feature.

pub mod accounts;
pub mod app;
pub mod audit;
pub mod catalog;
pub mod clock;
pub mod config;
pub mod connections;
pub mod contacts;
pub mod db;
pub mod digest;
pub mod error;
pub mod health;
pub mod http;
pub mod imports;
pub mod inbox;
pub mod integrations;
pub mod leads;
pub mod line;
pub mod lines;
pub mod mail;
pub mod mail_viewer;
pub mod messages;
pub mod money;
pub mod orders;
pub mod outbox;
pub mod outbox_viewer;
pub mod overview;
pub mod people;
pub mod process_viewer;
pub mod random;
pub mod records;
pub mod retention;
pub mod sandbox;
pub mod saved_filters;
pub mod schedule_viewer;
pub mod scheduler;
pub mod seller;
pub mod timeline;
pub mod vault;
pub mod web;

pub use error::{Error, Result};

use rocket::{Build, Rocket};

use app::App;
use config::Config;
use outbox::Registry;
use outbox::schedules::Schedule;

/// Routes that carry no cookie and take what other sites and programs send: exempt from the cross-site defence.
const OPEN_TO_OTHER_SITES: &[&str] =
    &["/api/store-lead", "/api/chatbot-leads", leads::FORMS, orders::checkout::ADDRESS, inbox::STRIPE_WEBHOOK];

/// The kinds of jobs this program can do, and what providers allow.
pub fn registry(config: &Config) -> anyhow::Result<Registry> {
    Registry::build(|registry| {
        catalog::jobs(registry);
        leads::jobs(registry);
        imports::jobs(registry);
        messages::jobs(registry);
        inbox::jobs(registry);
        orders::booking::jobs(registry);
        contacts::jobs(registry);
        retention::jobs(registry);
        outbox_viewer::jobs(registry);
        connections::limits(registry, config);
        messages::limits(registry, config);
    })
}

/// What is due by the clock.
pub fn schedules(app: &App) -> anyhow::Result<Vec<Schedule>> {
    Ok([
        leads::sweep_job::schedules(app)?,
        leads::news::schedules()?,
        inbox::read_events_job::schedules(app)?,
        contacts::schedules()?,
        orders::booking::schedules()?,
        retention::schedules()?,
    ]
    .concat())
}

/// The web server, ready to be launched or tested.
pub fn rocket(app: App, registry: Registry) -> Rocket<Build> {
    let site = web::Site::new(&app.config);
    let limiter = leads::IntakeLimiter::new(&app.config);
    let defence = leads::Defence::new(&app.vault);
    // Attached first: what it answers gets the headers of every answer.
    let cors = web::cors::Cors { paths: [leads::open_to_scripts(), orders::checkout::open_to_scripts()].concat() };
    let figment = rocket::Config::figment()
        .merge(("address", app.config.address))
        .merge(("port", app.config.port))
        // Rocket believes `X-Real-IP` from anyone by default; its own log prints paths, which may hold tokens.
        .merge(("ip_header", false))
        .merge(("log_level", "off"))
        .merge(("ident", false))
        // At SIGTERM: requests under way get their answer, then the port is closed; the whole exit stays below 20 s.
        .merge(("shutdown.grace", 4))
        .merge(("shutdown.mercy", 1));
    web::attach(rocket::custom(figment).manage(app).attach(cors), site, OPEN_TO_OTHER_SITES.to_vec())
        .manage(registry)
        .manage(limiter)
        .manage(defence)
        .manage(accounts::Accounts::default())
        .manage(health::Desk::default())
        .manage(inbox::RefusalGate::default())
        .manage(orders::checkout::CheckoutLimiter::default())
        .attach(accounts::announce_set_up())
        .attach(schedule_viewer::know_schedules(schedules))
        .mount(
            "/",
            [
                web::routes(),
                accounts::routes(),
                catalog::routes(),
                leads::routes(),
                imports::routes(),
                inbox::routes(),
                connections::routes(),
                contacts::routes(),
                health::routes(),
                lines::routes(),
                outbox_viewer::routes(),
                saved_filters::routes(),
                schedule_viewer::routes(),
                mail_viewer::routes(),
                process_viewer::routes(),
                orders::routes(),
                overview::routes(),
                seller::routes(),
                timeline::routes(),
            ]
            .concat(),
        )
}
