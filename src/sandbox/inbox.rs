//! The inbox page: the mails that the sink took, for people who try the program out. It exists in the sandbox alone.

use askama::Template;

use super::answer::{Delivery, SandboxAnswer};
use super::mail::SunkMail;
use super::world::World;
use crate::clock::UtcTime;
use crate::web::{Stamp, Times};

/// A mail's own HTML may show itself and do nothing else.
const MAIL_POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'";
const PAGE_POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

#[derive(Template)]
#[template(path = "sandbox/inbox.html")]
struct InboxPage {
    rows: Vec<Row>,
}

struct Row {
    id: u64,
    subject: String,
    to: String,
    at: Stamp,
}

#[derive(Template)]
#[template(path = "sandbox/mail.html")]
struct MailPage {
    row: Row,
    from: String,
    head: String,
    text: String,
}

impl Row {
    fn of(mail: &SunkMail, now: UtcTime) -> Self {
        let times = Times { zone: chrono_tz::UTC, now };
        let subject = mail.subject();
        let subject = if subject.is_empty() { "(no subject)".into() } else { subject };
        Self { id: mail.id, subject, to: mail.to.join(", "), at: times.exact(mail.at) }
    }
}

/// Answers `/inbox…`; `path` is what follows it.
pub(super) fn answer(world: &World, path: &str, now: UtcTime) -> SandboxAnswer {
    let (id, part) = path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_start_matches('/'), ""));
    if id.is_empty() {
        let rows = world.mails.all().iter().map(|mail| Row::of(mail, now)).collect();
        return page(200, InboxPage { rows }.render(), PAGE_POLICY);
    }
    let Some(mail) = id.parse().ok().and_then(|id| world.mails.find(id)) else {
        return page(404, Ok("<!doctype html><title>No such mail</title><p>There is no such mail here.</p>".into()), PAGE_POLICY);
    };
    match part {
        "html" => page(200, Ok(mail.html()), MAIL_POLICY),
        _ => {
            let bytes = String::from_utf8_lossy(&mail.bytes).into_owned();
            let head = bytes.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n", "\n");
            let shown = MailPage { row: Row::of(&mail, now), from: mail.from.clone(), head, text: mail.text() };
            page(200, shown.render(), PAGE_POLICY)
        }
    }
}

fn page(status: u16, html: askama::Result<String>, policy: &str) -> SandboxAnswer {
    let headers = vec![
        ("content-type", "text/html; charset=utf-8".to_owned()),
        ("content-security-policy", policy.to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
        ("cache-control", "no-store".to_owned()),
    ];
    SandboxAnswer { status, headers, body: html.unwrap_or_default().into_bytes(), delivery: Delivery::Whole }
}
