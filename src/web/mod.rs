//! What every page and every route shares: the frame of a page, answers and errors, bodies, headers, live updates.
//! Knows no feature and no account: who is signed in is handed in by the guards in `accounts`.

pub mod address;
pub mod assets;
pub mod body;
mod caller_limit;
pub mod catchers;
pub mod compress;
pub mod cors;
pub mod cross_site;
pub mod csv;
pub mod field;
pub mod fields;
pub mod flash;
pub mod format;
pub mod headers;
pub mod idempotency;
pub mod list_form;
pub mod live;
pub mod parts;
pub mod problem;
pub mod request_log;
pub mod shell;
pub mod site;
pub mod theme;
pub mod ticked;
pub mod traffic;
pub mod upload;
pub mod wants;

pub use address::ClientAddress;
pub use body::Body;
pub use caller_limit::CallerLimit;
pub use csv::CsvFile;
pub use field::Field;
pub use fields::{Fields, Query};
pub use flash::{Back, Flash};
pub use format::{Stamp, Times};
pub use headers::LeadingTo;
pub use idempotency::IdempotencyKey;
pub use list_form::{ListForm, Shape};
pub use problem::{Problem, Refusal};
pub use shell::{Frame, NavCounts, Section, Shell, ShellUser};
pub use site::Site;
pub use theme::Theme;
pub use traffic::Traffic;
pub use upload::Upload;
pub use wants::Wants;

use rocket::{Build, Rocket, Route};

/// The routes that belong to no feature: static files and the choice of theme.
pub fn routes() -> Vec<Route> {
    [assets::routes(), theme::routes()].concat()
}

/// Attaches what holds for every request: cross-site defence, headers, compression, the request log, error pages.
/// `exempt` names the path prefixes whose routes use no cookie (public forms, webhooks).
pub fn attach(rocket: Rocket<Build>, site: Site, exempt: Vec<&'static str>) -> Rocket<Build> {
    rocket
        .manage(site)
        .manage(Traffic::default())
        .attach(request_log::RequestLog)
        .attach(cross_site::CrossSite { exempt })
        .attach(headers::Headers)
        .attach(compress::Compress)
        .register("/", catchers::catchers())
}
