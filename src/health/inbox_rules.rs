//! What is right and wrong with what providers tell us. Rules only: no database, no clock.

use chrono::TimeDelta;

use super::check::{Check, State};
use super::facts::Facts;
use crate::inbox::statistics::COUNT_MAX;
use crate::web::format;

/// Stripe keeps events for 30 days: five of them are left to act in.
const READ_AGE_FAILED: TimeDelta = TimeDelta::days(25);
/// They are read hourly; a day without is a day of looking away.
const READ_AGE_WARNED: TimeDelta = TimeDelta::days(1);
/// A gap in what was read is told for as long as it may still be filled by hand.
const GAP_TOLD: TimeDelta = TimeDelta::days(30);

/// What Stripe pushes, what we read, and what could not be interpreted.
pub fn checks(facts: &Facts) -> Vec<Check> {
    vec![webhooks(facts), events(facts), failed(facts)]
}

fn webhooks(facts: &Facts) -> Check {
    const ID: &str = "stripe:webhooks";
    let stripe = &facts.stripe;
    let told = |state, output: String| Check::pass(ID, "Stripe's webhooks", output).at(state);
    if !stripe.is_used() {
        return told(State::Pass, "Stripe is not used here.".into());
    }
    if stripe.secrets == 0 {
        return told(State::Fail, "No signing secret is set: Stripe's webhooks are answered 503 and sent again for three days.".into());
    }
    let refused = stripe.refused_total();
    let check = match (stripe.is_deaf(facts.at), stripe.last_webhook_at) {
        (Some(at), _) => told(
            State::Warn,
            format!(
                "Events happen, the last that we read {}, and no webhook tells of them: look at the endpoint at Stripe.",
                facts.ago(at)
            ),
        ),
        // Somebody posts and nobody of them is Stripe, or its secret is another.
        (None, last) if refused > 0 && last.is_none_or(|at| at < facts.at - TimeDelta::hours(24)) => told(
            State::Warn,
            format!(
                "{} refused in 24 hours for a wrong signature, and none was right.",
                format::counted(refused, "webhook was", "webhooks were")
            ),
        ),
        (None, Some(last)) => told(State::Pass, format!("The last came {}.", facts.ago(last))),
        (None, None) => told(State::Pass, "None has come yet.".into()),
    };
    check.seen(stripe.last_webhook_at.map(|at| (facts.at - at).num_seconds()), "s")
}

fn events(facts: &Facts) -> Check {
    const ID: &str = "stripe:events";
    let stripe = &facts.stripe;
    let told = |state, output: String| Check::pass(ID, "Events read from Stripe", output).at(state);
    if !stripe.is_used() {
        return told(State::Pass, "Stripe is not used here.".into());
    }
    if !stripe.has_key {
        return told(State::Warn, "No key is set: what no webhook brings is lost.".into());
    }
    if let Some(why) = &stripe.refusal {
        return told(State::Fail, format!("Stripe refuses our key: what no webhook brings is lost after 30 days. {}", format::ended(why)));
    }
    let Some(feed) = &stripe.feed else { return told(State::Pass, "They are read for the first time within the hour.".into()) };
    let age = facts.at - feed.read_at.unwrap_or(feed.begins_at);
    let check = match feed.gap_found_at.filter(|at| facts.at - *at < GAP_TOLD) {
        Some(at) => {
            told(State::Fail, format!("Stripe no longer had what we were to read next, found {}: events may be missing.", facts.ago(at)))
        }
        None if age >= READ_AGE_FAILED => told(
            State::Fail,
            format!("Not read to the end for {}: Stripe lets go of events after 30 days, and then they are lost.", format::duration(age)),
        ),
        None if age >= READ_AGE_WARNED => {
            told(State::Warn, format!("Not read to the end for {}; they are read hourly.", format::duration(age)))
        }
        None => told(State::Pass, format!("Read to the end {} ago.", format::duration(age.max(TimeDelta::milliseconds(1))))),
    };
    check.seen(age.num_seconds(), "s")
}

fn failed(facts: &Facts) -> Check {
    let count = facts.stripe.failed;
    let output = match count {
        0 => "Every event that came could be interpreted.".to_owned(),
        1 => "1 event could not be interpreted. It is kept, and can be replayed once the cause is mended.".to_owned(),
        _ => format!(
            "{} events could not be interpreted. They are kept, and can be replayed once the cause is mended.",
            format::capped(count, COUNT_MAX)
        ),
    };
    let state = if count == 0 { State::Pass } else { State::Warn };
    Check::pass("inbox:failed", "Failed events", output).at(state).seen(count, "events")
}
