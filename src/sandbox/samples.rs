//! Sample leads for `demo`: people from many places, in their own scripts, with addresses under `sample.example` (a domain
//! that can never exist). The scripted faults hit these addresses only, never a lead that a person sends in.

use serde_json::{Value, json};

/// Always refused: an admin corrects the address and sends the lead again.
const REFUSED: &str = "refused.sample.example";
/// Locked at the first try: delivered a minute later.
const LOCKED: &str = "locked.sample.example";
/// Accepted, but the answer breaks off: sent again, and still there once.
const LOST: &str = "lost.sample.example";
/// Nothing happens to these.
const FINE: &str = "sample.example";

/// One submission, as a web site would send it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// `/api/store-lead` or `/api/chatbot-leads`.
    pub path: &'static str,
    pub body: Value,
}

/// A person and what they ask.
struct Person {
    name: &'static str,
    local: &'static str,
    domain: &'static str,
    phone: &'static str,
    company: &'static str,
    message: &'static str,
    sku: &'static str,
}

const fn person(
    (name, local, domain): (&'static str, &'static str, &'static str),
    (phone, company): (&'static str, &'static str),
    (message, sku): (&'static str, &'static str),
) -> Person {
    Person { name, local, domain, phone, company, message, sku }
}

/// Where such leads come from.
const SOURCES: &[&str] = &["website", "landing-page", "trade-fair", "newsletter", "partner"];

/// The cast. Each comes round again with another number in the address.
const PEOPLE: &[Person] = &[
    person(
        ("Ada Marchetti", "ada.marchetti", FINE),
        ("+39 055 123 4567", "Officine Marchetti"),
        ("Quote for two filter units, please.", "FLT-200"),
    ),
    person(("Søren Østergård", "soren", FINE), ("+45 32 12 34 56", "Østergård Mejeri ApS"), ("How long is delivery to Aarhus?", "PMP-110")),
    person(("عائشة الحدّاد", "aisha.haddad", FINE), ("+971 4 123 4567", "شركة الخليج للتوريد"), ("نحتاج عرض سعر لعشرين قطعة 🙏", "FLT-400")),
    person(("Thandiwe Nkosi", "thandiwe", LOCKED), ("+27 21 123 4567", "Karoo Solar"), ("Do you ship to Cape Town?", "SOL-050")),
    person(("山本 さくら", "sakura.yamamoto", FINE), ("+81 3-1234-5678", "山本製作所"), ("見積もりをお願いします。", "VLV-015")),
    person(
        ("Renée Dubois-Lefèvre", "renee", FINE),
        ("+33 1 23 45 67 89", "Atelier Lefèvre"),
        ("Une démonstration est-elle possible ?", "KIT-001"),
    ),
    person(
        ("Miguel Ángel Peña 🎈", "miguel", FINE),
        ("+34 91 123 45 67", "Peña e Hijos, S.L."),
        ("Necesito repuestos para la serie 300.", "SPR-300"),
    ),
    person(("Oluwaseun Adéyẹmí", "seun", LOST), ("+234 1 234 5678", "Adéyẹmí Logistics"), ("Please call me about bulk prices.", "PMP-220")),
    person(("Łukasz Żółć", "lukasz", FINE), ("+48 12 345 67 89", "Żółć i Synowie"), ("Proszę o katalog i cennik.", "VLV-040")),
    person(("יעל בן־דוד", "yael", FINE), ("+972 3-123-4567", "בן־דוד מערכות"), ("אשמח להצעת מחיר", "SOL-100")),
    person(
        ("Priya Raghunathan", "priya", FINE),
        ("+91 80 1234 5678", "Nandi Textiles"),
        ("Need a demo for our Bengaluru plant.", "KIT-003"),
    ),
    person(
        ("Jürgen Groß", "juergen.gross", REFUSED),
        ("+49 30 1234567", "Groß & Töchter GmbH"),
        ("Bitte um Rückruf nach 17 Uhr.", "FLT-200"),
    ),
    person(("Nguyễn Thị Minh Khai", "minh.khai", FINE), ("+84 24 1234 5678", "Khai Phát"), ("Xin báo giá 50 bộ.", "SPR-310")),
    person(
        ("Siobhán O'Dwyer", "siobhan.odwyer", FINE),
        ("+353 1 123 4567", "O'Dwyer & Daughters"),
        ("Is the <Pro> version \"worth\" it? & why?", "KIT-002"),
    ),
    person(
        ("Αλεξάνδρα Παπαδοπούλου", "alexandra", LOCKED),
        ("+30 21 0123 4567", "Αιγαίον Ψύξη"),
        ("Χρειαζόμαστε τρεις αντλίες.", "PMP-110"),
    ),
    person(("Tom Brannigan", "tom", FINE), ("0471/22 ask for Tom!", "Brannigan Repairs"), ("The number is the workshop's.", "SPR-330")),
    person(("Дмитро Коваленко", "dmytro", FINE), ("+380 44 123 4567", "Коваленко Агро"), ("Цікавить постачання до Києва.", "PMP-300")),
    person(("김 민서", "minseo.kim", FINE), ("+82 2-1234-5678", "민서전자"), ("샘플을 받을 수 있을까요?", "VLV-015")),
    person(("María José Quispe", "mj.quispe", LOST), ("+51 1 123 4567", "Andes Fresco SAC"), ("Precio por mayor, por favor.", "FLT-100")),
    person(
        ("Anneli Mäkinen-Virtanen", "anneli", FINE),
        ("+358 9 1234 567", "Pohjola Puhdas Oy"),
        ("Huoltosopimus kolmeksi vuodeksi?", "SRV-036"),
    ),
    person(("فرهاد کریمی", "farhad", FINE), ("+98 21 1234 5678", "کریمی صنعت"), ("لطفاً کاتالوگ را بفرستید 📘", "FLT-400")),
    person(
        ("Leilani Kahananui", "leilani", FINE),
        ("+1 808-555-0142", "Kahananui Farms"),
        ("Looking for something that survives salt air 🌊", "SOL-050"),
    ),
];

/// Samples without end: the cast comes round again and again, every fifth through the chatbot.
pub fn endless() -> impl Iterator<Item = Sample> {
    (0..).map(sample)
}

/// The faults of the demonstration, for `POST /__faults`: each hits sample leads only.
pub fn faults() -> Vec<Value> {
    let ending = |domain: &str| json!({ "field": "Email", "ends_with": format!("@{domain}") });
    vec![
        json!({ "fault": "refuse_record", "code": "INVALID_DATA", "api_name": "Email", "match": ending(REFUSED) }),
        json!({ "fault": "refuse_record", "code": "RECORD_LOCKED", "times_per_record": 1, "match": ending(LOCKED) }),
        json!({ "fault": "truncated", "path": "/crm", "probability": 0.5, "match": ending(LOST) }),
    ]
}

fn sample(number: usize) -> Sample {
    let person = &PEOPLE[number % PEOPLE.len()];
    let round = number / PEOPLE.len() + 1;
    let email = format!("{}.{round}@{}", person.local, person.domain);
    if number % 5 == 4 { chat(person, &email, number) } else { form(person, &email, number) }
}

fn form(person: &Person, email: &str, number: usize) -> Sample {
    let source = SOURCES[number % SOURCES.len()];
    let body = json!({
        "name": person.name,
        "email": email,
        "phone": person.phone,
        "company": person.company,
        "items": [{ "sku": person.sku, "quantity": 1 + number % 7 }],
        "message": person.message,
        "source": source,
        "utm_source": source,
        "utm_campaign": "spring",
        "consent": { "given": !number.is_multiple_of(3), "wording": "Yes, you may write to me about this enquiry." },
        "page_url": format!("https://www.sample.example/products/{}", person.sku.to_lowercase()),
    });
    Sample { path: "/api/store-lead", body }
}

fn chat(person: &Person, email: &str, number: usize) -> Sample {
    let body = json!({
        "conversation_id": format!("sample-{number}"),
        "name": person.name,
        "email": email,
        "company": person.company,
        "source": "chatbot",
        "transcript": [
            { "role": "assistant", "text": "Hello 👋 What can I do for you?" },
            { "role": "user", "text": person.message },
            { "role": "assistant", "text": "Whom may we write to?" },
            { "role": "user", "text": email },
        ],
    });
    Sample { path: "/api/chatbot-leads", body }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::sandbox::{Options, Sandbox};

    #[test]
    fn every_sample_has_an_address_of_its_own_under_the_sample_domain() {
        let samples: Vec<_> = endless().take(500).collect();
        let addresses: BTreeSet<_> = samples.iter().map(|sample| sample.body["email"].as_str().expect("an address")).collect();
        assert_eq!(addresses.len(), samples.len());
        assert!(addresses.iter().all(|address| address.ends_with("sample.example")));
        assert!(samples.iter().any(|sample| sample.path == "/api/chatbot-leads"));
    }

    #[test]
    fn every_fault_is_one_the_sandbox_takes_and_asks_for_a_sample_address() {
        let sandbox = Sandbox::new(Options::default());
        for fault in faults() {
            assert!(fault["match"]["ends_with"].as_str().is_some_and(|ending| ending.ends_with(".sample.example")));
            sandbox.script(fault);
        }
    }
}
