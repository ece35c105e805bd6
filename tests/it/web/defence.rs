//! What stands in front of every page: roles, the cross-site defence, headers, errors in the form the caller can read.

use rocket::http::{ContentType, Header, Status};
use serde_json::json;
use throughline::accounts::Role;

use super::browser::Browser;
use crate::harness::{both_engines, read};

both_engines! {
    async fn each_role_may_do_what_is_its_own(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        let lead = whole.post_lead("Ada", "ada@example.com").await;
        let job = whole.job_of(&lead.subject()).await.id;
        let pages = ["/".into(), "/leads".into(), format!("/leads/{lead}"), "/outbox".into(), format!("/outbox/{job}"), "/account".into()];
        let acts = [format!("/leads/{lead}/delivery"), format!("/leads/{lead}/correction"), format!("/outbox/{job}/run"),
            format!("/outbox/{job}/cancellation"), format!("/outbox/{job}/completion")];

        let nobody = Browser::open(&whole).await;
        for path in &pages {
            assert_eq!(nobody.get(path).await.status, Status::SeeOther, "{path}");
            assert_eq!(whole.get_json(path).await.status, Status::Unauthorized, "{path}");
        }
        for path in &acts {
            assert_eq!(nobody.post(path, &[]).await.header("location"), Some("/login"), "{path}");
        }
        let viewer = Browser::signed_in(&whole, Role::Viewer).await;
        for path in &pages {
            let page = viewer.get(path).await;
            assert_eq!(page.status, Status::Ok, "{path}");
            assert!(!page.text.contains("Send again") && !page.text.contains("Cancel job"), "{path}");
        }
        for path in &acts {
            let refused = viewer.post(path, &[]).await;
            assert_eq!(refused.status, Status::Forbidden, "{path}");
            assert!(refused.text.contains("This takes the role Operator; yours is Viewer."));
        }
        let operator = Browser::signed_in(&whole, Role::Operator).await;
        for path in &acts {
            assert!(matches!(operator.post(path, &[]).await.status.code, 303 | 422), "{path}");
        }
    }

    async fn another_site_cannot_use_a_session(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[("THROUGHLINE_PUBLIC_URL", "http://127.0.0.1:8000")]).await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        let send = async |headers: &[(&'static str, &'static str)]| {
            let mut request = browser.0.post("/theme").header(ContentType::Form).body("theme=dark&next=/leads");
            for (name, value) in headers {
                request.add_header(Header::new(*name, *value));
            }
            request.dispatch().await.status()
        };
        assert_eq!(send(&[("Sec-Fetch-Site", "same-origin")]).await, Status::SeeOther);
        assert_eq!(send(&[("Origin", "http://127.0.0.1:8000")]).await, Status::SeeOther);
        for headers in [
            [("Sec-Fetch-Site", "cross-site"), ("Origin", "http://127.0.0.1:8000")].as_slice(),
            &[("Sec-Fetch-Site", "same-site")],
            &[("Origin", "null")],
            &[("Origin", "http://evil.example")],
            &[],
        ] {
            assert_eq!(send(headers).await, Status::Forbidden, "{headers:?}");
        }
        // The public intake is for other sites.
        let body = json!({"name": "Ada", "email": "ada@example.com"}).to_string();
        let request = browser.0.post("/api/store-lead").header(ContentType::JSON).header(Header::new("Sec-Fetch-Site", "cross-site")).body(body);
        assert_eq!(request.dispatch().await.status(), Status::Created);
    }

    async fn every_answer_carries_the_headers_and_says_what_is_wrong(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;

        for path in ["/", "/login", "/nowhere", "/leads/999", "/leads/abc", "/outbox/999", "/lines/nonsense"] {
            let answered = browser.get(path).await;
            assert_eq!(answered.status.code, if path.len() > 6 { 404 } else { 200 }, "{path}");
            assert_eq!(answered.header("content-security-policy"),
                Some("default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"));
            assert_eq!(answered.header("x-content-type-options"), Some("nosniff"));
            assert_eq!(answered.header("referrer-policy"), Some("same-origin"));
            assert_eq!(answered.header("cache-control"), Some("no-store"));
            assert!(answered.header("x-request-id").is_some_and(|id| !answered.text.contains("Reference") || answered.text.contains(id)));
            for inline in ["<style", " style=", " onclick=", "javascript:", "<script>"] {
                assert!(!answered.text.contains(inline), "{path} has {inline}");
            }
        }
        let problem = whole.get_json("/nowhere").await;
        assert_eq!(problem.header("content-type"), Some("application/problem+json"));
        assert_eq!(problem.json()["status"], 404);
    }

    async fn a_wrong_method_is_told_the_right_ones(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        for (path, allow) in [("/leads", "GET, HEAD"), ("/theme", "POST"), ("/login", "GET, HEAD, POST"), ("/api/store-lead", "POST")] {
            let answered = read(whole.client.put(path).dispatch().await).await;
            assert_eq!((answered.status, answered.header("allow")), (Status::MethodNotAllowed, Some(allow)), "{path}");
        }
        assert_eq!(whole.get_json("/api/store-lead").await.status, Status::MethodNotAllowed);
    }

    async fn forms_have_limits(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        let browser = Browser::open(&whole).await;
        let long = "x".repeat(70_000);
        assert_eq!(browser.post("/login", &[("email", &long)]).await.status, Status::PayloadTooLarge);
        assert_eq!(browser.post("/login", &[("email", "a\0b"), ("password", "x")]).await.status, Status::BadRequest);
        let json = browser.0.post("/login").header(ContentType::JSON).header(Header::new("Sec-Fetch-Site", "none")).body("{}");
        assert_eq!(json.dispatch().await.status(), Status::UnsupportedMediaType);
    }

    async fn pages_and_files_are_compressed_and_files_are_kept_for_ever(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        let page = browser.get("/account").await;
        let sheet = page.text.split('"').find(|part| part.ends_with(".css")).expect("a style sheet").to_owned();

        for (accepts, encoding) in [("gzip, deflate, br", Some("br")), ("gzip", Some("gzip")), ("identity", None)] {
            for path in ["/account", &sheet] {
                let answer = browser.0.get(path.to_owned()).header(Header::new("Accept-Encoding", accepts)).header(Header::new("Accept", "text/html"));
                let answer = answer.dispatch().await;
                assert_eq!(answer.headers().get_one("content-encoding"), encoding, "{path} {accepts}");
                assert!(answer.headers().get_one("vary").is_some_and(|vary| vary.contains("Accept-Encoding")));
            }
        }
        let kept = browser.get(&sheet).await;
        assert_eq!(kept.header("cache-control"), Some("public, max-age=31536000, immutable"));
        assert_eq!(browser.get("/static/app.css").await.status, Status::NotFound, "only the hashed name exists");
    }
}
