//! The answers Zoho publishes, and those that break off, as our leads see them.

use serde_json::json;

use super::*;
use crate::http::Exchange;

fn read(status: u16, body: &str, leads: usize) -> BatchAnswer {
    let records: Vec<Record> =
        (0..leads).map(|n| json!({"Last_Name": format!("Lead {n}")}).as_object().expect("an object").clone()).collect();
    let exchange = Exchange {
        provider: "zoho",
        call: "POST /crm/v8/Leads/upsert".into(),
        status: Some(status),
        duration_ms: 5,
        request_id: None,
        request: "all of it".into(),
        response: body.into(),
    };
    let answer = Ok(Answer { status, headers: Vec::new(), body: body.as_bytes().to_vec() });
    BatchReader { leads: &records, exchange: &exchange }.read(&answer)
}

fn told(answer: &BatchAnswer) -> Vec<String> {
    answer
        .members
        .iter()
        .map(|member| match &member.result {
            Ok(written) => format!("{} {:?}", written.id.0, written.how),
            Err(failure) => {
                format!("{} {}{}", failure.class.as_str(), failure.message, if failure.effect_unknown { " (unknown)" } else { "" })
            }
        })
        .collect()
}

#[test]
fn a_mixed_answer_is_told_record_by_record_in_the_order_sent() {
    let body = json!({"data": [
        {"code": "SUCCESS", "details": {"id": "5725767000000524157"}, "message": "record added", "status": "success", "action": "insert"},
        {"code": "INVALID_DATA", "details": {"api_name": "Company", "maximum_length": 200}, "message": "invalid data", "status": "error"},
        {"code": "SUCCESS", "details": {"id": 77}, "duplicate_field": "Email", "action": "update", "status": "success"},
        {"code": "DUPLICATE_DATA", "details": {"api_name": "Unique_1", "id": "2008662000006256222"}, "status": "error"},
        {"code": "MANDATORY_NOT_FOUND", "details": {"api_name": "Last_Name"}, "status": "error"},
        {"code": "RECORD_LOCKED", "details": {}, "status": "error"},
        {"code": "SOMETHING_NEW", "details": {}, "message": "so it is", "status": "error"},
    ]});
    let answer = read(207, &body.to_string(), 7);
    assert!(answer.whole.is_none());
    insta::assert_snapshot!(told(&answer).join("\n"), @r#"
    5725767000000524157 Inserted
    validation Company is longer than the 200 characters Zoho takes [INVALID_DATA: Company]
    77 Updated
    2008662000006256222 Adopted { field: "Unique_1" }
    validation Zoho needs a value for Last Name [MANDATORY_NOT_FOUND: Last_Name]
    server_error The record is locked in Zoho at the moment [RECORD_LOCKED]
    unknown Zoho refused this record for a reason we do not know: so it is [SOMETHING_NEW]
    "#);
    assert_eq!(answer.members[1].exchange.request, "POST /crm/v8/Leads/upsert\n\n{\"Last_Name\":\"Lead 1\"}");
    assert!(
        answer.members[1].exchange.response.contains("maximum_length") && !answer.members[1].exchange.response.contains("RECORD_LOCKED")
    );
}

#[test]
fn several_errors_of_one_record_are_adopted_only_when_the_only_one_is_a_duplicate() {
    let duplicate = json!({"code": "DUPLICATE_DATA", "details": {"api_name": "Email", "duplicate_record": {"id": "4881139000000428295"}}});
    let missing = json!({"code": "MANDATORY_NOT_FOUND", "details": {"api_name": "Phone"}});
    let body = |errors: Value| {
        json!({"data": [{"code": "MULTIPLE_OR_MULTI_ERRORS", "details": {"errors": errors}, "status": "error"}]}).to_string()
    };
    assert_eq!(told(&read(400, &body(json!([duplicate])), 1)), ["4881139000000428295 Adopted { field: \"Email\" }"]);
    assert_eq!(
        told(&read(400, &body(json!([duplicate, missing])), 1)),
        [
            "validation Zoho already has a record with this Email [DUPLICATE_DATA: Email]; Zoho needs a value for Phone [MANDATORY_NOT_FOUND: Phone]"
        ]
    );
}

#[test]
fn failures_of_the_whole_call_are_every_members() {
    let mut lines = Vec::new();
    for (status, body) in [
        (401, r#"{"code":"INVALID_TOKEN","message":"invalid oauth token","status":"error","details":{}}"#),
        (401, r#"{"code":"OAUTH_SCOPE_MISMATCH","message":"Unauthorized","status":"error","details":{}}"#),
        (403, r#"{"code":"NO_PERMISSION","message":"Permission denied","status":"error","details":{}}"#),
        (
            400,
            r#"{"data":[{"code":"INVALID_MODULE","message":"the module name given seems to be invalid","status":"error","details":{}}]}"#,
        ),
        (
            400,
            r#"{"code":"INVALID_DATA","message":"invalid data","status":"error","details":{"api_name":"Email","json_path":"$.data[7].Email"}}"#,
        ),
        (
            400,
            r#"{"code":"INVALID_DATA","message":"not unique","status":"error","details":{"json_path":"$.duplicate_check_fields","api_name":"X"}}"#,
        ),
        (400, r#"{"code":"LIMIT_EXCEEDED","message":"exceeded the limit","status":"error","details":{}}"#),
        (429, r#"{"code":"RATE_LIMIT_EXCEEDED","message":"Too many requests. Please try again later.","status":"error"}"#),
        (500, r#"{"code":"INTERNAL_ERROR","message":"Internal Server Error","status":"error","details":{}}"#),
        (502, "<html>bad gateway</html>"),
        (403, "<html>blocked by a proxy</html>"),
        (200, r#"{"data":[{"code":"SUCC"#),
        (200, r#"{"data":[{"code":"SUCCESS","status":"success","details":{"id":"1"}}]}"#),
        (204, ""),
    ] {
        let answer = read(status, body, 2);
        assert!(answer.whole.is_some(), "{body}");
        let told = told(&answer);
        assert_eq!(told[0], told[1]);
        lines.push(format!("{}{}", told[0], if answer.credentials_refused { " -> refresh" } else { "" }));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    authentication Zoho refuses our access token [INVALID_TOKEN] -> refresh
    authentication The Zoho connection lacks a permission it needs: connect Zoho again and grant all of them [OAUTH_SCOPE_MISMATCH]
    authentication The Zoho user of this connection may not write leads: give the user that right in Zoho, or connect with another user [NO_PERMISSION]
    not_found Zoho does not know what we refer to: the module name given seems to be invalid [INVALID_MODULE]
    validation Zoho refuses the request: invalid data (Email) [INVALID_DATA]
    authentication Zoho CRM has no unique field of this name any more: create it again, or connect Zoho again. not unique (X) [INVALID_DATA]
    validation Zoho takes fewer records in one call than we sent [LIMIT_EXCEEDED]
    rate_limited Zoho asks us to slow down [RATE_LIMIT_EXCEEDED]
    server_error Zoho had a fault of its own [INTERNAL_ERROR] (unknown)
    server_error Zoho had a fault of its own [HTTP 502] (unknown)
    server_error The answer did not come from Zoho itself but from something in between, or Zoho is closed for now [HTTP 403]
    network Zoho's answer broke off, so it may or may not have acted [HTTP 200] (unknown)
    unknown Zoho answered with something we do not understand, so it may or may not have acted [HTTP 200] (unknown)
    unknown Zoho answered with something we do not understand, so it may or may not have acted [HTTP 204] (unknown)
    ");
}

#[test]
fn a_right_that_is_missing_for_all_holds_the_connection_and_for_one_fails_the_record() {
    let denied = json!({"code": "AUTHORIZATION_FAILED", "details": {}, "status": "error"});
    let fine = json!({"code": "SUCCESS", "details": {"id": "1"}, "status": "success"});
    assert_eq!(read(400, &json!({"data": [denied, denied]}).to_string(), 2).whole.expect("all").class, FailureClass::Authentication);
    let mixed = read(207, &json!({"data": [denied, fine]}).to_string(), 2);
    assert_eq!(mixed.members[0].result.as_ref().expect_err("denied").class, FailureClass::Validation);
    assert!(mixed.whole.is_none());
}
