//! The answers Zoho publishes as examples, read by the client that will meet them.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use secrecy::SecretString;
use serde_json::json;
use throughline::http::{Answer, Outgoing, SendFailure, Transport};
use throughline::integrations::zoho::crm::{BatchAnswer, Crm, Written};
use throughline::integrations::zoho::oauth::{Grant, refresh};
use throughline::integrations::{Failure, FailureClass};

use super::published;

/// Gives one answer, whatever it is asked.
struct Answering(Answer);

impl Transport for Answering {
    fn send<'a>(&'a self, _: &'a Outgoing) -> BoxFuture<'a, Result<Answer, SendFailure>> {
        async { Ok(self.0.clone()) }.boxed()
    }
}

#[tokio::test]
#[ignore = "needs Zoho's published examples: scripts/contract-test"]
async fn each_published_answer_is_understood() {
    let mut lines = Vec::new();
    for (file, status, records) in [
        ("create_201_success.json", 201, 1),
        ("create_207_mixed.json", 207, 2),
        ("create_400_duplicate_data.json", 400, 1),
        ("create_400_invalid_data.json", 400, 1),
        ("create_400_mandatory_not_found.json", 400, 1),
        ("upsert_200_update_and_insert.json", 200, 2),
        ("upsert_400_multiple_errors.json", 400, 1),
        ("error_401_oauth_scope_mismatch.json", 401, 2),
        ("error_403_no_permission.json", 403, 2),
        ("error_412_already_modified.json", 412, 1),
        ("error_429_rate_limit.json", 429, 2),
    ] {
        let answer = upserted(file, status, records).await;
        let whole = answer.whole.as_ref().map_or("-", |failure| failure.class.as_str());
        lines.push(format!("{file} (of the whole call: {whole})"));
        lines.extend(told(&answer));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    create_201_success.json (of the whole call: -)
      5725767000000524157 Inserted
    create_207_mixed.json (of the whole call: -)
      5725767000000524157 Inserted
      validation: Zoho refuses the value of Last Name: the field api name given seems to be invalid [INVALID_DATA: Last_Name]
    create_400_duplicate_data.json (of the whole call: -)
      2008662000006256222 Adopted { field: "Unique_1" }
    create_400_invalid_data.json (of the whole call: -)
      validation: Number 1 is not a value Zoho accepts (it expects: integer) [INVALID_DATA: Number_1]
    create_400_mandatory_not_found.json (of the whole call: -)
      validation: Zoho needs a value for Phone [MANDATORY_NOT_FOUND: Phone]
    upsert_200_update_and_insert.json (of the whole call: -)
      4150868000000376008 Updated
      4150868000003194003 Inserted
    upsert_400_multiple_errors.json (of the whole call: -)
      4881139000000428295 Adopted { field: "Email" }
    error_401_oauth_scope_mismatch.json (of the whole call: authentication)
      authentication: The Zoho connection lacks a permission it needs: connect Zoho again and grant all of them [OAUTH_SCOPE_MISMATCH]
      authentication: The Zoho connection lacks a permission it needs: connect Zoho again and grant all of them [OAUTH_SCOPE_MISMATCH]
    error_403_no_permission.json (of the whole call: authentication)
      authentication: The Zoho user of this connection may not do this (Crm_Implied_View_Leads): give the user that right in Zoho, or connect with another user [NO_PERMISSION]
      authentication: The Zoho user of this connection may not do this (Crm_Implied_View_Leads): give the user that right in Zoho, or connect with another user [NO_PERMISSION]
    error_412_already_modified.json (of the whole call: -)
      unknown: Zoho refused this record for a reason we do not know: record updated time has already passed if-unmodified-since time [ALREADY_MODIFIED]
    error_429_rate_limit.json (of the whole call: rate_limited)
      rate_limited: Zoho asks us to slow down [RATE_LIMIT_EXCEEDED]
      rate_limited: Zoho asks us to slow down [RATE_LIMIT_EXCEEDED]
    "#);
}

#[tokio::test]
#[ignore = "needs Zoho's published examples: scripts/contract-test"]
async fn the_published_answers_to_a_refresh_are_understood() {
    let refreshed = async |file: &str| {
        let transport = Answering(Answer { status: 200, headers: Vec::new(), body: published(&format!("oauth/{file}")).into_bytes() });
        let grant = Grant { client_id: "client".into(), client_secret: "secret".into(), refresh_token: "1000.made-up".into() };
        refresh(&transport, "https://accounts.zoho.test", &grant).await
    };
    let granted = refreshed("token_refresh_200.json").await.result.expect("a token");
    assert_eq!((granted.api_domain.as_deref(), granted.lifetime_s), (Some("https://www.zohoapis.com"), 3600));
    let refused = refreshed("token_error_invalid_code_200.json").await;
    assert!(refused.credentials_refused);
    assert_eq!(refused.result.expect_err("refused").class, FailureClass::Authentication);
}

async fn upserted(file: &str, status: u16, records: usize) -> BatchAnswer {
    let transport = Answering(Answer { status, headers: Vec::new(), body: published(&format!("crm/examples/{file}")).into_bytes() });
    let lead = json!({"Last_Name": "Lovelace"}).as_object().expect("an object").clone();
    let token = SecretString::from("1000.made-up");
    Crm::new(&transport, "https://www.zohoapis.test", &token).upsert_leads(&vec![lead; records], "External_Lead_Id").await
}

fn told(answer: &BatchAnswer) -> Vec<String> {
    let member = |result: &Result<_, _>| match result {
        Ok(Written { id, how }) => format!("  {} {how:?}", id.0),
        Err(Failure { class, message, .. }) => format!("  {}: {message}", class.as_str()),
    };
    answer.members.iter().map(|one| member(&one.result)).collect()
}
