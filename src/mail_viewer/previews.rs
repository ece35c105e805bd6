//! How each mail looks, on made-up leads.

use crate::leads::LeadId;
use crate::leads::news::reply_queries::ReplyText;
use crate::leads::news::{self, LeadFacts, Page};
use crate::leads::{LeadKind, model::Item};
use crate::mail::Letter;
use crate::messages;

/// Each mail by its name in the address, with what it is.
pub const KINDS: [(&str, &str); 5] = [
    ("lead", "A new lead, to staff"),
    ("leads", "Leads that came close together, to staff"),
    ("daily", "The daily mail, to staff"),
    ("reply", "The answer to the person who wrote"),
    ("test", "The test mail"),
];

/// The mail of that name; `texts`, `contact`: of the answer. None: there is no such mail.
pub fn letter(name: &str, page: &Page<'_>, texts: &[ReplyText], contact: &[String]) -> Option<Letter> {
    let leads = samples(page);
    match name {
        "lead" => Some(news::one(&leads[0], page)),
        "leads" => Some(news::several(&leads, 57, page)),
        "daily" => Some(news::daily(&leads, 2, page)),
        "test" => Some(messages::test_letter(page.public_url)),
        "reply" => Some(news::reply::letter(texts.first().unwrap_or(&example()), page.seller, contact)),
        // `reply-ar`: the answer in one language.
        _ => {
            let language = name.strip_prefix("reply-")?;
            texts.iter().find(|text| text.language == language).map(|text| news::reply::letter(text, page.seller, contact))
        }
    }
}

/// What an admin may begin with.
pub fn example() -> ReplyText {
    ReplyText {
        language: "en".into(),
        subject: "We have your enquiry".into(),
        body: "Thank you for writing to us. One of us reads your enquiry and answers within a working day.\n\n\
               You get this mail because this address was entered in the form on our web site. If that was not you, you need do nothing: \
               you will hear no more of it."
            .into(),
    }
}

fn samples(page: &Page<'_>) -> Vec<LeadFacts> {
    let lead = |id, name: &str, company: Option<&str>| LeadFacts {
        id: LeadId(id),
        name: name.into(),
        email: Some(format!("person{id}@example.com")),
        phone: Some("+971501234567".into()),
        company: company.map(str::to_owned),
        source: "website".into(),
        kind: LeadKind::Quote,
        items: vec![Item { sku: "G65".into(), quantity: 2 }],
        message: Some("Two of them, please, delivered to Dubai in December.\n\nHow long is the warranty?".into()),
        received_at: page.now,
    };
    vec![lead(1, "Ada Lovelace", Some("Analytical Engines Ltd")), lead(2, "عائشة الحدّاد", None)]
}
