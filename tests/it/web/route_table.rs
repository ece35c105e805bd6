//! Every route against a written table of who may call it, read from Rocket's own route table: a new route cannot be
//! forgotten, neither here nor by the cross-site defence.

use rocket::http::{ContentType, Header, Method};
use throughline::accounts::Role;

use super::browser::Browser;
use crate::harness::{both_engines, read};

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    /// Anyone, from any site: no cookie is used.
    AnySite,
    /// Anyone, but not by another site's form.
    Anyone,
    SignedIn,
    Operators,
    Admins,
}

/// The table. `<id>` stands for a lead or a job that exists.
const TABLE: &[(Method, &str, Who)] = &[
    (Method::Get, "/", Who::SignedIn),
    (Method::Get, "/account", Who::SignedIn),
    (Method::Post, "/account/mail", Who::SignedIn),
    (Method::Post, "/account/password", Who::SignedIn),
    (Method::Get, "/api/admin/engagement-feed", Who::SignedIn),
    (Method::Post, "/api/chatbot-leads", Who::AnySite),
    (Method::Post, "/api/checkout", Who::AnySite),
    (Method::Post, "/api/cron/daily-sync", Who::Operators),
    (Method::Get, "/api/intake/challenge", Who::AnySite),
    (Method::Get, "/api/intake/stamp", Who::AnySite),
    (Method::Get, "/api/health/zoho-integration", Who::AnySite),
    (Method::Post, "/api/health/zoho-integration", Who::Operators),
    (Method::Get, "/api/leads/<token>", Who::AnySite),
    (Method::Post, "/api/outbox/run", Who::Operators),
    (Method::Get, "/api/process-leads", Who::Operators),
    (Method::Post, "/api/process-leads", Who::Operators),
    (Method::Post, "/api/store-lead", Who::AnySite),
    (Method::Post, "/api/stripe/webhook", Who::AnySite),
    (Method::Post, "/api/zoho-auth", Who::Admins),
    (Method::Get, "/checkout/cancelled", Who::AnySite),
    (Method::Get, "/checkout/thanks", Who::AnySite),
    (Method::Get, "/companies", Who::SignedIn),
    (Method::Get, "/companies/<id>", Who::SignedIn),
    (Method::Post, "/companies/<id>/notes", Who::Operators),
    (Method::Get, "/connections", Who::SignedIn),
    (Method::Get, "/connections/books", Who::SignedIn),
    (Method::Post, "/connections/books", Who::Admins),
    (Method::Post, "/connections/books/organisations", Who::Admins),
    (Method::Post, "/connections/books/test", Who::Operators),
    (Method::Get, "/connections/stripe", Who::SignedIn),
    (Method::Post, "/connections/stripe/events", Who::Operators),
    (Method::Get, "/connections/zoho", Who::SignedIn),
    (Method::Post, "/connections/zoho/authorization", Who::Admins),
    (Method::Get, "/connections/zoho/callback", Who::Admins),
    (Method::Get, "/connections/zoho/disconnection", Who::Admins),
    (Method::Post, "/connections/zoho/disconnection", Who::Admins),
    (Method::Post, "/connections/zoho/fields", Who::Operators),
    (Method::Get, "/connections/zoho/mapping", Who::SignedIn),
    (Method::Post, "/connections/zoho/refresh", Who::Operators),
    (Method::Post, "/connections/zoho/mapping", Who::Admins),
    (Method::Post, "/connections/zoho/mapping/preview", Who::Admins),
    (Method::Post, "/connections/zoho/mapping/reset", Who::Admins),
    (Method::Get, "/contacts", Who::SignedIn),
    (Method::Get, "/contacts/<id>", Who::SignedIn),
    (Method::Post, "/contacts/<id>/addresses/<address>/confirmation", Who::Operators),
    (Method::Post, "/contacts/<id>/notes", Who::Operators),
    (Method::Get, "/events", Who::SignedIn),
    (Method::Get, "/form.js", Who::AnySite),
    (Method::Get, "/filters", Who::SignedIn),
    (Method::Post, "/filters", Who::SignedIn),
    (Method::Post, "/filters/<id>/name", Who::SignedIn),
    (Method::Post, "/filters/<id>/removal", Who::SignedIn),
    (Method::Post, "/filters/<id>/sharing", Who::SignedIn),
    (Method::Get, "/health", Who::SignedIn),
    (Method::Post, "/health/processing", Who::Operators),
    (Method::Post, "/health/refresh", Who::Operators),
    (Method::Get, "/forms/quote", Who::AnySite),
    (Method::Post, "/forms/quote", Who::AnySite),
    (Method::Get, "/forms/quote/thanks", Who::AnySite),
    (Method::Get, "/imports", Who::Admins),
    (Method::Post, "/imports", Who::Admins),
    (Method::Get, "/imports/<id>", Who::Admins),
    (Method::Post, "/imports/<id>/cancellation", Who::Admins),
    (Method::Post, "/imports/<id>/columns", Who::Admins),
    (Method::Post, "/imports/<id>/continuation", Who::Admins),
    (Method::Get, "/imports/<id>/refused", Who::Admins),
    (Method::Post, "/imports/<id>/start", Who::Admins),
    (Method::Get, "/inbox", Who::SignedIn),
    (Method::Get, "/inbox/<id>", Who::SignedIn),
    (Method::Get, "/inbox/refused", Who::SignedIn),
    (Method::Get, "/inbox/refused/<id>", Who::SignedIn),
    (Method::Get, "/inbox/replay", Who::Operators),
    (Method::Post, "/inbox/replays", Who::Operators),
    (Method::Get, "/inbox/statistics", Who::SignedIn),
    (Method::Get, "/leads", Who::SignedIn),
    (Method::Get, "/leads/<id>", Who::SignedIn),
    (Method::Post, "/leads/<id>/correction", Who::Operators),
    (Method::Post, "/leads/<id>/delivery", Who::Operators),
    (Method::Post, "/leads/<id>/release", Who::Operators),
    (Method::Post, "/leads/<id>/spam", Who::Operators),
    (Method::Post, "/leads/selected", Who::Operators),
    (Method::Get, "/lines/<id>", Who::SignedIn),
    (Method::Get, "/livez", Who::AnySite),
    (Method::Get, "/login", Who::Anyone),
    (Method::Post, "/login", Who::Anyone),
    (Method::Post, "/logout", Who::Anyone),
    (Method::Get, "/operations", Who::SignedIn),
    (Method::Post, "/operations", Who::Operators),
    (Method::Get, "/operations/<id>", Who::SignedIn),
    (Method::Post, "/operations/<id>/cancellation", Who::Operators),
    (Method::Get, "/operations/preview", Who::Operators),
    (Method::Get, "/orders", Who::SignedIn),
    (Method::Get, "/orders/<id>", Who::SignedIn),
    (Method::Get, "/orders/unmatched", Who::SignedIn),
    (Method::Get, "/outbox", Who::SignedIn),
    (Method::Get, "/outbox/<id>", Who::SignedIn),
    (Method::Get, "/metrics", Who::SignedIn),
    (Method::Post, "/outbox/<id>/cancellation", Who::Operators),
    (Method::Post, "/outbox/<id>/completion", Who::Operators),
    (Method::Post, "/outbox/<id>/run", Who::Operators),
    (Method::Post, "/outbox/selected", Who::Operators),
    (Method::Post, "/pauses", Who::Operators),
    (Method::Post, "/pauses/end", Who::Operators),
    (Method::Get, "/price-lists", Who::SignedIn),
    (Method::Post, "/price-lists", Who::Operators),
    (Method::Get, "/price-lists/<id>", Who::SignedIn),
    (Method::Post, "/price-lists/<id>", Who::Operators),
    (Method::Get, "/price-lists/new", Who::Operators),
    (Method::Get, "/processes", Who::SignedIn),
    (Method::Get, "/products", Who::SignedIn),
    (Method::Post, "/products", Who::Operators),
    (Method::Get, "/products/<id>", Who::SignedIn),
    (Method::Post, "/products/<id>", Who::Operators),
    (Method::Post, "/products/<id>/prices", Who::Operators),
    (Method::Post, "/products/<id>/prices/removal", Who::Operators),
    (Method::Get, "/products/imports", Who::Operators),
    (Method::Post, "/products/imports", Who::Operators),
    (Method::Get, "/products/imports/<id>", Who::Operators),
    (Method::Post, "/products/imports/<id>/cancellation", Who::Operators),
    (Method::Post, "/products/imports/<id>/start", Who::Operators),
    (Method::Get, "/products/new", Who::Operators),
    (Method::Get, "/quarantine", Who::SignedIn),
    (Method::Post, "/quarantine/releases", Who::Operators),
    (Method::Post, "/quarantine/spam", Who::Operators),
    (Method::Get, "/readyz", Who::AnySite),
    (Method::Get, "/schedules", Who::SignedIn),
    (Method::Get, "/schedules/<name>", Who::SignedIn),
    (Method::Post, "/schedules/<name>/pause", Who::Operators),
    (Method::Post, "/schedules/<name>/resumption", Who::Operators),
    (Method::Post, "/schedules/<name>/run", Who::Operators),
    (Method::Get, "/seller/logo/<digest>", Who::AnySite),
    (Method::Get, "/settings/forms", Who::SignedIn),
    (Method::Post, "/settings/forms/wording", Who::Admins),
    (Method::Get, "/settings/seller", Who::SignedIn),
    (Method::Post, "/settings/seller", Who::Admins),
    (Method::Post, "/settings/seller/logo", Who::Admins),
    (Method::Post, "/settings/seller/logo/removal", Who::Admins),
    (Method::Get, "/settings/mail", Who::Admins),
    (Method::Get, "/settings/mail/previews/<name>", Who::Admins),
    (Method::Get, "/settings/mail/previews/<name>/html", Who::Admins),
    (Method::Post, "/settings/mail/replies", Who::Admins),
    (Method::Post, "/settings/mail/test", Who::Admins),
    (Method::Get, "/setup", Who::Anyone),
    (Method::Post, "/setup", Who::Anyone),
    (Method::Get, "/static/<path..>", Who::AnySite),
    (Method::Post, "/theme", Who::Anyone),
    (Method::Get, "/timeline", Who::SignedIn),
];

fn who(method: Method, path: &str) -> Who {
    let found = TABLE.iter().find(|(known, known_path, _)| *known == method && *known_path == path);
    found.unwrap_or_else(|| panic!("{method} {path} is not in the table of this test: decide who may call it, and write it down")).2
}

/// Calls the route as this browser. The stream of events never ends, so its first line is all that is waited for.
async fn status(browser: &Browser, method: Method, path: &str, from: Option<&'static str>) -> u16 {
    let path = path
        .replace("<id>", "1")
        .replace("<address>", "1")
        .replace("<name>", "leads.sweep")
        .replace("<token>", "guessed")
        .replace("<path..>", "app.css")
        .replace("<digest>", "none");
    let mut request = browser.0.req(method, path).header(Header::new("Accept", "application/json"));
    if method != Method::Get {
        request = request.header(ContentType::Form).body("");
        request.add_header(Header::new("Sec-Fetch-Site", from.unwrap_or("same-origin")));
    }
    request.dispatch().await.status().code
}

both_engines! {
    async fn every_route_lets_in_whom_the_table_names_and_nobody_else(app: TestApp) {
        let whole = app.whole().await;
        whole.post_lead("Ada", "ada@example.com").await;
        let nobody = Browser::open(&whole).await;
        let people = [
            (Role::Viewer, Browser::signed_in(&whole, Role::Viewer).await),
            (Role::Operator, Browser::signed_in(&whole, Role::Operator).await),
            (Role::Admin, Browser::signed_in(&whole, Role::Admin).await),
        ];
        let mut seen = 0;
        for route in whole.client.rocket().routes() {
            let (method, path) = (route.method, route.uri.as_str().split('?').next().expect("a path"));
            let who = who(method, path);
            seen += 1;
            let needed = match who {
                Who::AnySite | Who::Anyone => None,
                Who::SignedIn => Some(Role::Viewer),
                Who::Operators => Some(Role::Operator),
                Who::Admins => Some(Role::Admin),
            };
            // Signing out is last: it ends the session the other routes need.
            if path == "/logout" || path == "/account/password" {
                continue;
            }
            let as_nobody = status(&nobody, method, path, None).await;
            assert_eq!(as_nobody == 401, needed.is_some() , "{method} {path} as nobody: {as_nobody}");
            for (role, browser) in &people {
                let answered = status(browser, method, path, None).await;
                let let_in = !matches!(answered, 401 | 403);
                assert_eq!(let_in, needed.is_none_or(|needed| *role >= needed), "{method} {path} as {role:?}: {answered}");
            }
            if method != Method::Get {
                let foreign = status(&people[2].1, method, path, Some("cross-site")).await;
                assert_eq!(foreign == 403, who != Who::AnySite, "{method} {path} from another site: {foreign}");
            }
        }
        assert_eq!(seen, TABLE.len(), "the table names a route that is gone");
        let left = people[0].1.0.post("/logout").header(ContentType::Form).header(Header::new("Sec-Fetch-Site", "cross-site")).dispatch().await;
        assert_eq!(read(left).await.status.code, 403, "another site cannot sign anyone out");
    }
}
