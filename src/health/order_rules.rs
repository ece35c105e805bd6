//! What is right and wrong with orders: their booking in Zoho Books, disputes, money without an order. Rules only: no database, no clock.

use super::check::{Check, State};
use super::crm_rules::on_hold;
use super::facts::Facts;
use super::queries::COUNTED_MAX;
use crate::connections::ConnectionState;
use crate::orders::trouble_queries::COUNT_MAX;
use crate::web::format;

/// Whether orders are booked, and what of them needs somebody.
pub fn checks(facts: &Facts) -> Vec<Check> {
    vec![connection(facts), booking(facts), disputes(facts), unmatched(facts)]
}

fn orders(count: i64) -> String {
    if count == 1 { "1 order".into() } else { format!("{} orders", format::capped(count, COUNTED_MAX)) }
}

fn connection(facts: &Facts) -> Check {
    let books = &facts.books;
    let told = |state, output: String| Check::pass("zoho-books:connection", "Zoho Books", output).at(state);
    let waits = match books.waiting {
        0 => "No order waits to be booked.".to_owned(),
        1 => "1 order waits to be booked.".to_owned(),
        count => format!("{} wait to be booked.", orders(count)),
    };
    let Some(summary) = books.summary.as_ref().filter(|_| books.organisation.is_some()) else {
        return match books.waiting + books.failed {
            0 => told(State::Pass, "Zoho Books is not used here.".into()),
            _ => told(State::Warn, format!("No organisation is chosen: paid orders are kept. {waits}")),
        };
    };
    let why = |otherwise: &str| format::ended(summary.state_reason.as_deref().unwrap_or(otherwise));
    let blocked = summary.blocked_until.filter(|until| *until > facts.at);
    let check = match (summary.state, books.pauses.first(), blocked) {
        (ConnectionState::NeedsReconnect, ..) => told(
            State::Fail,
            format!("It refuses us, and orders are not booked until a person has looked. {} {waits}", why("The grant was refused")),
        ),
        (ConnectionState::Disconnected, ..) => {
            told(State::Fail, format!("It was disconnected. {} {waits}", why("Orders are kept and wait")))
        }
        (ConnectionState::Connected, Some(pause), _) => told(State::Warn, format!("{} {waits}", format::ended(&on_hold(facts, pause)))),
        (ConnectionState::Connected, None, Some(until)) => {
            let reason = format::ended(summary.blocked_reason.as_deref().unwrap_or("It did not answer"));
            told(State::Warn, format!("{reason} It is tried again in {}. {waits}", format::duration(until - facts.at)))
        }
        (ConnectionState::Connected, None, None) => {
            let name = books
                .organisation_name
                .as_deref()
                .filter(|name| !name.is_empty())
                .map_or_else(String::new, |name| format!(" Booked to {name}."));
            let failed = match (summary.last_error_at, summary.last_success_at) {
                (Some(at), last) if last.is_none_or(|last| last < at) => {
                    let error = format::ended(summary.last_error.as_deref().unwrap_or("no reason given"));
                    format!(" The last call failed {}: {error}", facts.ago(at))
                }
                _ => String::new(),
            };
            told(State::Pass, format!("Connected {}.{name} {waits}{failed}", facts.ago(summary.connected_at)))
        }
    };
    check.seen(summary.state.as_str(), "")
}

fn booking(facts: &Facts) -> Check {
    let books = &facts.books;
    let told = |output: String| Check::pass("orders:booking", "Booking of orders", output).seen(books.failed, "orders");
    let mut sentences = Vec::new();
    if books.failed > 0 {
        sentences.push(format!(
            "{} could not be booked in Zoho Books. Each says why on its page, and can be tried again.",
            orders(books.failed)
        ));
    }
    if books.missing > 0 {
        sentences.push(format!("{} of before were never asked to be booked; that is done within the hour, or now.", orders(books.missing)));
    }
    match sentences.is_empty() {
        true => told("Every paid order is booked, or on its way.".into()),
        false => told(sentences.join(" ")).at(State::Warn),
    }
}

fn disputes(facts: &Facts) -> Check {
    let all = &facts.troubles.disputes;
    let count = i64::try_from(all.len()).unwrap_or(COUNT_MAX);
    let told = |output: String| Check::pass("orders:disputes", "Disputes", output).seen(count, "disputes");
    let Some(first) = all.first() else { return told("No dispute is open.".into()) };
    let open = if count == 1 { "1 dispute is open".into() } else { format!("{} disputes are open", format::capped(count, COUNT_MAX)) };
    let which = first.order.map_or_else(|| "a payment without an order".into(), |order| format!("order {order}"));
    let until = match first.respond_by {
        None => "None of them waits for our answer, as far as Stripe told.".to_owned(),
        Some(by) if by > facts.at => {
            format!(
                "The first to be answered is that of {which}, by {} UTC, in {}.",
                by.format("%Y-%m-%d %H:%M"),
                format::duration(by - facts.at)
            )
        }
        Some(by) => format!("The time to answer that of {which} ended {}.", facts.ago(by)),
    };
    told(format!("{open}: a customer's bank asks for the money back. {until}")).at(State::Warn)
}

fn unmatched(facts: &Facts) -> Check {
    let count = facts.troubles.unmatched;
    let told = |output: String| Check::pass("orders:unmatched", "Payments without an order", output).seen(count, "payments");
    match count {
        0 => told("No payment older than an hour is without an order.".into()),
        1 => told("1 payment of the last 30 days belongs to no order that we know of.".into()).at(State::Warn),
        _ => told(format!("{} payments of the last 30 days belong to no order that we know of.", format::capped(count, COUNT_MAX)))
            .at(State::Warn),
    }
}
