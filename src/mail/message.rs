//! The message that carries a letter: addresses, headers, both parts. Whatever comes from outside is one line without
//! control characters before it reaches a header, so nobody can add one.

use std::time::{Duration, UNIX_EPOCH};

use lettre::address::Envelope;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder, MultiPart};
use lettre::{Address, Message};

use super::letter::Letter;
use crate::clock::UtcTime;
use crate::config::Sender;

/// Somebody a mail is from or to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    pub name: Option<String>,
    pub address: String,
}

/// Why a program wrote it (RFC 3834), so that other programs do not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Something happened that the person wants to hear of.
    Notice,
    /// Somebody wrote to us.
    Reply,
}

/// What a message is made of.
#[derive(Clone, Debug)]
pub struct MailParts<'a> {
    pub from: &'a Sender,
    pub to: &'a Party,
    /// Whom an answer goes to; None: the sender.
    pub reply_to: Option<&'a Party>,
    /// Ours, and the same however often it is sent: the left side of the Message-ID.
    pub key: &'a str,
    pub date: UtcTime,
    pub why: Why,
    /// Names the list of such mails, for people who sort them: `new-leads`.
    pub list: Option<&'a str>,
    /// Where a person stops such mails.
    pub stop_url: Option<&'a str>,
    pub letter: &'a Letter,
}

/// A message ready to be sent.
#[derive(Clone, Debug)]
pub struct Mail {
    pub envelope: Envelope,
    /// `<key@example.com>`
    pub message_id: String,
    /// Headers and both parts, all in ASCII.
    pub bytes: Vec<u8>,
}

impl Mail {
    /// Puts a message together. Err: an address that no mail can be sent to, in words.
    pub fn new(parts: &MailParts<'_>) -> Result<Self, String> {
        let from = mailbox(parts.from.name.as_deref(), &parts.from.address)?;
        let to = mailbox(parts.to.name.as_deref(), &parts.to.address)?;
        let message_id = format!("<{}@{}>", parts.key, from.email.domain());
        let list_domain = from.email.domain().to_owned();
        let seconds = u64::try_from(parts.date.and_utc().timestamp()).unwrap_or_default();
        let mut message = Message::builder()
            .from(from)
            .to(to)
            .date(UNIX_EPOCH + Duration::from_secs(seconds))
            .message_id(Some(message_id.clone()))
            .subject(one_line(&parts.letter.subject));
        if let Some(reply_to) = parts.reply_to {
            // An address that cannot be written to is only left out: the mail itself is worth more.
            message = match mailbox(reply_to.name.as_deref(), &reply_to.address) {
                Ok(reply_to) => message.reply_to(reply_to),
                Err(_) => message,
            };
        }
        message = match parts.why {
            Why::Notice => raw(message, "Auto-Submitted", "auto-generated"),
            Why::Reply => raw(message, "Auto-Submitted", "auto-replied"),
        };
        // What RFC 3834 asks of answering programs, as Exchange understands it.
        message = raw(message, "X-Auto-Response-Suppress", "All");
        if let Some(list) = parts.list {
            message = raw(message, "List-Id", &format!("<{list}.{list_domain}>"));
        }
        if let Some(url) = parts.stop_url {
            message = raw(message, "List-Unsubscribe", &format!("<{url}>"));
        }
        let body = MultiPart::alternative_plain_html(parts.letter.text(), parts.letter.html());
        let message = message.multipart(body).map_err(|cause| cause.to_string())?;
        Ok(Self { envelope: message.envelope().clone(), message_id, bytes: message.formatted() })
    }

    /// The headers, for people who look at what was sent; not the content.
    pub fn head(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        text.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n", "\n")
    }
}

fn raw(message: MessageBuilder, name: &'static str, value: &str) -> MessageBuilder {
    message.raw_header(HeaderValue::new(HeaderName::new_from_ascii_str(name), one_line(value)))
}

fn mailbox(name: Option<&str>, address: &str) -> Result<Mailbox, String> {
    let name = name.map(one_line).filter(|name| !name.is_empty());
    let unusable = || "the mail address cannot be written to".to_owned();
    let (user, domain) = address.trim().rsplit_once('@').ok_or_else(unusable)?;
    // Domains in other scripts have an ASCII form that every server understands.
    let domain = url::Host::parse(domain).map_or_else(|_| domain.to_owned(), |host| host.to_string());
    let address = Address::new(user, domain).map_err(|_| unusable())?;
    Ok(Mailbox::new(name, address))
}

/// Text as one line: control characters and the marks that turn the direction of text around become spaces.
pub fn one_line(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    let spaced: String = text.chars().map(|c| if c.is_control() || turns(c) { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One line that keeps its direction to itself (U+2068 … U+2069), for plain text; empty text stays empty.
pub fn isolated(text: &str) -> String {
    let text = one_line(text);
    if text.is_empty() { text } else { format!("\u{2068}{text}\u{2069}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(subject: &str) -> Letter {
        Letter {
            language: "en".into(),
            subject: subject.into(),
            heading: "Hello".into(),
            paragraphs: vec!["Grüße 🎈".into()],
            sections: Vec::new(),
            action: None,
            footer: Vec::new(),
        }
    }

    fn mail(subject: &str, name: &str, address: &str) -> Result<Mail, String> {
        let from = Sender { name: Some("Bäckerei, GmbH".into()), address: "desk@example.com".into() };
        let (to, reply_to) = (
            Party { name: Some(name.into()), address: address.into() },
            Party { name: Some(name.into()), address: "lead@example.net".into() },
        );
        let date = chrono::DateTime::from_timestamp(1_795_000_000, 0).expect("a time").naive_utc();
        Mail::new(&MailParts {
            from: &from,
            to: &to,
            reply_to: Some(&reply_to),
            key: "01a2-7",
            date,
            why: Why::Notice,
            list: Some("new-leads"),
            stop_url: Some("https://desk.example.com/account"),
            letter: &letter(subject),
        })
    }

    #[test]
    fn the_headers_say_what_it_is_and_are_the_same_each_time() {
        let mail = mail("New lead: Ada", "Noor", "noor@example.com").expect("a message");
        let head = mail.head();
        for line in [
            "To: Noor <noor@example.com>",
            "Reply-To: Noor <lead@example.net>",
            "Message-ID: <01a2-7@example.com>",
            "Date: Wed, 18 Nov 2026 11:06:40 +0000",
            "Subject: New lead: Ada",
            "Auto-Submitted: auto-generated",
            "List-Id: <new-leads.example.com>",
            "List-Unsubscribe: <https://desk.example.com/account>",
            "Content-Type: multipart/alternative",
        ] {
            assert!(head.contains(line), "{line} is not in\n{head}");
        }
        assert!(mail.bytes.is_ascii() && !head.contains("User-Agent"), "every server can carry it");
    }

    #[test]
    fn nobody_adds_a_header() {
        for hostile in ["Ada\r\nBcc: all@example.com", "Ada\nX-Evil: 1\n\n<script>", "Ada\u{0}\r\n\r\nbody", "\u{202e}moc.elpmaxe"] {
            let mail = mail(hostile, hostile, "noor@example.com").expect("a message");
            let head = mail.head();
            let begins = |name: &str| head.lines().any(|line| line.to_lowercase().starts_with(name));
            assert!(!begins("bcc:") && !begins("x-evil") && begins("subject: ") && begins("content-type: "), "{head}");
            assert_eq!(mail.envelope.to().len(), 1, "and nobody else gets it");
        }
        assert!(mail("x", "x", "a@example.com\r\nRCPT TO:<b@example.com>").is_err());
        assert!(mail("x", "x", "a@example.com>, <b@example.com").is_err());
    }

    #[test]
    fn names_in_any_script_are_encoded_and_domains_have_an_ascii_form() {
        let mail = mail("سؤال عن الأسعار", "عائشة الحدّاد", "aisha@مثال.إختبار").expect("a message");
        assert!(mail.envelope.to()[0].domain().starts_with("xn--"), "{:?}", mail.envelope);
        assert!(mail.head().is_ascii() && mail.head().contains("=?utf-8?b?"), "{}", mail.head());
        assert_eq!(one_line(" a\u{202e}b\r\n\tc "), "a b c");
        assert_eq!((isolated(""), isolated("سارة")), (String::new(), "\u{2068}سارة\u{2069}".into()));
    }
}
