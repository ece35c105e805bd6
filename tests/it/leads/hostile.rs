//! Bodies and fields that mean harm: refused with a clear answer, or kept harmless.

use rocket::http::{ContentType, Status};
use serde_json::json;

use crate::harness::{both_engines, read};

both_engines! {
    async fn hostile_bodies_are_refused_and_the_next_honest_lead_is_taken(app: TestApp) {
        let whole = app.whole().await;
        let deep = format!("{{\"name\": {}1{}}}", "[".repeat(20_000), "]".repeat(20_000));
        let cases: [(Vec<u8>, Status); 7] = [
            (br#"{"name": "Ada", "email": "ada@exa"#.to_vec(), Status::BadRequest),
            (b"{\"name\": \"\xff\xfe\", \"email\": \"a@example.com\"}".to_vec(), Status::BadRequest),
            (br#"{"name": "A\u0000da", "email": "a@example.com"}"#.to_vec(), Status::UnprocessableEntity),
            (deep.into_bytes(), Status::BadRequest),
            (vec![b'['; 10 * 1024 * 1024], Status::PayloadTooLarge),
            (b"[]".to_vec(), Status::UnprocessableEntity),
            (Vec::new(), Status::BadRequest),
        ];
        for (body, expected) in cases {
            let start = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
            let answered = read(whole.client.post("/api/store-lead").header(ContentType::JSON).body(body).dispatch().await).await;
            assert_eq!(answered.status, expected, "{start}: {}", answered.text);
            assert_eq!(answered.header("content-type"), Some("application/problem+json"), "{start}");
        }
        whole.post_lead("Ada", "ada@example.com").await;
    }

    async fn names_of_every_kind_reach_the_crm_whole(app: TestApp) {
        let whole = app.whole().await;
        let names = ["سارة المنصوري", "👩‍🚀 Zoë", "Ông Nguyễn", "O'Brien <b>x</b>", "\u{202e}evil", "名無し"];
        for (n, name) in names.iter().enumerate() {
            whole.post_lead(name, &format!("n{n}@example.com")).await;
        }
        whole.run_until_idle().await;

        let mut arrived: Vec<String> = whole
            .sandbox
            .leads()
            .iter()
            .map(|lead| format!("{} {}", lead["First_Name"].as_str().unwrap_or_default(), lead["Last_Name"].as_str().unwrap_or_default()).trim().to_owned())
            .collect();
        let mut sent: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        arrived.sort();
        sent.sort();
        assert_eq!(arrived, sent);
    }

    async fn header_injection_is_refused_by_the_field_it_is_in(app: TestApp) {
        let whole = app.whole().await;
        for field in ["name", "email", "phone", "company", "source", "utm_source", "page_url"] {
            let mut lead = json!({"name": "Ada", "email": "ada@example.com", "phone": "+442079460958"});
            lead[field] = json!("x@example.com\r\nBcc: all@example.com");
            let answered = whole.post("/api/store-lead", &lead).await;
            assert_eq!(answered.status, Status::UnprocessableEntity, "{field}");
            assert_eq!(answered.json()["errors"][0]["field"], field);
        }
    }
}
