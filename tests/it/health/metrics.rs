//! `/metrics`: who may read it, and that what it says can be read.

use std::collections::{BTreeMap, BTreeSet};

use rocket::http::{Header, Status};
use throughline::accounts::Role;

use super::{TOKEN, change, healthy, pass};
use crate::harness::{Answered, Whole, both_engines, read};
use crate::web::browser::Browser;

async fn scraped(whole: &Whole) -> Answered {
    read(whole.client.get("/metrics").header(Header::new("Authorization", format!("Bearer {TOKEN}"))).dispatch().await).await
}

/// Calls from this machine, with these headers besides.
async fn from_here(whole: &Whole, headers: &[(&'static str, &'static str)]) -> u16 {
    let mut request = whole.client.get("/metrics").remote("127.0.0.1:40000".parse().expect("an address"));
    request.add_header(Header::new("Host", "127.0.0.1:8000"));
    headers.iter().for_each(|(name, value)| request.add_header(Header::new(*name, *value)));
    request.dispatch().await.status().code
}

/// Reads the text as strictly as Prometheus does: each sample belongs to the family before it, names and labels are well formed, no
/// sample comes twice. Gives the samples.
fn parsed(text: &str) -> BTreeMap<String, f64> {
    let (mut samples, mut families, mut family, mut kind) = (BTreeMap::new(), BTreeSet::new(), "", "");
    assert!(text.ends_with('\n'), "the last line ends");
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a sentence");
            assert!(families.insert(name), "{name} is told of twice");
            assert!(is_name(name) && name.starts_with("throughline_") && help.ends_with('.'), "{line}");
            family = name;
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, told) = rest.split_once(' ').expect("a type");
            assert!(name == family && ["gauge", "counter", "histogram"].contains(&told), "{line}");
            assert_eq!(told == "counter", name.ends_with("_total"), "{line}: counters and only they end so");
            kind = told;
        } else {
            let (series, value) = line.rsplit_once(' ').expect("a value");
            let (name, labels) =
                series.split_once('{').map_or((series, ""), |(name, labels)| (name, labels.strip_suffix('}').expect("an end")));
            let own =
                if kind == "histogram" { ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)) } else { Some(name) };
            assert_eq!(own, Some(family), "{line}");
            for label in labels.split("\",").filter(|label| !label.is_empty()) {
                let (name, value) = label.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
                assert!(is_name(name) && !value.contains('\n'), "{line}");
            }
            let value = value.parse::<f64>().unwrap_or_else(|cause| panic!("{line}: {cause}"));
            assert!(samples.insert(series.to_owned(), value).is_none(), "{line} comes twice");
        }
    }
    samples
}

both_engines! {
    async fn what_it_says_can_be_read_and_is_right(app: TestApp) {
        let whole = healthy(&app).await;
        whole.post_lead("Ada", "ada@example.com").await;
        whole.run_until_idle().await;
        whole.post_lead("Bo", "bo@example.com").await;
        whole.post("/api/store-lead", &serde_json::json!({})).await;
        pass(&whole, 20).await;
        let answered = scraped(&whole).await;
        assert_eq!((answered.status, answered.header("Content-Type")), (Status::Ok, Some("text/plain; version=0.0.4; charset=utf-8")));
        let samples = parsed(&answered.text);
        for (series, value) in [
            ("throughline_database_up", 1.0),
            ("throughline_health_state", 0.0),
            ("throughline_check_state{check=\"leads:waiting\",of=\"\"}", 0.0),
            ("throughline_leads{status=\"sent\"}", 1.0),
            ("throughline_leads{status=\"pending\"}", 1.0),
            ("throughline_leads_oldest_waiting_seconds", 20.0),
            ("throughline_jobs{kind=\"leads.deliver\",lane=\"lead\",state=\"pending\"}", 1.0),
            ("throughline_outbox_oldest_ready_seconds{kind=\"leads.deliver\",lane=\"lead\"}", 20.0),
            ("throughline_connection_usable{provider=\"zoho\"}", 1.0),
            ("throughline_breaker_open{provider=\"zoho\"}", 0.0),
            ("throughline_quota_used_calls{provider=\"zoho\",window_seconds=\"86400\"}", 3.0),
            ("throughline_quota_limit_calls{provider=\"zoho\",window_seconds=\"86400\"}", 5_000.0),
            ("throughline_token_expires_timestamp_seconds{provider=\"zoho\"}", 1_795_341_600.0),
            ("throughline_http_requests_total{method=\"POST\",route=\"/api/store-lead\",status=\"201\"}", 2.0),
            ("throughline_http_requests_total{method=\"POST\",route=\"/api/store-lead\",status=\"422\"}", 1.0),
            ("throughline_processes{role=\"worker\"}", 1.0),
            ("throughline_writer_queue_length{writer=\"0\"}", 0.0),
        ] {
            assert_eq!(samples.get(series), Some(&value), "{series} in:\n{}", answered.text);
        }
        assert!(samples["throughline_provider_requests_total{provider=\"zoho\",result=\"2xx\"}"] >= 3.0);
        let bucket = |le: &str| samples[&format!("throughline_provider_request_duration_seconds_bucket{{provider=\"zoho\",le=\"{le}\"}}")];
        assert!(bucket("0.1") <= bucket("30") && bucket("30") <= bucket("+Inf"));
        assert_eq!(bucket("+Inf"), samples["throughline_provider_request_duration_seconds_count{provider=\"zoho\"}"]);
        assert!(!answered.text.contains("example.com"), "nobody is named");
    }

    async fn it_is_for_the_token_for_staff_and_for_this_machine(app: TestApp) {
        let whole = healthy(&app).await;
        let nobody = read(whole.client.get("/metrics").dispatch().await).await;
        assert_eq!((nobody.status, nobody.json()["title"].as_str()), (Status::Unauthorized, Some("Metrics are not for everybody")));
        let wrong = read(whole.client.get("/metrics").header(Header::new("Authorization", "Bearer guessed")).dispatch().await).await;
        assert_eq!(wrong.status, Status::Unauthorized);
        let elsewhere = whole.client.get("/metrics").header(Header::new("Host", "127.0.0.1")).remote("192.0.2.1:40000".parse().expect("an address"));
        assert_eq!(elsewhere.dispatch().await.status().code, 401);
        let viewer = Browser::signed_in(&whole, Role::Viewer).await;
        assert_eq!(read(viewer.0.get("/metrics").dispatch().await).await.status, Status::Ok);

        assert_eq!(from_here(&whole, &[]).await, 200, "a program on this machine");
        assert_eq!(from_here(&whole, &[("Authorization", "Bearer guessed")]).await, 401, "who brings a token is held to it");
        assert_eq!(from_here(&whole, &[("X-Forwarded-For", "203.0.113.9")]).await, 401, "a proxy in between");
        assert_eq!(from_here(&whole, &[("X-Forwarded-For", "127.0.0.1")]).await, 401, "whatever it says");
    }

    async fn behind_a_proxy_on_this_machine_it_is_closed(app: TestApp) {
        let settings = [("THROUGHLINE_PUBLIC_URL", "https://desk.example.com"), ("THROUGHLINE_TRUSTED_PROXIES", "127.0.0.1")];
        let whole = app.whole_with(Default::default(), &settings).await;
        assert_eq!(from_here(&whole, &[]).await, 401);
        assert_eq!(from_here(&whole, &[("X-Forwarded-For", "127.0.0.1"), ("X-Real-IP", "127.0.0.1")]).await, 401);
        let unnamed = app.whole_with(Default::default(), &[("THROUGHLINE_PUBLIC_URL", "https://desk.example.com")]).await;
        assert_eq!(from_here(&unnamed, &[]).await, 401, "a proxy that nobody has named");
    }

    async fn without_a_database_it_still_answers_what_this_process_knows(app: TestApp) {
        let whole = healthy(&app).await;
        change(&whole, "ALTER TABLE call_usage RENAME TO somewhere_else").await;
        let samples = parsed(&scraped(&whole).await.text);
        assert_eq!((samples["throughline_database_up"], samples["throughline_health_state"]), (0.0, 2.0));
        assert_eq!(samples["throughline_check_state{check=\"database:answers\",of=\"\"}"], 2.0);
    }
}
