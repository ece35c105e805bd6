//! What a submission's own text says against it. Pure, for every script; nothing here knows who sent it.

use super::phrases;
use super::shapes::{Link, ends_like_a_domain, gibberish, hidden_letters, links, mixed_alphabets};
use super::verdict::Reason;
use crate::leads::model::NewLead;

/// Domains of addresses that live for minutes. The short list of those that programs use most (2026-11).
#[rustfmt::skip]
const THROW_AWAY: &[&str] = &[
    "mailinator.com", "guerrillamail.com", "guerrillamail.info", "sharklasers.com", "grr.la", "yopmail.com", "yopmail.fr", "10minutemail.com", "10minutemail.net", "tempmail.com", "temp-mail.org", "temp-mail.io",
    "tempmail.dev", "tempmailo.com", "throwawaymail.com", "trashmail.com", "trash-mail.com", "trashmail.de", "wegwerfmail.de", "einrot.com", "fakeinbox.com", "getnada.com", "nada.email", "dispostable.com", "maildrop.cc",
    "mailnesia.com", "mintemail.com", "mohmal.com", "moakt.com", "emailondeck.com", "spamgourmet.com", "mytemp.email", "burnermail.io", "33mail.com", "discard.email", "byom.de", "spam4.me", "mailcatch.com", "tempr.email",
    "inboxkitten.com", "harakirimail.com", "minuteinbox.com", "emailfake.com", "crazymailing.com", "jetable.org", "tmail.ws", "1secmail.com", "1secmail.org", "luxusmail.org", "rambler.wine",
];

/// Services that hide where a link leads.
const SHORTENERS: &[&str] = &[
    "bit.ly",
    "tinyurl.com",
    "cutt.ly",
    "is.gd",
    "rb.gy",
    "goo.su",
    "shorturl.at",
    "clck.ru",
    "t.ly",
    "ow.ly",
    "rebrand.ly",
    "telegra.ph",
];
/// Ends of domains that hardly anyone but such senders uses.
const CHEAP_ENDS: &[&str] =
    &["xyz", "top", "icu", "click", "loan", "win", "bid", "cyou", "buzz", "monster", "rest", "sbs", "cfd", "quest", "vip", "bond"];

/// Everything that speaks against it.
pub fn signs(lead: &NewLead) -> Vec<Reason> {
    let text = text_of(lead);
    let mut reasons = Vec::new();
    reasons.extend(of_links(&text, lead));
    reasons.extend(of_markup(&text));
    reasons.extend(of_subjects(&text, lead));
    reasons.extend(of_names(lead));
    reasons.extend(of_letters(&text, lead));
    reasons.extend(of_address(lead));
    reasons
}

/// What the person wrote: the message, and their own part of a conversation.
pub fn text_of(lead: &NewLead) -> String {
    let said = lead.transcript.iter().filter(|turn| turn.speaker() == "Visitor").map(|turn| turn.text.as_str());
    lead.message.as_deref().into_iter().chain(said).collect::<Vec<_>>().join("\n")
}

fn of_links(text: &str, lead: &NewLead) -> Vec<Reason> {
    let own_host = lead.page_url.as_deref().and_then(|page| links(page).into_iter().next()).map(|link| link.host);
    let foreign: Vec<Link> = links(text).into_iter().filter(|link| Some(&link.host) != own_host.as_ref()).collect();
    let mut reasons = Vec::new();
    // People name their own site, and the product they saw.
    let points = match foreign.len() {
        0 | 1 => 0,
        2 => 10,
        3 | 4 => 35,
        _ => 50,
    };
    if points > 0 {
        reasons.push(Reason::new(points, format!("Its text has {} links.", foreign.len())));
    }
    let hiding: Vec<&Link> = foreign.iter().filter(|link| SHORTENERS.contains(&link.host.as_str())).collect();
    if let Some(link) = hiding.first() {
        reasons.push(Reason::new(if hiding.len() > 1 { 40 } else { 25 }, format!("A link hides where it leads ({}).", link.host)));
    }
    let is_cheap = |link: &&Link| link.host.rsplit('.').next().is_some_and(|end| CHEAP_ENDS.contains(&end));
    if let Some(link) = foreign.iter().find(is_cheap) {
        reasons.push(Reason::new(20, format!("A link leads to a domain such senders use ({}).", link.host)));
    }
    reasons
}

/// Nobody types these into a form of ours.
fn of_markup(text: &str) -> Option<Reason> {
    let text = text.to_lowercase();
    let has_markup = ["<a ", "href=", "[url", "[/url]", "[link", "</a>"].iter().any(|mark| text.contains(mark));
    has_markup.then(|| Reason::new(50, "Its text has links written as code."))
}

fn of_subjects(text: &str, lead: &NewLead) -> Vec<Reason> {
    let whole = format!("{text}\n{}\n{}", lead.contact.name, lead.contact.company.as_deref().unwrap_or_default()).to_lowercase();
    let subjects = phrases::subjects(&whole);
    let reason = |(subject, phrases): &(&str, u32)| {
        let points = if *subject == "services nobody asked for" { 15 + 12 * (phrases - 1) } else { 28 + 18 * (phrases - 1) };
        Reason::new(points.min(60), format!("It reads like an offer of {subject}."))
    };
    subjects.iter().map(reason).collect()
}

fn of_names(lead: &NewLead) -> Vec<Reason> {
    let contact = &lead.contact;
    let mut reasons = Vec::new();
    let is_address = |text: &str| text.contains("://") || text.to_lowercase().contains("www.") || ends_like_a_domain(text);
    if is_address(&contact.name) {
        reasons.push(Reason::new(50, "The name is a web address."));
    }
    for (what, text) in [("phone number", &contact.phone), ("company", &contact.company)] {
        if text.as_deref().is_some_and(|text| text.contains("://")) {
            reasons.push(Reason::new(25, format!("The {what} is a web address.")));
        }
    }
    if contact.name.contains(['$', '€', '🔥', '💰', '➡', '👉']) {
        reasons.push(Reason::new(30, "The name is an advertisement."));
    }
    let message = lead.message.as_deref().unwrap_or_default();
    if !message.is_empty() && message == contact.name {
        reasons.push(Reason::new(25, "The message repeats the name."));
    }
    reasons
}

fn of_letters(text: &str, lead: &NewLead) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if gibberish(&lead.contact.name) {
        reasons.push(Reason::new(30, "The name is random letters."));
    }
    if gibberish(text) {
        reasons.push(Reason::new(30, "The message is random letters."));
    }
    if lead.contact.company.as_deref().is_some_and(gibberish) {
        reasons.push(Reason::new(15, "The company is random letters."));
    }
    let whole = format!("{text}\n{}", lead.contact.name);
    if mixed_alphabets(&whole) {
        reasons.push(Reason::new(50, "Words mix letters of two alphabets that look alike."));
    }
    if hidden_letters(&whole) {
        reasons.push(Reason::new(45, "Invisible characters stand inside its words."));
    }
    let letters = || text.chars().filter(|c| c.is_alphabetic());
    if letters().count() >= 60 && letters().filter(|c| c.is_uppercase()).count() * 5 > letters().count() * 4 {
        reasons.push(Reason::new(10, "Its text is in capitals."));
    }
    if text.contains("$$$") || text.contains("!!!!") {
        reasons.push(Reason::new(10, "Its text shouts."));
    }
    reasons
}

fn of_address(lead: &NewLead) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let Some((local, domain)) = lead.contact.email_key().and_then(|key| key.rsplit_once('@').map(|(l, d)| (l.to_owned(), d.to_owned())))
    else {
        return reasons;
    };
    if THROW_AWAY.iter().any(|known| domain == *known || domain.ends_with(&format!(".{known}"))) {
        reasons.push(Reason::new(35, format!("Addresses at {domain} are thrown away after minutes.")));
    }
    let end = domain.rsplit('.').next().unwrap_or_default();
    let cannot_be =
        end.chars().count() < 2 || !end.chars().any(char::is_alphabetic) || ["invalid", "localhost", "local", "test"].contains(&end);
    if cannot_be {
        reasons.push(Reason::new(25, format!("No mail can reach the domain {domain}.")));
    } else if CHEAP_ENDS.contains(&end) {
        reasons.push(Reason::new(15, format!("The domain {domain} is of a kind such senders use.")));
    }
    // Gmail ignores dots: programs use them to look like many people.
    if matches!(domain.as_str(), "gmail.com" | "googlemail.com") && local.matches('.').count() >= 4 {
        reasons.push(Reason::new(25, "The address has dots between its letters, as programs write it."));
    }
    if local.contains("noreply") || local.contains("no-reply") {
        reasons.push(Reason::new(20, "Nobody reads answers to its address."));
    }
    reasons
}
