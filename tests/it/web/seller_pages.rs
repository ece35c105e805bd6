//! The seller's settings: who sees them, who saves them, and what follows.

use rocket::http::{ContentType, Header, Status};
use throughline::accounts::Role;
use throughline::scheduler;
use throughline::seller::{self, Language, Seller};

use super::browser::Browser;
use crate::harness::{Answered, Whole, both_engines, read};

pub const PAGE: &str = "/settings/seller";

/// A form without mistakes.
const GOOD: [(&str, &str); 12] = [
    ("version", "0"),
    ("name", "Marsa <b>Coffee</b> Supply"),
    ("email", "hello@marsa.example"),
    ("phone", "+971 4 555 0100"),
    ("postal_address", "Al Quoz\r\nDubai"),
    ("privacy_url", "https://marsa.example/privacy"),
    ("staff_emails", "noor@marsa.example\r\nomar@marsa.example"),
    ("zone", "Asia/Dubai"),
    ("currency", "AED"),
    ("main_language", "en"),
    ("also_ar", "on"),
    ("also_de", "on"),
];

/// A picture of one pixel.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\0\x05\0\x01\xff\x89\x99=\x1d\0\0\0\0IEND\xaeB`\x82";

pub async fn current(whole: &Whole) -> Seller {
    let config = whole.app.config.clone();
    whole.ask(move |conn| seller::current(conn, &config)).await
}

/// Form fields with some of them replaced.
pub fn with<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = GOOD.iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    kept.chain(changes).copied().collect()
}

/// Saves settings without mistakes, some of them chosen.
pub async fn save(browser: &Browser, changes: &[(&str, &str)]) {
    let saved = browser.post(PAGE, &with(changes)).await;
    assert_eq!(saved.status, Status::SeeOther, "{}", saved.text);
}

async fn upload(browser: &Browser, file: &[u8]) -> Answered {
    let head = b"--X\r\nContent-Disposition: form-data; name=\"logo\"; filename=\"logo.png\"\r\nContent-Type: image/png\r\n\r\n";
    let body = [head.as_slice(), file, b"\r\n--X--\r\n"].concat();
    let request = browser.0.post(format!("{PAGE}/logo")).header(Header::new("Content-Type", "multipart/form-data; boundary=X")).body(body);
    read(request.header(Header::new("Accept", "text/html")).header(Header::new("Sec-Fetch-Site", "same-origin")).dispatch().await).await
}

async fn audited(whole: &Whole) -> Vec<(String, String, String)> {
    use diesel::prelude::*;
    use throughline::db::schema::audit;
    let ask = |conn: &mut throughline::db::Conn| {
        let found = audit::table.filter(audit::subject.eq("seller")).order(audit::id);
        found.select((audit::action, audit::before.assume_not_null(), audit::after.assume_not_null())).load(conn)
    };
    whole.ask(ask).await
}

both_engines! {
    async fn before_anyone_saved_them_there_are_defaults_that_may_be_shown(app: TestApp) {
        let settings = [("THROUGHLINE_PUBLIC_URL", "https://desk.marsa.example"), ("THROUGHLINE_ZONE", "Asia/Dubai")];
        let whole = app.whole_with(throughline::sandbox::Options::default(), &settings).await;
        let seller = current(&whole).await;
        assert_eq!((seller.name.as_str(), seller.zone.name(), seller.currency.code(), seller.version), ("desk.marsa.example", "Asia/Dubai", "USD", 0));
        assert_eq!((seller.languages.as_slice(), seller.initial().as_str(), &seller.logo), ([Language::English].as_slice(), "D", &None));
    }

    async fn an_admin_saves_them_and_everyone_sees_them(app: TestApp) {
        let whole = app.whole().await;
        let (admin, viewer) = (Browser::signed_in(&whole, Role::Admin).await, Browser::signed_in(&whole, Role::Viewer).await);
        let empty = viewer.get(PAGE).await.text;
        assert!(empty.contains("Nobody has saved these settings yet") && !empty.contains("<form action=\"/settings"), "{empty}");

        assert_eq!(admin.post(PAGE, &GOOD).await.status, Status::SeeOther);
        let seller = current(&whole).await;
        assert_eq!(seller.languages, [Language::English, Language::German, Language::Arabic]);
        assert_eq!((seller.staff_emails.len(), seller.postal_address.as_deref(), seller.version), (2, Some("Al Quoz\nDubai"), 1));
        let shown = viewer.get(PAGE).await.text;
        for words in ["Marsa &#60;b&#62;Coffee", "English, German, Arabic", "AED · United Arab Emirates dirham", "noor@marsa.example, omar@marsa.example"] {
            assert!(shown.contains(words), "{words} in {shown}");
        }
        let (action, before, after) = audited(&whole).await.pop().expect("it is audited");
        assert_eq!(action, "seller.edit");
        assert!(before.contains("\"currency\":\"USD\"") && after.contains("\"currency\":\"AED\"") && after.contains("omar@marsa.example"));
    }

    async fn every_mistake_is_shown_at_once_and_nothing_is_saved(app: TestApp) {
        let whole = app.whole().await;
        let admin = Browser::signed_in(&whole, Role::Admin).await;
        let typed = with(&[("name", " "), ("zone", "Mars"), ("currency", "coins"), ("privacy_url", "javascript:alert(1)"), ("staff_emails", "<script>")]);
        let answer = admin.post(PAGE, &typed).await;
        assert_eq!(answer.status, Status::UnprocessableEntity);
        for id in ["name", "zone", "currency", "privacy_url", "staff_emails"] {
            assert!(answer.text.contains(&format!("<a href=\"#{id}\">")) && answer.text.contains(&format!("id=\"{id}-error\"")), "{id}");
        }
        assert!(answer.text.contains("Al Quoz") && answer.text.contains("javascript:alert(1)") && !answer.text.contains("<script>"), "{}", answer.text);
        assert_eq!((current(&whole).await.version, audited(&whole).await.len()), (0, 0));
    }

    async fn of_two_who_save_at_once_the_second_is_told(app: TestApp) {
        let whole = app.whole().await;
        let admin = Browser::signed_in(&whole, Role::Admin).await;
        assert_eq!(admin.post(PAGE, &GOOD).await.status, Status::SeeOther);
        for stale in ["0", "7", "nonsense"] {
            let second = admin.post(PAGE, &with(&[("version", stale), ("name", "Theirs")])).await;
            assert_eq!(second.status, Status::Conflict, "{stale}");
            assert!(second.text.contains("Somebody else has saved") && second.text.contains("value=\"Theirs\"") && second.text.contains("name=\"version\" value=\"1\""));
        }
        assert_eq!(current(&whole).await.name, "Marsa <b>Coffee</b> Supply");
        assert_eq!(admin.post(PAGE, &with(&[("version", "1"), ("name", "Theirs")])).await.status, Status::SeeOther);
        assert_eq!((current(&whole).await.name.as_str(), current(&whole).await.version), ("Theirs", 2));
    }

    async fn a_logo_is_checked_served_to_anyone_and_removed(app: TestApp) {
        let whole = app.whole().await;
        let (admin, nobody) = (Browser::signed_in(&whole, Role::Admin).await, Browser::open(&whole).await);
        for (file, words) in [
            (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>".as_slice(), "SVG is not taken"),
            (b"".as_slice(), "Choose a picture first"),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), "damaged"),
            (&[PNG, &[0; 40_000]].concat(), "32 KiB are the limit"),
        ] {
            let refused = upload(&admin, file).await;
            assert!(refused.status == Status::UnprocessableEntity && refused.text.contains(words), "{words}: {}", refused.status);
        }
        assert_eq!(upload(&admin, PNG).await.status, Status::SeeOther);
        let logo = current(&whole).await.logo.expect("a logo");
        assert!(admin.get(PAGE).await.text.contains(&format!("src=\"{}\" width=\"1\" height=\"1\"", logo.path())));
        let served = nobody.0.get(logo.path()).dispatch().await;
        assert_eq!((served.status(), served.content_type()), (Status::Ok, Some(ContentType::PNG)));
        assert_eq!(served.headers().get_one("Cache-Control"), Some("public, max-age=31536000, immutable"));
        assert_eq!(served.headers().get_one("X-Content-Type-Options"), Some("nosniff"));
        assert_eq!(served.into_bytes().await.as_deref(), Some(PNG));
        for words in ["The logo is removed", "There is no logo; somebody else was faster"] {
            admin.post(&format!("{PAGE}/logo/removal"), &[]).await;
            assert!(admin.get(PAGE).await.text.contains(words), "{words}");
        }
        assert_eq!(nobody.get(&logo.path()).await.status, Status::NotFound);
        let actions: Vec<String> = audited(&whole).await.into_iter().map(|(action, _, _)| action).collect();
        assert_eq!(actions, ["seller.set_logo", "seller.remove_logo"]);
    }

    async fn the_saved_zone_is_that_of_pages_and_of_the_daily_sweep(app: TestApp) {
        let whole = app.whole().await;
        let admin = Browser::signed_in(&whole, Role::Admin).await;
        let due = throughline::schedules(&whole.app).expect("the schedules");
        scheduler::tick(&whole.app, &due).await.expect("a tick");
        assert!(admin.get("/leads").await.text.contains("times in UTC"));
        admin.post(PAGE, &GOOD).await;
        assert!(admin.get("/leads").await.text.contains("times in Dubai (UTC+4)"));
        // It is 09:00 UTC: the next 09:00 in Dubai is 05:00 UTC tomorrow.
        let told = read(admin.0.get("/schedules/leads.daily_sweep").header(Header::new("Accept", "application/json")).dispatch().await).await.json();
        assert_eq!((&told["zone"], &told["next_due"][0]["at"]), (&"Asia/Dubai".into(), &"2026-11-23T05:00:00Z".into()));
        let before = whole.ask(|conn| throughline::outbox::schedules::runs(conn, "leads.daily_sweep", None, 5)).await.len();
        app.clock.advance(std::time::Duration::from_secs(20 * 3600));
        scheduler::tick(&whole.app, &due).await.expect("a tick");
        let runs = whole.ask(|conn| throughline::outbox::schedules::runs(conn, "leads.daily_sweep", None, 5)).await;
        assert_eq!(runs.len(), before + 1, "it fired at 09:00 in Dubai");
    }
}
