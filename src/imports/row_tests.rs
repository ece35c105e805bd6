//! Rows of older systems, good and bad, and what becomes of them.

use serde_json::json;

use super::*;
use crate::imports::Format;

fn rules(columns: &[&str]) -> Rules {
    let order = columns.iter().map(|column| (*column).to_owned()).collect();
    let now = chrono::DateTime::from_timestamp(1_795_000_000, 0).expect("a time").naive_utc();
    let plan = Plan::guessed(Format::Csv { separator: ',' }, order);
    Rules { plan, zone: chrono_tz::Asia::Dubai, phone_region: Some("AE".into()), now }
}

fn read_pairs(pairs: &[(&str, &str)]) -> Result<Row, Vec<String>> {
    let columns: Vec<&str> = pairs.iter().map(|(column, _)| *column).collect();
    let rules = rules(&columns);
    read(&rules, &rules.plan.order, Content::Cells(pairs.iter().map(|(_, cell)| (*cell).to_owned()).collect()))
}

#[test]
fn a_sent_quote_keeps_its_dates_its_state_and_its_id_in_the_crm() {
    let row = read_pairs(&[
        ("id", "1042"),
        ("Full Name", "Layla Haddad"),
        ("E-mail", "layla@example.com"),
        ("phone", "'+971 50 123 4567"),
        ("status", "sent"),
        ("created_at", "2024-03-01 10:00:00"),
        ("sent_at", "2024-03-01 10:00:05"),
        ("zoho_id", "5725767000000524157"),
        ("products", "G65 x 2"),
        ("retry_count", "1"),
        ("colour", "teal"),
    ])
    .expect("a whole row");
    assert_eq!((row.old_id.as_deref(), row.notes), (Some("1042"), Vec::new()));
    let lead = row.lead;
    assert_eq!((lead.status, lead.retry_count, lead.zoho_lead_id.as_deref()), (LeadStatus::Sent, 1, Some("5725767000000524157")));
    assert_eq!(
        (lead.received_at.to_string(), lead.processed_at.expect("a time").to_string()),
        ("2024-03-01 06:00:00".into(), "2024-03-01 06:00:05".into())
    );
    assert_eq!((lead.new.contact.phone_e164.as_deref(), lead.new.items[0].quantity), (Some("+971501234567"), 2));
    assert_eq!(Value::Object(lead.new.extra), json!({"colour": "teal"}));
}

#[test]
fn states_decide_what_is_kept_of_the_past() {
    let of = |status: &str, more: &[(&str, &str)]| {
        let mut pairs = vec![("name", "Ada"), ("email", "ada@example.com"), ("date", "2024-03-01"), ("status", status)];
        pairs.extend(more);
        let row = read_pairs(&pairs).expect("it is read");
        (row.lead.status.as_str(), row.lead.last_error, row.notes.join("; "))
    };
    assert_eq!(of("retry", &[("error", "timeout")]), ("pending", None, String::new()));
    assert_eq!(of("failed", &[("error", "INVALID_DATA")]), ("failed", Some("INVALID_DATA".into()), String::new()));
    assert!(of("failed", &[]).1.is_some_and(|why| why.contains("does not say why")));
    assert!(of("processing", &[]).2.contains("will have it twice"));
    assert_eq!(of("pending", &[("zoho_id", "77")]).0, "sent", "what the CRM has is not sent again");
    assert_eq!(of("", &[("zoho_id", "77")]).0, "sent");
    assert_eq!(of("", &[]).0, "pending");
    assert!(of("sent", &[]).2.contains("its id in Zoho CRM is not known"));
}

#[test]
fn what_is_optional_and_wrong_is_put_aside_with_a_note() {
    let row = read_pairs(&[
        ("email", "not an address"),
        ("phone", "050 123 4567"),
        ("page_url", "https://shop.example/\nx"),
        ("items", "[{"),
        ("consent", "yes"),
        ("kind", "carrier pigeon"),
    ])
    .expect("kept");
    assert_eq!((row.lead.new.contact.name.as_str(), row.lead.new.contact.email.as_deref()), ("not an address", None));
    let kept: Vec<_> = row.lead.new.extra.keys().map(String::as_str).collect();
    assert_eq!(kept, ["imported_consent", "imported_email", "imported_items", "imported_kind", "imported_page_url"]);
    assert_eq!(row.lead.new.consent, None, "a tick without its words is no consent");
    assert_eq!(row.notes.len(), 7, "{:?}", row.notes);
}

#[test]
fn who_was_sent_or_failed_long_ago_needs_no_contact_and_who_waits_does() {
    let of = |status: &str| read_pairs(&[("name", "Ada"), ("email", "gone"), ("status", status)]);
    let row = of("failed").expect("kept");
    assert_eq!((row.lead.new.contact.email, row.lead.new.contact.phone), (None, None));
    assert!(row.notes.iter().any(|note| note.contains("neither a mail address nor a phone number")));
    assert_eq!(of("pending").expect_err("nobody could answer"), ["email is not an email address, such as name@example.com"]);
}

#[test]
fn each_mistake_is_told_in_words() {
    let mut lines = Vec::new();
    for pairs in [
        vec![("name", "Ada"), ("email", "a@example.com"), ("status", "perhaps"), ("date", "03/01/2024")],
        vec![("name", "Ada"), ("email", "a@example.com"), ("date", "2090-01-01")],
        vec![("name", "A\0da"), ("email", "a@example.com")],
        vec![("colour", "teal")],
        vec![("name", "Ada\r\nBcc: all@example.com"), ("email", "a@example.com")],
    ] {
        lines.push(read_pairs(&pairs).expect_err("refused").join("; "));
    }
    let rules = rules(&["name"]);
    lines.extend(read(&rules, &rules.plan.order, Content::Cells(vec!["Ada".into(), "x".into()])).expect_err("too wide"));
    insta::assert_snapshot!(lines.join("\n"), @r"
    status “perhaps” is not known: use pending, processing, retry, sent, failed or cancelled; received_at “03/01/2024” is not a moment: write it like 2024-03-01 10:00:00 or 2024-03-01T10:00:00+04:00
    received_at “2090-01-01” lies in the future or before 1970
    name must not contain the NUL character
    name is required; email is required where there is no phone number
    name must be on one line, without control characters
    has 2 columns where the first line has 1: a separator or a quotation mark is out of place
    ");
}

#[test]
fn a_row_is_known_again_by_its_id_or_by_what_does_not_change() {
    let key = |pairs: &[(&str, &str)]| read_pairs(pairs).expect("a row").key;
    let ada = [("name", "Ada"), ("email", "a@example.com"), ("date", "2024-03-01"), ("status", "pending")];
    let later = [("name", "Ada"), ("email", "a@example.com"), ("date", "2024-03-01"), ("status", "sent")];
    let other = [("name", "Ada"), ("email", "a@example.com"), ("date", "2024-03-02"), ("status", "pending")];
    assert_eq!(key(&ada), key(&later), "its state has moved on");
    assert_ne!(key(&ada), key(&other));
    assert_eq!(key(&[("id", "7"), ("name", "Ada"), ("phone", "1")]), key(&[("id", "7"), ("name", "Ada L."), ("phone", "2")]));
}

#[test]
fn formulas_stay_text_and_nul_goes() {
    let rules = rules(&["name", "email", "note 2"]);
    let cells = ["=HYPERLINK(\"http://evil.example\")", "a@example.com", "a\0b"];
    let row = read(&rules, &rules.plan.order, Content::Cells(cells.iter().map(|cell| (*cell).to_owned()).collect())).expect("text");
    assert_eq!((row.lead.new.contact.name.as_str(), &row.lead.new.extra["note 2"]), (cells[0], &json!("ab")));
}
