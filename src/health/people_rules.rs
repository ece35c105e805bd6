//! What is right and wrong with whose each event is. Rules only: no database, no clock.

use super::check::{Check, State};
use super::facts::Facts;
use crate::contacts::aside_queries::COUNT_MAX;
use crate::web::format;
use crate::web::parts::subject_label;

/// Events that could not be linked to a contact.
pub fn checks(facts: &Facts) -> Vec<Check> {
    let aside = &facts.aside;
    let told = |output: String| Check::pass("people:linking", "Events of contacts", output).seen(aside.count, "events");
    if aside.count == 0 {
        return vec![told("Every event that speaks of somebody is linked to them.".into())];
    }
    let events = match aside.count {
        1 => "1 event could not be linked to a contact and is set aside".to_owned(),
        _ => format!("{} events could not be linked to a contact and are set aside", format::capped(aside.count, COUNT_MAX)),
    };
    let mut about: Vec<String> = aside.first.iter().map(|row| subject_label(&row.subject).to_lowercase()).collect();
    about.dedup();
    let more = if aside.count > i64::try_from(aside.first.len()).unwrap_or_default() { ", …" } else { "" };
    let output = format!(
        "{events}: {}{more}. All others are linked. Each is tried again every hour; the page of contacts says why.",
        about.join(", ")
    );
    vec![told(output).at(State::Warn)]
}
