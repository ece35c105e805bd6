//! What the public pages of a form show.

use askama::Template;
use askama_web::WebTemplate;

use super::texts::Texts;
use super::visit::Visit;
use crate::leads::consent::Wording;
use crate::leads::defence::FormFields;
use crate::leads::submission::Mistake;
use crate::seller::{Language, Seller};

/// Where the form lives.
pub const PATH: &str = "/forms/quote";
/// Where it leads to.
pub const THANKS: &str = "/forms/quote/thanks";

/// What every public page wears.
pub struct Dress {
    pub seller: Seller,
    pub language: Language,
    pub texts: &'static Texts,
    /// The same page in the seller's other languages: address, tag, name.
    pub others: Vec<(String, &'static str, &'static str)>,
}

impl Dress {
    /// For the page at this path.
    pub fn new(seller: Seller, visit: &Visit, path: &str) -> Self {
        let language = visit.language(&seller);
        let others = seller.languages.iter().filter(|other| **other != language);
        let others = others.map(|other| (visit.at(path, *other), other.as_str(), other.own_name())).collect();
        Self { language, texts: super::texts::of(language), others, seller }
    }

    /// How to reach the seller, in one line.
    pub fn contact(&self) -> Vec<&str> {
        let parts = [&self.seller.postal_address, &self.seller.phone, &self.seller.email];
        parts.into_iter().flatten().map(String::as_str).collect()
    }
}

/// A field as it stands: what was typed, and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub struct Field {
    pub text: String,
    pub mistake: &'static str,
}

/// What was typed so far.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    pub name: Field,
    pub company: Field,
    pub email: Field,
    pub phone: Field,
    pub message: Field,
    pub is_consent_given: bool,
    pub consent_mistake: &'static str,
    /// Goes along unseen: name and value.
    pub carried: Vec<(String, String)>,
    /// Said above the form, without a field.
    pub troubles: Vec<&'static str>,
    /// Of the form that comes back with mistakes; empty for a new one.
    pub stamp: String,
}

impl Typed {
    /// Each mistake with the id of its field, in the order of the page.
    pub fn mistakes(&self) -> Vec<(&'static str, &'static str)> {
        let fields = [
            ("name", self.name.mistake),
            ("company", self.company.mistake),
            ("email", self.email.mistake),
            ("phone", self.phone.mistake),
            ("message", self.message.mistake),
            ("consent", self.consent_mistake),
        ];
        fields.into_iter().filter(|(_, mistake)| !mistake.is_empty()).collect()
    }

    /// Puts what is wrong beside its field, in this language. A carried field that cannot be taken is dropped: nobody here
    /// could correct it.
    pub fn blame(&mut self, mistakes: &[Mistake], texts: &'static Texts) {
        for (field, why) in mistakes {
            let said = in_words(field, why, texts);
            match field.as_str() {
                "name" => self.name.mistake = said,
                "company" => self.company.mistake = said,
                "email" => self.email.mistake = said,
                "phone" => self.phone.mistake = said,
                "message" => self.message.mistake = said,
                hidden => {
                    let root = hidden.split('.').next().unwrap_or(hidden);
                    self.carried.retain(|(name, _)| name.split(['[', '.']).next() != Some(root));
                    if !self.troubles.contains(&texts.left_out) {
                        self.troubles.push(texts.left_out);
                    }
                }
            }
        }
    }
}

/// A mistake of `submission`, in the visitor's language.
fn in_words(field: &str, why: &str, texts: &Texts) -> &'static str {
    match (field, why) {
        ("name", "is required") => texts.name_required,
        ("email", why) if why.starts_with("is required") => texts.contact_required,
        ("phone", why) if why.starts_with("holds no number") => texts.phone_wrong,
        (_, why) if why.contains("at most") => texts.too_long,
        ("email", _) => texts.email_wrong,
        _ => texts.look_again,
    }
}

/// The form.
#[derive(Template, WebTemplate)]
#[template(path = "forms/quote.html")]
pub struct FormPage {
    pub dress: Dress,
    pub is_embedded: bool,
    pub action: String,
    pub typed: Typed,
    pub wording: Wording,
    pub defence: FormFields,
}

/// After the form.
#[derive(Template, WebTemplate)]
#[template(path = "forms/thanks.html")]
pub struct ThanksPage {
    pub dress: Dress,
    pub is_embedded: bool,
    pub again: String,
}
