//! The stream of live updates.

use std::time::Duration;

use rocket::tokio::io::AsyncReadExt;
use throughline::accounts::Role;

use super::browser::Browser;
use crate::harness::both_engines;

both_engines! {
    async fn a_change_reaches_an_open_page_and_the_stream_ends_with_the_program(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        assert_eq!(whole.get_json("/events?page=leads").await.status.code, 401);
        let mut stream = browser.0.get("/events?page=leads").dispatch().await;
        assert!(stream.headers().get_one("content-encoding").is_none(), "streams are never compressed");

        let (heard, _) = tokio::join!(
            async {
                let (mut text, mut part) = (String::new(), [0; 256]);
                while !(text.contains("event:leads") && text.contains("event:jobs")) {
                    let read = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut part)).await.expect("an event in time").expect("the stream");
                    assert!(read > 0, "ended early: {text}");
                    text.push_str(&String::from_utf8_lossy(&part[..read]).replace(": ", ":"));
                }
                text
            },
            async {
                tokio::time::sleep(Duration::from_millis(300)).await;
                for n in 0..5 {
                    whole.post_lead(&format!("Lead {n}"), &format!("n{n}@example.com")).await;
                }
            }
        );
        assert!(heard.matches("event:leads").count() <= 2, "changes close together are told together: {heard}");
        assert!(!heard.contains("Lead 1") && !heard.contains("example.com"), "the stream says that, never what");

        browser.0.rocket().shutdown().notify();
        let mut rest = Vec::new();
        tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await.expect("the stream ends").expect("cleanly");
    }
}
