//! The field mapping on its page: checked by the CRM's fields, shown on a lead, saved for delivery.

use rocket::http::Status;
use serde_json::json;
use throughline::accounts::Role;
use throughline::sandbox::Options;

use super::browser::Browser;
use crate::harness::both_engines;

const PAGE: &str = "/connections/zoho/mapping";
const PREVIEW: &str = "/connections/zoho/mapping/preview";

/// A form with these rows; `seen` is what the page said last.
fn form<'a>(seen: &'a str, rows: &[(&'a str, &'a str)]) -> Vec<(String, String)> {
    let mut form = vec![("seen".to_owned(), seen.to_owned())];
    for (place, (crm, part)) in rows.iter().enumerate() {
        form.extend([(format!("crm_{place}"), (*crm).to_owned()), (format!("part_{place}"), (*part).to_owned())]);
    }
    form
}

async fn post(browser: &Browser, path: &str, form: &[(String, String)]) -> crate::harness::Answered {
    let pairs: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.post(path, &pairs).await
}

/// The hidden field that says which mapping the page has seen.
async fn seen(browser: &Browser) -> String {
    let page = browser.get(PAGE).await.text;
    page.split("name=\"seen\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("the field").to_owned()
}

const FINE: [(&str, &str); 3] = [("Last_Name", "last_name"), ("Email", "email"), ("Website", "page_url")];

both_engines! {
    async fn a_saved_mapping_is_what_leads_are_sent_with_until_the_settings_hold_again(app: TestApp) {
        let whole = app.whole().await;
        let browser = Browser::signed_in(&whole, Role::Admin).await;
        assert!(browser.get(PAGE).await.text.contains("This is the mapping of the settings."));
        let preview = post(&browser, PREVIEW, &form("", &FINE)).await;
        assert_eq!(preview.status, Status::Ok, "{}", preview.text);
        for words in ["Nothing is saved yet", "An invented lead, as it would be sent", "https://www.sample.example/products/g65", "No field gets everything else"] {
            assert!(preview.text.contains(words), "{words}: {}", preview.text);
        }
        assert!(browser.get(PAGE).await.text.contains("This is the mapping of the settings."), "a look saves nothing");

        let saved = post(&browser, PAGE, &form("", &FINE)).await;
        assert_eq!(saved.status, Status::SeeOther, "{}", saved.text);
        let page = browser.get(PAGE).await.text;
        assert!(page.contains("The mapping is saved.") && page.contains("by Test admin. It holds in place of the settings."), "{page}");
        let lead = json!({ "name": "Ada Lovelace", "email": "ada@example.com", "phone": "+44 20 7946 0958", "page_url": "https://www.example.com/a" });
        whole.post("/api/store-lead", &lead).await;
        whole.run_until_idle().await;
        let sent = &whole.sandbox.leads()[0];
        assert_eq!((&sent["Last_Name"], &sent["Website"], &sent["First_Name"], &sent["Phone"]), (&json!("Lovelace"), &json!("https://www.example.com/a"), &json!(null), &json!(null)));
        assert!(browser.get(PAGE).await.text.contains("Lead 1, the newest, as it would be sent"));

        let reset = browser.post("/connections/zoho/mapping/reset", &[("seen", &seen(&browser).await)]).await;
        assert_eq!(reset.status, Status::SeeOther);
        assert!(browser.get(PAGE).await.text.contains("The mapping of the settings holds again."));
        whole.post_lead("Grace Hopper", "grace@example.com").await;
        whole.run_until_idle().await;
        assert_eq!(whole.sandbox.leads()[1]["First_Name"], "Grace");
    }

    async fn what_the_crm_would_not_take_is_named_and_nothing_is_saved(app: TestApp) {
        let whole = app.whole().await;
        let browser = Browser::signed_in(&whole, Role::Admin).await;
        for (row, words) in [
            (("Shoe_Size", "name"), "The CRM&#39;s leads have no field Shoe_Size."),
            (("Created_Time", "name"), "Created_Time is read-only"),
            (("No_of_Employees", "phone"), "No_of_Employees is of the type integer"),
            (("City", "source"), "City is too short: it holds 100 characters"),
            (("External_Lead_Id", "name"), "External_Lead_Id holds our id"),
            (("<b>", "name"), "This is not an API name"),
        ] {
            for path in [PREVIEW, PAGE] {
                let answer = post(&browser, path, &form("", &[FINE[0], row])).await;
                assert_eq!(answer.status, Status::UnprocessableEntity);
                assert!(answer.text.contains(words) && !answer.text.contains("<b>\""), "{words}: {}", answer.text);
            }
        }
        let lacking = post(&browser, PAGE, &form("", &FINE[1..])).await;
        assert!(lacking.text.contains("The CRM requires Last_Name, and no row fills it."), "{}", lacking.text);
        assert!(browser.get(PAGE).await.text.contains("This is the mapping of the settings."));
    }

    async fn a_mapping_that_cannot_be_checked_or_that_someone_else_has_changed_is_not_saved(app: TestApp) {
        let whole = app.whole_with(Options::default(), &[]).await;
        let browser = Browser::signed_in(&whole, Role::Admin).await;
        let unconnected = post(&browser, PAGE, &form("", &FINE)).await;
        assert_eq!(unconnected.status, Status::UnprocessableEntity);
        assert!(unconnected.text.contains("Zoho is not connected yet") && unconnected.text.contains("value=\"Website\""), "{}", unconnected.text);
        whole.connect_zoho().await;
        whole.sandbox.script(json!({ "fault": "refuse", "path": "/crm", "times": 1 }));
        assert!(post(&browser, PAGE, &form("", &FINE)).await.text.contains("could not be checked: Zoho cannot be reached"));

        let (one, two) = tokio::join!(
            async { post(&browser, PAGE, &form("", &FINE)).await },
            async { post(&browser, PAGE, &form("", &FINE[..2])).await }
        );
        let mut statuses = [one.status.code, two.status.code];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 422], "of two that saw the same, one saves");
        let stale = browser.post("/connections/zoho/mapping/reset", &[("seen", "1")]).await;
        assert_eq!(stale.status, Status::SeeOther);
        assert!(browser.get(PAGE).await.text.contains("Someone else has changed the mapping meanwhile."));
        let viewer = Browser::signed_in(&whole, Role::Viewer).await;
        let page = viewer.get(PAGE).await.text;
        assert!(page.contains("It takes an admin to change it.") && !page.contains("Save the mapping"), "{page}");
        assert_eq!(post(&viewer, PAGE, &form("", &FINE)).await.status, Status::Forbidden);
    }
}
