//! The encoding of the chain is for ever: rows sealed by an older program must still be verified.

use chrono::NaiveDate;

use super::chain::{AuditRow, ByValue, PersonalValue, commitment};

fn row() -> AuditRow {
    AuditRow {
        id: 7,
        at: NaiveDate::from_ymd_opt(2026, 11, 22).and_then(|day| day.and_hms_micro_opt(9, 0, 0, 1)).expect("a time"),
        actor: "user:3".into(),
        action: "leads.edit".into(),
        subject: "lead:12".into(),
        line_id: None,
        reason: None,
        before: Some("{}".into()),
        after: None,
        address: None,
        seal_seq: None,
        seal: None,
        commitments: None,
        salts: None,
    }
}

fn commitments() -> ByValue {
    let one = |which: PersonalValue, value: &str| (which.as_str().to_owned(), commitment("salt", which, value));
    ByValue::from([one(PersonalValue::Actor, "user:3"), one(PersonalValue::Before, "{}")])
}

#[test]
fn the_encoding_is_the_one_that_was_written_down() {
    // Computed apart from this program, with Python's hashlib, from the description at the top of chain.rs.
    assert_eq!(commitment("salt", PersonalValue::Actor, "user:3"), "b12cda96a032a7031215f2b067da13fbe00cc3cb58ce2e531061f6c20b93a3c5");
    assert_eq!(row().seal_at(5, "before", &commitments()), "1432cef767f28601bcedf0304613ef9c6b24f04a3f30e4b99a72ab6e46c88558");
}

#[test]
fn every_part_of_a_row_and_its_place_change_the_seal() {
    let whole = row().seal_at(5, "before", &commitments());
    let changed = [
        AuditRow { id: 8, ..row() }.seal_at(5, "before", &commitments()),
        AuditRow { at: row().at + chrono::TimeDelta::microseconds(1), ..row() }.seal_at(5, "before", &commitments()),
        AuditRow { action: "leads.edi".into(), subject: "tlead:12".into(), ..row() }.seal_at(5, "before", &commitments()),
        AuditRow { line_id: Some(String::new()), ..row() }.seal_at(5, "before", &commitments()),
        row().seal_at(6, "before", &commitments()),
        row().seal_at(5, "other", &commitments()),
        row().seal_at(5, "before", &ByValue::new()),
    ];
    assert!(changed.iter().all(|seal| *seal != whole));
    assert_eq!(
        AuditRow { actor: "user:4".into(), ..row() }.seal_at(5, "before", &commitments()),
        whole,
        "values enter by commitment alone"
    );
}

#[test]
fn equal_values_have_different_commitments_each_time() {
    let ((one, _), (other, salts)) = (row().commit(), row().commit());
    assert!(one["actor"] != other["actor"] && salts["actor"].len() == 43);
    assert_eq!(other["actor"], commitment(&salts["actor"], PersonalValue::Actor, "user:3"));
    assert_eq!(other.keys().collect::<Vec<_>>(), ["actor", "before"], "only what is there");
}
