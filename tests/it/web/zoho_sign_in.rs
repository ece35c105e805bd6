//! Connecting Zoho in the browser: the way there and back, and each refusal on it.

use std::time::Duration;

use diesel::prelude::*;
use rocket::http::Status;
use secrecy::SecretString;
use serde_json::json;
use throughline::accounts::Role;
use throughline::connections::{ConnectionState, Summary, summary};
use throughline::db::schema::{audit, connections, oauth_states};
use throughline::http::Method;
use throughline::integrations::zoho::oauth::{self, Client};
use throughline::sandbox::{Options, SandboxRequest};
use url::Url;

use super::browser::{Browser, PASSWORD};
use crate::harness::{Answered, Whole, both_engines};

const AUTHORIZATION: &str = "/connections/zoho/authorization";
const FIRST: &str = "5725767000000020001";
const OTHER: &str = "5725767000000020002";

/// Begins a sign-in; Zoho's page.
async fn begin(browser: &Browser, fields: &[(&str, &str)]) -> Url {
    let answer = browser.post(AUTHORIZATION, fields).await;
    assert_eq!(answer.status, Status::SeeOther, "{}", answer.text);
    Url::parse(answer.header("location").expect("Zoho's page")).expect("an address")
}

/// Decides on the sandbox's consent page; where that sends the person.
fn decide(whole: &Whole, page: &Url, decision: &str, organisation: &str) -> Url {
    let mut ask = SandboxRequest::new(Method::Get, page.path(), Vec::new());
    ask.query = page.query_pairs().into_owned().collect();
    assert_eq!(whole.sandbox.handle(&ask, whole.app.clock.now()).status, 200);
    let form = url::form_urlencoded::Serializer::new(page.query().expect("a query").to_owned())
        .append_pair("decision", decision)
        .append_pair("organisation", organisation)
        .finish();
    let answer = whole.sandbox.handle(&SandboxRequest::new(Method::Post, page.path(), form.into_bytes()), whole.app.clock.now());
    assert_eq!(answer.status, 302);
    Url::parse(&answer.headers.iter().find(|(name, _)| *name == "location").expect("a way back").1).expect("an address")
}

async fn come_back(browser: &Browser, to: &Url) -> Answered {
    browser.get(&to[url::Position::BeforePath..]).await
}

/// Begins, agrees and comes back.
async fn sign_in(whole: &Whole, browser: &Browser, fields: &[(&str, &str)], organisation: &str) -> Answered {
    let page = begin(browser, fields).await;
    come_back(browser, &decide(whole, &page, "accept", organisation)).await
}

/// The same address with other values; an empty one leaves the name out.
fn with(url: &Url, changes: &[(&str, &str)]) -> Url {
    let kept: Vec<(String, String)> =
        url.query_pairs().into_owned().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name)).collect();
    let mut changed = url.clone();
    changed.query_pairs_mut().clear().extend_pairs(kept).extend_pairs(changes.iter().filter(|(_, value)| !value.is_empty()));
    changed
}

async fn known(whole: &Whole) -> Option<Summary> {
    whole.ask(summary).await
}

/// Grants at Zoho that people's consent has left there.
fn grants(whole: &Whole) -> u64 {
    let usage = whole.sandbox.handle(&SandboxRequest::new(Method::Get, "/__ledger/zoho/usage", Vec::new()), whole.app.clock.now());
    serde_json::from_slice::<serde_json::Value>(&usage.body).expect("JSON")["consented_grants"].as_u64().expect("a number")
}

fn assert_refused(answer: &Answered, words: &str) {
    assert_eq!(answer.status, Status::UnprocessableEntity, "{}", answer.text);
    assert!(answer.text.contains(words) && answer.text.contains("Nothing was changed"), "{words}: {}", answer.text);
}

both_engines! {
    async fn an_admin_connects_by_signing_in_at_zoho_and_what_waited_goes_out(app: TestApp) {
        let whole = app.whole_with(Options::default(), &[]).await;
        let lead = whole.post_lead("Ada Lovelace", "ada@example.com").await;
        let browser = Browser::signed_in(&whole, Role::Admin).await;
        let page = browser.get("/connections/zoho").await;
        assert!(page.text.contains("Nobody has connected it yet") && page.text.contains("lets Throughline look a lead up"), "{}", page.text);
        assert!(page.header("content-security-policy").expect("a policy").contains("form-action 'self' http://sandbox.test;"));

        let consent = begin(&browser, &[]).await;
        let asked: std::collections::BTreeMap<String, String> = consent.query_pairs().into_owned().collect();
        assert_eq!((asked["access_type"].as_str(), asked["prompt"].as_str(), asked["response_type"].as_str()), ("offline", "consent", "code"));
        assert_eq!(asked["redirect_uri"], "http://127.0.0.1:8000/connections/zoho/callback");
        assert_eq!(asked["scope"].split(',').count(), 10);
        let back = come_back(&browser, &decide(&whole, &consent, "accept", FIRST)).await;
        assert_eq!((back.status, back.header("location")), (Status::SeeOther, Some("/connections/zoho")));

        let page = browser.get("/connections/zoho").await.text;
        for words in ["Leads go to Sample Seller.", "Sample Seller (id 5725767000000020001)", "by Test admin", "all that are needed", "Found and unique"] {
            assert!(page.contains(words), "{words}: {page}");
        }
        whole.run_until_idle().await;
        assert!(whole.lead(lead).await.zoho_lead_id.is_some());
        let acts: Vec<String> =
            whole.ask(|conn| audit::table.filter(audit::subject.eq("connection:zoho")).select(audit::action).order(audit::id).load(conn)).await;
        assert_eq!(acts, ["connections.begin", "connections.connect"]);
        assert_eq!(grants(&whole), 1);
    }

    async fn a_client_that_is_typed_in_is_sealed_and_used_again_for_the_next_sign_in(app: TestApp) {
        let whole = app.whole_with(Options::default(), &[("ZOHO_CLIENT_ID", ""), ("ZOHO_CLIENT_SECRET", "")]).await;
        let browser = Browser::signed_in(&whole, Role::Admin).await;
        for (fields, words) in [
            (&[][..], "the settings name none"),
            (&[("client_id", "1000.me")][..], "Give the secret that belongs to this client id."),
            (&[("client_secret", "hush-hush")][..], "Give the client id that this secret belongs to."),
            (&[("client_id", "1000.me"), ("client_secret", "hush-hush"), ("accounts_url", "https://accounts.zoho.example")][..], "Choose one of the data centres"),
        ] {
            let answer = browser.post(AUTHORIZATION, fields).await;
            assert_eq!(answer.status, Status::UnprocessableEntity);
            assert!(answer.text.contains(words) && !answer.text.contains("hush-hush"), "{words}: {}", answer.text);
        }
        let client = [("client_id", "1000.me"), ("client_secret", "hush-hush")];
        assert_eq!(sign_in(&whole, &browser, &client, FIRST).await.status, Status::SeeOther);
        let sealed: Vec<String> = whole.ask(|conn| oauth_states::table.select(oauth_states::client_secret_sealed).load(conn)).await;
        assert!(sealed.iter().all(|secret| secret.starts_with("v1.") && !secret.contains("hush")));
        assert!(begin(&browser, &[]).await.query().expect("a query").contains("client_id=1000.me"), "one click is enough from now on");
    }

    async fn a_link_works_once_in_its_session_and_for_ten_minutes(app: TestApp) {
        let whole = app.whole_with(Options::default(), &[]).await;
        let browser = Browser::signed_in(&whole, Role::Admin).await;
        assert_refused(&browser.get("/connections/zoho/callback").await, "This sign-in was not begun here");
        assert_refused(&browser.get("/connections/zoho/callback?code=1000.x&state=made-up").await, "This sign-in was not begun here");

        let page = begin(&browser, &[]).await;
        let back = decide(&whole, &page, "accept", FIRST);
        let another = Browser::open(&whole).await;
        another.sign_in("admin@example.com", PASSWORD).await;
        assert_refused(&come_back(&another, &back).await, "This sign-in was begun in another session");

        let (one, two) = tokio::join!(come_back(&browser, &back), come_back(&browser, &back));
        assert_eq!([one.status, two.status].iter().filter(|status| **status == Status::SeeOther).count(), 1);
        assert_refused(&come_back(&browser, &back).await, "This link was used before");
        assert_eq!(grants(&whole), 1, "the one that is stored is left alone");

        let page = begin(&browser, &[]).await;
        app.clock.advance(Duration::from_secs(600));
        assert_refused(&come_back(&browser, &decide(&whole, &page, "accept", FIRST)).await, "took longer than 10 minutes");
    }

    async fn without_a_session_nothing_is_connected_and_the_page_says_so(app: TestApp) {
        let whole = app.whole_with(Options::default(), &[]).await;
        let browser = Browser::signed_in(&whole, Role::Admin).await;
        let page = begin(&browser, &[]).await;
        let back = decide(&whole, &page, "accept", FIRST);
        let nobody = come_back(&Browser::open(&whole).await, &back).await;
        assert_eq!(nobody.status, Status::Unauthorized);
        assert!(nobody.text.contains("Nobody is signed in here") && !nobody.text.contains("state="), "{}", nobody.text);
        let viewer = Browser::signed_in(&whole, Role::Viewer).await;
        assert_eq!(come_back(&viewer, &back).await.status, Status::Forbidden);
        assert_eq!(viewer.post(AUTHORIZATION, &[]).await.status, Status::Forbidden);
        assert!(known(&whole).await.is_none());
        assert_eq!(come_back(&browser, &back).await.status, Status::SeeOther, "nobody has used it up");
    }

    async fn a_server_that_is_not_zohos_never_gets_the_code(app: TestApp) {
        let whole = app.whole_with(Options::default(), &[]).await;
        let browser = Browser::signed_in(&whole, Role::Admin).await;
        for changes in [
            [("accounts-server", "https://accounts.zoho.com.evil.example"), ("location", "us")],
            [("accounts-server", "http://sandbox.test:81"), ("location", "us")],
            [("accounts-server", "https://accounts.zoho.eu"), ("location", "us")],
        ] {
            let page = begin(&browser, &[]).await;
            let refused = come_back(&browser, &with(&decide(&whole, &page, "accept", FIRST), &changes)).await;
            assert_refused(&refused, "names a server that is not Zoho");
            assert!(!refused.text.contains("evil"), "{}", refused.text);
        }
        whole.sandbox.script(json!({ "fault": "foreign_server", "path": "/oauth/v2/auth", "times": 2 }));
        assert_refused(&sign_in(&whole, &browser, &[], FIRST).await, "names a server that is not Zoho");
        assert_eq!((whole.sandbox.calls("POST /oauth/v2/token"), known(&whole).await), (0, None));
    }

    async fn what_zoho_refuses_is_told_with_what_to_do_and_leaves_no_grant_behind(app: TestApp) {
        let whole = app.whole_with(Options::default(), &[]).await;
        let browser = Browser::signed_in(&whole, Role::Admin).await;
        let page = begin(&browser, &[]).await;
        assert_refused(&come_back(&browser, &decide(&whole, &page, "reject", FIRST)).await, "Access was refused on Zoho&#39;s page");
        let page = begin(&browser, &[]).await;
        let odd = with(&decide(&whole, &page, "reject", FIRST), &[("error", "<b>general</b>")]);
        assert_refused(&come_back(&browser, &odd).await, "[no code]");
        let page = begin(&browser, &[]).await;
        assert_refused(&come_back(&browser, &with(&decide(&whole, &page, "accept", FIRST), &[("code", "")])).await, "answer is incomplete");

        // Somebody else was faster with the code.
        let page = begin(&browser, &[]).await;
        let back = decide(&whole, &page, "accept", FIRST);
        let redirect_uri = "http://127.0.0.1:8000/connections/zoho/callback".to_owned();
        let thief = Client { id: "client".into(), secret: "s".into(), redirect_uri };
        let code = SecretString::from(back.query_pairs().find(|(name, _)| name == "code").expect("a code").1.into_owned());
        oauth::exchange(&*whole.app.transport, "http://sandbox.test", &thief, &code).await.result.expect("the first");
        assert_refused(&come_back(&browser, &back).await, "each works once, for two minutes");
        // A code that is older than that.
        let page = begin(&browser, &[]).await;
        let back = decide(&whole, &page, "accept", FIRST);
        app.clock.advance(Duration::from_secs(60));
        assert_refused(&come_back(&browser, &back).await, "[invalid_code]");

        for (fault, words) in [
            (json!({ "fault": "no_refresh_token", "path": "/oauth/v2/token", "times": 1 }), "Zoho gave access for one hour only"),
            (json!({ "fault": "refuse", "path": "/oauth/v2/token", "times": 1 }), "Zoho cannot be reached"),
            (json!({ "fault": "timeout_after_commit", "path": "/oauth/v2/token", "times": 1 }), "answer was lost"),
            (json!({ "fault": "server_error", "path": "/crm/v8/org", "times": 1 }), "the organisation could not be read"),
            (json!({ "fault": "narrow_consent", "scope": "ZohoCRM.coql.READ", "times": 1 }), "ZohoCRM.coql.READ"),
            (json!({ "fault": "narrow_consent", "scope": "ZohoCRM.org.READ", "times": 1 }), "ZohoCRM.org.READ"),
        ] {
            whole.sandbox.script(fault);
            assert_refused(&sign_in(&whole, &browser, &[], FIRST).await, words);
            whole.sandbox.clear_faults();
        }
        // The thief's, and two that never reached us: nothing could be revoked.
        assert_eq!((known(&whole).await, grants(&whole)), (None, 3));
    }

    async fn permissions_that_the_answer_does_not_tell_are_tried_out(app: TestApp) {
        let whole = app.whole_with(Options::default(), &[]).await;
        let browser = Browser::signed_in(&whole, Role::Admin).await;
        for scope in ["ZohoCRM.coql.READ", "ZohoCRM.modules.notes.ALL", "ZohoCRM.settings.fields.READ", "ZohoCRM.org.READ"] {
            whole.sandbox.script(json!({ "fault": "silent_scopes", "path": "/oauth/v2/token" }));
            whole.sandbox.script(json!({ "fault": "narrow_consent", "scope": scope }));
            assert_refused(&sign_in(&whole, &browser, &[], FIRST).await, scope);
            whole.sandbox.clear_faults();
        }
        whole.sandbox.script(json!({ "fault": "silent_scopes", "path": "/oauth/v2/token" }));
        assert_eq!(sign_in(&whole, &browser, &[], FIRST).await.status, Status::SeeOther);
        assert!(browser.get("/connections/zoho").await.text.contains("Zoho does not tell them"));
    }

    async fn reconnecting_swaps_the_grant_only_for_the_same_organisation_or_by_choice(app: TestApp) {
        let whole = app.whole_with(Options::default(), &[]).await;
        let browser = Browser::signed_in(&whole, Role::Admin).await;
        sign_in(&whole, &browser, &[], FIRST).await;
        let stored = |whole: &Whole| {
            let app = whole.app.clone();
            async move {
                let read = |conn: &mut throughline::db::Conn| connections::table.select(connections::refresh_token_sealed).first::<String>(conn);
                app.store.read(move |conn| read(conn).map_err(throughline::Error::from)).await.expect("a grant")
            }
        };
        let before = stored(&whole).await;
        let refused = sign_in(&whole, &browser, &[], OTHER).await;
        assert_refused(&refused, "Connected is “Sample Seller” (id 5725767000000020001). You signed in for “Another Seller” (id 5725767000000020002).");
        assert!(refused.text.contains("Sign in again and move to “Another Seller”"), "{}", refused.text);
        assert_eq!((stored(&whole).await, grants(&whole)), (before.clone(), 1), "the old grant stays, the other one is revoked");

        assert_eq!(sign_in(&whole, &browser, &[], FIRST).await.status, Status::SeeOther, "the same organisation");
        assert_ne!(stored(&whole).await, before);
        assert_eq!(sign_in(&whole, &browser, &[("move_to", OTHER)], OTHER).await.status, Status::SeeOther, "the choice");
        assert!(browser.get("/connections/zoho").await.text.contains("Another Seller (id 5725767000000020002)"));
        assert_refused(&sign_in(&whole, &browser, &[("move_to", "1")], FIRST).await, "You signed in to another organisation");
    }

    async fn a_connection_of_an_unknown_organisation_asks_which_one_it_is(app: TestApp) {
        let whole = app.whole().await;
        let forget = |tx: &mut throughline::db::Tx<'_>| {
            diesel::update(connections::table).set((connections::organisation_id.eq(None::<String>), connections::organisation_name.eq(None::<String>))).execute(tx.conn())
        };
        whole.app.store.write::<_, diesel::result::Error>("test.forget", "zoho", forget).await.expect("written");
        let browser = Browser::signed_in(&whole, Role::Admin).await;
        assert_refused(&sign_in(&whole, &browser, &[], FIRST).await, "Is this the right organisation?");
        assert_eq!(sign_in(&whole, &browser, &[("move_to", FIRST)], FIRST).await.status, Status::SeeOther);
    }

    async fn disconnecting_holds_the_jobs_and_revokes_the_grant_and_connecting_releases_them(app: TestApp) {
        let whole = app.whole_with(Options::default(), &[]).await;
        let browser = Browser::signed_in(&whole, Role::Admin).await;
        sign_in(&whole, &browser, &[], FIRST).await;
        let confirm = browser.get("/connections/zoho/disconnection").await.text;
        assert!(confirm.contains("Nothing more is sent to <bdi>Sample Seller</bdi>") && known(&whole).await.expect("still").state == ConnectionState::Connected);
        let done = browser.post("/connections/zoho/disconnection", &[("reason", "we move")]).await;
        assert_eq!(done.status, Status::SeeOther);
        let page = browser.get("/connections/zoho").await.text;
        for words in ["the grant is revoked at Zoho", "It was disconnected. The grant was revoked at Zoho. Its jobs are kept and wait.", "we move", "Disconnected"] {
            assert!(page.contains(words), "{words}: {page}");
        }
        assert_eq!(grants(&whole), 0);
        let lead = whole.post_lead("Ada Lovelace", "ada@example.com").await;
        whole.run_until_idle().await;
        assert!(whole.lead(lead).await.zoho_lead_id.is_none());
        browser.post("/connections/zoho/disconnection", &[]).await;
        assert!(browser.get("/connections/zoho").await.text.contains("Zoho is not connected; someone else may have disconnected it."));
        assert_eq!(browser.get("/connections/zoho/disconnection").await.status, Status::SeeOther);

        assert_refused(&sign_in(&whole, &browser, &[], OTHER).await, "You signed in to another organisation");
        assert_eq!(sign_in(&whole, &browser, &[], FIRST).await.status, Status::SeeOther);
        whole.run_until_idle().await;
        assert!(whole.lead(lead).await.zoho_lead_id.is_some());
    }

    async fn a_disconnection_that_zoho_does_not_hear_of_says_what_is_left_to_do(app: TestApp) {
        let whole = app.whole_with(Options::default(), &[]).await;
        let browser = Browser::signed_in(&whole, Role::Admin).await;
        sign_in(&whole, &browser, &[], FIRST).await;
        whole.sandbox.script(json!({ "fault": "refuse", "path": "/oauth/v2/token/revoke" }));
        browser.post("/connections/zoho/disconnection", &[]).await;
        let page = browser.get("/connections/zoho").await.text;
        assert!(page.contains("under Sessions &#62; Connected Apps") || page.contains("under Sessions &gt; Connected Apps"), "{page}");
        let (state, access): (ConnectionState, Option<String>) =
            whole.ask(|conn| connections::table.select((connections::state, connections::access_token_sealed)).first(conn)).await;
        assert_eq!((state, access, grants(&whole)), (ConnectionState::Disconnected, None, 1));
    }

    async fn an_operator_tests_the_token_and_sees_what_came_of_it(app: TestApp) {
        let whole = app.whole().await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        assert_eq!(browser.post("/connections/zoho/refresh", &[]).await.status, Status::SeeOther);
        let page = browser.get("/connections/zoho").await.text;
        assert!(page.contains("The grant works: Zoho gave a new access token within") && page.contains("Token refresh tried out"), "{page}");
        whole.sandbox.revoke_refresh_token();
        app.clock.advance(Duration::from_secs(60));
        browser.post("/connections/zoho/refresh", &[]).await;
        let page = browser.get("/connections/zoho").await.text;
        assert!(page.contains("Zoho no longer accepts our connection") && page.contains("Sign-in refused"), "{page}");
        assert!(!page.contains("Test token refresh</button>"), "nothing is left to test: {page}");
    }

    async fn the_unique_field_is_looked_for_again_and_delivery_follows(app: TestApp) {
        let whole = app.whole_with(Options { external_field: None, ..Options::default() }, &[]).await;
        whole.connect_zoho().await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        let page = browser.get("/connections/zoho").await.text;
        assert!(page.contains("Missing") && page.contains("its API name must read External_Lead_Id"), "{page}");
        let set = |state: &str| {
            let body = json!({ "state": state }).to_string().into_bytes();
            assert_eq!(whole.sandbox.handle(&SandboxRequest::new(Method::Post, "/__field", body), whole.app.clock.now()).status, 200);
        };
        for (state, words, field) in [
            ("not_unique", "it still allows duplicate values", None),
            ("unique", "each arrives exactly once", Some("External_Lead_Id")),
            ("missing", "still have no field External_Lead_Id", None),
        ] {
            set(state);
            assert_eq!(browser.post("/connections/zoho/fields", &[]).await.status, Status::SeeOther);
            let page = browser.get("/connections/zoho").await.text;
            assert!(page.contains(words), "{words}: {page}");
            assert_eq!(known(&whole).await.expect("connected").external_field.as_deref(), field);
        }
        whole.sandbox.script(json!({ "fault": "refuse", "path": "/crm" }));
        browser.post("/connections/zoho/fields", &[]).await;
        assert!(browser.get("/connections/zoho").await.text.contains("The CRM&#39;s fields could not be read: Zoho cannot be reached"));
        let viewer = Browser::signed_in(&whole, Role::Viewer).await;
        assert_eq!(viewer.post("/connections/zoho/fields", &[]).await.status, Status::Forbidden);
        let page = viewer.get("/connections/zoho").await.text;
        assert!(page.contains("Sample Seller") && !page.contains("Check again</button>") && !page.contains("Disconnect"), "{page}");
    }
}
