//! The defence against a labelled set of submissions: how many good ones it holds, and how many bad ones it lets through.
//! `cargo test --test it labelled -- --nocapture` prints the confusion matrix and each mistake.

use std::time::Duration;

use chrono::NaiveDate;
use serde_json::{Map, Value, json};
use throughline::clock::Clock;
use throughline::leads::Defence;
use throughline::leads::defence::{Form, Hidden, STAMP_FIELD, Verdict};
use throughline::leads::model::{LeadKind, NewLead};
use throughline::leads::submission;
use throughline::vault::Vault;
use throughline::web::ClientAddress;

/// A submission with what a person says of it.
struct Labelled {
    is_good: bool,
    line: &'static str,
    lead: NewLead,
}

fn labelled() -> Vec<Labelled> {
    let lines = include_str!("labelled.txt").lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(read).collect()
}

fn read(line: &'static str) -> Labelled {
    let parts: Vec<&str> = line.splitn(7, '|').map(str::trim).collect();
    let [label, _kind, name, email, phone, company, message] = parts[..] else { panic!("not seven parts: {line}") };
    let fields = [("name", name), ("email", email), ("phone", phone), ("company", company), ("message", message)];
    let fields: Map<String, Value> = fields
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(field, text)| (field.into(), json!(text.replace("\\n", "\n"))))
        .collect();
    let lead = submission::check(LeadKind::Quote, fields, None).unwrap_or_else(|mistakes| panic!("{line}: {mistakes:?}"));
    Labelled { is_good: label == "good", line, lead }
}

/// How it came.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// To the API, without a stamp, as a program posts it.
    Api,
    /// With a form that was open for half a minute, by a browser without script.
    FormWithoutScript,
}

fn judge(way: Way, lead: &NewLead) -> Verdict {
    let clock = Clock::manual(NaiveDate::from_ymd_opt(2026, 11, 22).and_then(|day| day.and_hms_opt(9, 0, 0)).expect("a time"));
    let defence = Defence::new(&Vault::generate());
    let caller = ClientAddress { ip: [203, 0, 113, 9].into(), network: "203.0.113.9".into() };
    let form = Form { id: "quote", always_stamped: matches!(way, Way::FormWithoutScript) };
    let mut fields = Map::new();
    if let Way::FormWithoutScript = way {
        fields.insert(STAMP_FIELD.into(), json!(defence.fields("quote", &caller, clock.now()).stamp));
        clock.advance(Duration::from_secs(30));
    }
    defence.judge(form, &Hidden::take(&mut fields), lead, (&caller, clock.now())).verdict
}

#[test]
fn the_labelled_set_is_told_apart() {
    let set = labelled();
    let count = |is_good| set.iter().filter(|one| one.is_good == is_good).count();
    let (good, bad) = (count(true), count(false));
    assert!(good >= 100 && bad >= 100, "{good} good and {bad} bad ones are too few to tell anything");
    for way in [Way::Api, Way::FormWithoutScript] {
        let verdicts: Vec<(&Labelled, Verdict)> = set.iter().map(|one| (one, judge(way, &one.lead))).collect();
        let wrong =
            |is_good: bool| verdicts.iter().filter(move |(one, verdict)| one.is_good == is_good && verdict.is_suspicious() == is_good);
        let (held, passed) = (wrong(true).count(), wrong(false).count());
        eprintln!("{way:?}            taken   held");
        eprintln!("  good ({good:3})      {:5}  {held:5}", good - held);
        eprintln!("  bad  ({bad:3})      {passed:5}  {:5}", bad - passed);
        for (one, verdict) in wrong(true).chain(wrong(false)) {
            eprintln!("    {} points: {}\n      {:?}", verdict.score(), one.line, verdict.reasons);
        }
        // What is held costs staff a look; what passes costs them one in the CRM. The first is worse.
        assert!(held * 100 <= good * 2, "{way:?}: {held} of {good} good ones are held");
        assert!(passed * 100 <= bad * 15, "{way:?}: {passed} of {bad} bad ones pass");
    }
}

#[test]
fn every_bad_one_is_held_that_comes_to_our_own_form_without_a_stamp() {
    let defence = Defence::new(&Vault::generate());
    let caller = ClientAddress { ip: [203, 0, 113, 9].into(), network: "203.0.113.9".into() };
    let now = NaiveDate::from_ymd_opt(2026, 11, 22).and_then(|day| day.and_hms_opt(9, 0, 0)).expect("a time");
    for one in labelled().iter().filter(|one| !one.is_good) {
        let judged = defence.judge(Form { id: "quote", always_stamped: true }, &Hidden::default(), &one.lead, (&caller, now));
        assert!(judged.verdict.is_suspicious(), "{}", one.line);
    }
}
