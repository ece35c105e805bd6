//! What Books' answers mean, case by case.

use serde_json::json;

use super::*;
use crate::http::{Exchange, Method, Outgoing};
use crate::integrations::zoho::books::{Customer, Organisation};

fn sent(answer: Result<Answer, SendFailure>) -> Sent {
    let request =
        Outgoing { method: Method::Get, url: "https://www.zohoapis.com/books/v3/x".into(), headers: Vec::new(), body: Vec::new() };
    let exchange = Exchange::of("zoho_books", &request, &answer, 1);
    Sent { answer, exchange }
}

fn answered(status: u16, headers: &[(&str, &str)], body: &Value) -> Called<()> {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    read(sent(Ok(Answer { status, headers, body: body.to_string().into_bytes() })), |_| Some(()))
}

#[test]
fn each_code_has_a_class_and_says_whose_fault_it_is() {
    use FailureClass::{Authentication, NotFound, RateLimited, ServerError, Unknown, Validation};
    for (status, code, class, of_record, of_token) in [
        (429, json!(44), RateLimited, false, false),
        (429, json!(45), RateLimited, false, false),
        (429, json!(1070), RateLimited, false, false),
        (429, json!("RATE_LIMIT_EXCEEDED"), RateLimited, false, false),
        (401, json!(57), Authentication, false, true),
        (400, json!(57), Authentication, false, true),
        (401, json!(14), Authentication, false, true),
        (403, json!(1), Authentication, false, false),
        (500, json!(1000), ServerError, false, false),
        (500, json!(9), ServerError, false, false),
        (400, json!(1000), ServerError, false, false),
        (400, json!(1002), NotFound, true, false),
        (400, json!("1002"), NotFound, true, false),
        (400, json!(1038), Unknown, false, false),
        (400, json!(3062), Validation, true, false),
        (400, json!(15), Validation, true, false),
        (200, json!(15), Validation, true, false),
        (404, json!(5), NotFound, false, false),
        (418, Value::Null, ServerError, false, false),
    ] {
        let called = answered(status, &[], &json!({"code": code, "message": "Said."}));
        let failure = called.result.expect_err("a refusal");
        assert_eq!(
            (failure.class, failure.of_record, called.credentials_refused),
            (class, of_record, of_token),
            "{status} {code}: {failure}"
        );
        assert!(failure.message.ends_with(']'), "{failure}");
    }
}

#[test]
fn the_days_calls_come_back_when_books_says_so() {
    let wait = |code: i64, headers: &[(&str, &str)]| answered(429, headers, &json!({"code": code})).result.expect_err("429").retry_after_s;
    assert_eq!(wait(45, &[("x-rate-limit-reset", "7200")]), Some(7_200));
    assert_eq!(wait(45, &[]), Some(3_600));
    // The header counts the day: it says nothing about a minute.
    assert_eq!(wait(44, &[("x-rate-limit-reset", "7200")]), Some(60));
    assert_eq!(wait(1070, &[("retry-after", "5")]), Some(5));
}

#[test]
fn a_success_is_one_only_with_code_0_and_what_was_asked_for() {
    let organisations = |body: Value| {
        list(
            sent(Ok(Answer { status: 200, headers: Vec::new(), body: body.to_string().into_bytes() })),
            "organizations",
            Organisation::read,
        )
    };
    let told = organisations(
        json!({"code": 0, "organizations": [{"organization_id": 10234695, "name": "A", "currency_code": "EUR"}, {"organization_id": "7", "name": "B", "plan_name": "FREE"}]}),
    );
    let ids: Vec<_> = told.result.expect("organisations").into_iter().map(|one| (one.id, one.plan)).collect();
    assert_eq!(ids, [("10234695".to_owned(), String::new()), ("7".to_owned(), "FREE".to_owned())]);
    for body in [json!({"code": 0}), json!({"organizations": []}), json!({"code": 0, "organizations": [{"name": "no id"}]})] {
        assert!(organisations(body.clone()).result.is_err_and(|failure| failure.effect_unknown), "{body}");
    }
    let cut = read(sent(Ok(Answer { status: 201, headers: Vec::new(), body: b"{\"code\":0,\"inv".to_vec() })), |_| Some(()));
    assert!(cut.result.is_err_and(|failure| failure.effect_unknown && failure.class == FailureClass::Network));
    let lost = read(sent(Err(SendFailure::Lost("reset".into()))), |_| Some(()));
    assert!(lost.result.is_err_and(|failure| failure.effect_unknown));
}

#[test]
fn what_is_taken_is_told_apart_from_what_is_refused() {
    let create = |code: i64, message: &str| {
        let body = json!({"code": code, "message": message}).to_string().into_bytes();
        made(sent(Ok(Answer { status: 400, headers: Vec::new(), body })), "contact", Customer::read).result
    };
    assert!(matches!(create(3062, "The customer \"A\" already exists."), Ok(Made::Taken(_))));
    assert!(matches!(create(1001, "Invoice with this number already exists."), Ok(Made::Taken(_))));
    assert!(create(15, "Please ensure that the name has less than 100 characters.").is_err());
}

#[test]
fn amounts_are_read_by_their_digits() {
    let of = |value: Value, code: &str| minor(&value, Currency::from_code(code).expect("a currency"));
    assert_eq!(of(json!(51.2), "EUR"), Some(5_120));
    assert_eq!(of(json!(51), "EUR"), Some(5_100));
    assert_eq!(of(json!("51.20"), "EUR"), Some(5_120));
    assert_eq!(of(json!(5.125), "KWD"), Some(5_125));
    assert_eq!(of(json!(5000.0), "JPY"), Some(5_000));
    assert_eq!(of(json!(0), "EUR"), Some(0));
    assert_eq!(of(json!(51.205), "EUR"), None);
    assert_eq!(of(json!(null), "EUR"), None);
    assert_eq!(of(json!("a"), "EUR"), None);
}
