//! What a submission may hold, and how each mistake in it is named.

use super::*;
use serde_json::json;

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        other => panic!("not an object: {other}"),
    }
}

fn quote(value: Value) -> Result<NewLead, Vec<Mistake>> {
    check(LeadKind::Quote, fields(value), Some("AE"))
}

fn named(result: Result<NewLead, Vec<Mistake>>) -> Vec<String> {
    result.expect_err("it has mistakes").into_iter().map(|(field, _)| field).collect()
}

#[test]
fn a_whole_quote_is_read_and_what_is_unknown_is_kept() {
    let lead = quote(json!({
        "name": " Layla Haddad ", "email": "Layla@Example.com", "phone": "050 123 4567", "company": "مقهى الواحة",
        "items": [{"sku": "G65", "quantity": "2"}, {"sku": "F-10"}], "message": "line one\nline two", "utm_source": "mail",
        "consent": {"given": "on", "wording": "I agree"}, "page_url": "https://shop.example/quote", "favourite_colour": ["teal"],
    }))
    .expect("a whole quote");
    assert_eq!(lead.contact.name, "Layla Haddad");
    assert_eq!(lead.contact.email_key().as_deref(), Some("layla@example.com"));
    assert_eq!(lead.contact.phone.as_deref(), Some("050 123 4567"));
    assert_eq!(lead.contact.phone_e164.as_deref(), Some("+971501234567"));
    assert_eq!(lead.items[0], Item { sku: "G65".into(), quantity: 2 });
    assert_eq!(lead.items[1].quantity, 1);
    assert_eq!(lead.consent, Some(Consent { given: true, wording: Some("I agree".into()), version: None }));
    assert_eq!(lead.source, "website");
    assert_eq!(Value::Object(lead.utm), json!({"utm_source": "mail"}));
    assert_eq!(Value::Object(lead.extra), json!({"favourite_colour": ["teal"]}));
}

#[test]
fn every_mistake_is_named_with_its_field() {
    let result = quote(json!({
        "email": "not an address", "phone": {}, "items": [{"quantity": 0}, 7], "message": "x".repeat(20_001), "consent": true,
    }));
    assert_eq!(named(result), ["name", "email", "phone", "message", "items.0.sku", "items.0.quantity", "items.1", "consent"]);
    assert_eq!(named(quote(json!({"name": "Ada"}))), ["email"]);
    assert_eq!(named(quote(json!({"name": "Ada", "phone": "call me"}))), ["phone"]);
}

#[test]
fn addresses_are_judged_as_mail_software_does() {
    for good in ["a@example.com", "first.last+tag@sub.example.co", "用户@例子.广告", "o'hara@example.ie", "\"odd name\"@example.com"]
    {
        assert!(quote(json!({"name": "Ada", "email": good})).is_ok(), "{good} is an address");
    }
    for bad in [
        "a@",
        "@example.com",
        "a b@example.com",
        "a@@example.com",
        "a@example",
        "Ada <a@example.com>",
        "a..b@example.com",
        "a@exa mple.com",
    ] {
        assert_eq!(named(quote(json!({"name": "Ada", "email": bad}))), ["email"], "{bad} is none");
    }
}

#[test]
fn a_phone_number_that_cannot_be_read_is_kept_as_typed() {
    let lead = quote(json!({"name": "Ada", "phone": "ext. 12 at the desk"})).expect("kept");
    assert_eq!((lead.contact.phone.as_deref(), lead.contact.phone_e164), (Some("ext. 12 at the desk"), None));
    let numeric = quote(json!({"name": "Ada", "phone": 971_501_234_567_i64})).expect("a number is text enough");
    assert_eq!(numeric.contact.phone.as_deref(), Some("971501234567"));
}

#[test]
fn hostile_text_is_refused_or_kept_harmless() {
    assert_eq!(named(quote(json!({"name": "Ada\r\nBcc: all@example.com", "email": "a@example.com"}))), ["name"]);
    assert_eq!(named(quote(json!({"name": "Ada", "email": "a@example.com\r\nBcc: x@example.com"}))), ["email"]);
    assert_eq!(named(quote(json!({"name": "A\0da", "email": "a@example.com"}))), ["name"]);
    assert_eq!(named(quote(json!({"name": "Ada", "email": "a@example.com", "deep": {"er": ["\0"]}}))), ["deep"]);
    let lead = quote(json!({"name": "👩‍🚀 سارة <b>", "email": "a@example.com"})).expect("people are called all kinds of things");
    assert_eq!(lead.contact.name, "👩‍🚀 سارة <b>");
}

#[test]
fn a_conversation_comes_with_its_transcript() {
    let lead = check(
        LeadKind::Chatbot,
        fields(
            json!({"name": "Ada", "phone": "+44 20 7946 0958", "conversation_id": "c-1", "transcript": [{"role": "user", "text": "hi"}]}),
        ),
        None,
    )
    .expect("a conversation");
    assert_eq!(lead.source, "chatbot");
    assert_eq!(lead.conversation_id.as_deref(), Some("c-1"));
    assert_eq!(lead.transcript, [Utterance { role: "user".into(), text: "hi".into() }]);
    let mistakes = check(LeadKind::Chatbot, fields(json!({"name": "Ada", "phone": "1", "transcript": ["hi", {"text": "x"}]})), None);
    assert_eq!(named(mistakes), ["transcript.0", "transcript.1.role"]);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(name in ".{0,60}", email in ".{0,60}", phone in ".{0,40}") {
        let _any_answer_will_do = quote(json!({"name": name, "email": email, "phone": phone}));
    }
}
