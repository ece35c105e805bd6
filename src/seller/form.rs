//! The form of the settings: what was typed, and what is wrong with it, all at once.

use std::str::FromStr;

use chrono_tz::Tz;

use super::model::{Language, Profile};
use crate::mail;
use crate::money::Currency;
use crate::web::field::{line, optional, web_address};
use crate::web::{Field, Fields};

const NAME_MAX: usize = 100;
const STAFF_MAX: usize = 20;
const PHONE_MAX: usize = 60;
const ADDRESS_MAX: usize = 500;

/// The form as the page shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SellerForm {
    pub name: Field,
    pub email: Field,
    pub phone: Field,
    pub postal_address: Field,
    pub privacy_url: Field,
    pub staff_emails: Field,
    pub zone: Field,
    pub currency: Field,
    pub main_language: Field,
    /// Codes of the other languages.
    pub also: Vec<String>,
    pub version: i64,
}

impl SellerForm {
    /// The form of what is saved.
    pub fn of(profile: &Profile, version: i64) -> Self {
        let field = |text: &str| Field::of(text);
        let optional = |text: &Option<String>| field(text.as_deref().unwrap_or_default());
        Self {
            name: field(&profile.name),
            email: optional(&profile.email),
            phone: optional(&profile.phone),
            postal_address: optional(&profile.postal_address),
            privacy_url: optional(&profile.privacy_url),
            staff_emails: field(&profile.staff_emails.join("\n")),
            zone: field(profile.zone.name()),
            currency: field(profile.currency.code()),
            main_language: field(profile.main_language().as_str()),
            also: profile.languages.iter().skip(1).map(|language| language.as_str().to_owned()).collect(),
            version,
        }
    }

    /// The profile that was typed with the version it was typed over, or the form with every mistake.
    pub fn parse(fields: &Fields) -> Result<(Profile, i64), Box<Self>> {
        let mut form = Self { version: fields.text("version").parse().unwrap_or_default(), ..Self::default() };
        let main = form
            .main_language
            .read(fields, "main_language", |text| Language::parse(text).ok_or_else(|| "Choose one of the languages.".to_owned()));
        let also: Vec<Language> =
            Language::ALL.iter().copied().filter(|code| !fields.text(&format!("also_{}", code.as_str())).is_empty()).collect();
        form.also = also.iter().map(|language| language.as_str().to_owned()).collect();
        let profile = Profile {
            name: form.name.read(fields, "name", name).unwrap_or_default(),
            zone: form.zone.read(fields, "zone", zone).unwrap_or_default(),
            currency: form.currency.read(fields, "currency", currency).unwrap_or(Currency::USD),
            languages: main.into_iter().chain(also.into_iter().filter(|language| Some(*language) != main)).collect(),
            privacy_url: form.privacy_url.read(fields, "privacy_url", optional(privacy_notice)).flatten(),
            staff_emails: form.staff_emails.read(fields, "staff_emails", addresses).unwrap_or_default(),
            email: form.email.read(fields, "email", optional(address)).flatten(),
            phone: form.phone.read(fields, "phone", optional(phone)).flatten(),
            postal_address: form.postal_address.read(fields, "postal_address", optional(postal_address)).flatten(),
        };
        if form.mistakes().is_empty() { Ok((profile, form.version)) } else { Err(Box::new(form)) }
    }

    /// Each mistake with the id of its field, in the order of the page.
    pub fn mistakes(&self) -> Vec<(&'static str, &str)> {
        let fields = [
            ("name", &self.name),
            ("email", &self.email),
            ("phone", &self.phone),
            ("postal_address", &self.postal_address),
            ("privacy_url", &self.privacy_url),
            ("staff_emails", &self.staff_emails),
            ("zone", &self.zone),
            ("currency", &self.currency),
            ("main_language", &self.main_language),
        ];
        fields.into_iter().filter(|(_, field)| !field.mistake.is_empty()).map(|(id, field)| (id, field.mistake.as_str())).collect()
    }
}

fn name(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("Enter the name that customers know.".into()) } else { line(text, NAME_MAX, "The name") }
}

fn zone(text: &str) -> Result<Tz, String> {
    Tz::from_str(text).map_err(|_| "This is no time zone. Choose one of the list, such as Asia/Dubai.".into())
}

fn currency(text: &str) -> Result<Currency, String> {
    Currency::parse(text).map_err(|mistake| mistake.to_string())
}

fn privacy_notice(text: &str) -> Result<String, String> {
    web_address(text, "https://www.example.com/privacy")
}

fn address(text: &str) -> Result<String, String> {
    let is_address = mail::is_address(text) && !text.chars().any(char::is_control);
    if is_address { Ok(text.to_owned()) } else { Err(format!("“{}” is no mail address, such as name@example.com.", shortened(text))) }
}

fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}

/// One a line, or between commas; each once.
fn addresses(text: &str) -> Result<Vec<String>, String> {
    let mut found: Vec<String> = Vec::new();
    for part in text.split(['\n', ',', ';']).map(str::trim).filter(|part| !part.is_empty()) {
        let one = address(part)?;
        if !found.iter().any(|known| known.eq_ignore_ascii_case(&one)) {
            found.push(one);
        }
    }
    if found.len() > STAFF_MAX { Err(format!("These are {}; {STAFF_MAX} are the limit.", found.len())) } else { Ok(found) }
}

fn phone(text: &str) -> Result<String, String> {
    if !text.chars().any(char::is_numeric) {
        return Err("This holds no number. Write it as customers dial it: +971 4 555 0100.".into());
    }
    line(text, PHONE_MAX, "A number")
}

fn postal_address(text: &str) -> Result<String, String> {
    let is_fine = text.chars().count() <= ADDRESS_MAX && !text.chars().any(|c| c.is_control() && c != '\n');
    if is_fine { Ok(text.to_owned()) } else { Err(format!("An address has at most {ADDRESS_MAX} characters.")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        Fields::parse(url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish().as_bytes()).expect("a form")
    }

    #[test]
    fn what_is_typed_well_becomes_a_profile_that_fills_the_same_form() {
        let typed = [
            ("name", "Marsa Coffee Supply"),
            ("zone", "Asia/Dubai"),
            ("currency", "aed"),
            ("main_language", "ar"),
            ("also_en", "on"),
            ("also_ar", "on"),
            ("privacy_url", "https://www.example.com/privacy"),
            ("staff_emails", "noor@example.com\r\nomar@example.com, Noor@example.com"),
            ("phone", "+971 4 555 0100"),
            ("postal_address", "Al Quoz\r\nDubai"),
            ("version", "3"),
        ];
        let (profile, version) = SellerForm::parse(&fields(&typed)).expect("no mistake");
        assert_eq!(profile.languages, [Language::Arabic, Language::English]);
        assert_eq!(profile.staff_emails, ["noor@example.com", "omar@example.com"]);
        assert_eq!((profile.currency.code(), profile.postal_address.as_deref(), version), ("AED", Some("Al Quoz\nDubai"), 3));
        let shown = SellerForm::of(&profile, version);
        assert_eq!((shown.zone.text.as_str(), shown.email.text.as_str(), shown.also), ("Asia/Dubai", "", vec!["en".to_owned()]));
    }

    #[test]
    fn every_mistake_is_named_and_what_was_typed_is_kept() {
        let typed = [
            ("zone", "Mars"),
            ("currency", "XYZ"),
            ("main_language", "tlh"),
            ("privacy_url", "javascript:alert(1)"),
            ("staff_emails", "noor@example.com, nonsense"),
            ("email", "a@b\nBcc: c@example.com"),
            ("phone", "call us"),
            ("postal_address", &"x".repeat(501)),
        ];
        let form = SellerForm::parse(&fields(&typed)).expect_err("nothing here is right");
        let named: Vec<&str> = form.mistakes().iter().map(|(id, _)| *id).collect();
        assert_eq!(named, ["name", "email", "phone", "postal_address", "privacy_url", "staff_emails", "zone", "currency", "main_language"]);
        assert_eq!(form.staff_emails.text, "noor@example.com, nonsense");
        assert!(form.staff_emails.mistake.contains("“nonsense”"));
    }
}
