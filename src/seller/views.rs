//! What the settings' page shows.

use askama::Template;
use askama_web::WebTemplate;

use super::form::SellerForm;
use super::model::{Language, Logo, Seller};
use crate::web::Shell;
use crate::web::parts::{Choice, Fact};

/// The settings: a form for admins, facts for everyone else.
#[derive(Template, WebTemplate)]
#[template(path = "settings/seller.html")]
pub struct SellerPage {
    pub shell: Shell,
    pub may_edit: bool,
    /// Nobody has saved anything yet.
    pub is_default: bool,
    pub form: SellerForm,
    /// Said above the form; empty where all is well.
    pub trouble: String,
    pub mistakes: Vec<Mistake>,
    pub languages: Vec<Choice>,
    pub others: Vec<Other>,
    pub zones: Vec<&'static str>,
    pub facts: Vec<Fact>,
    pub logo: Option<Logo>,
    pub logo_mistake: String,
    pub initial: String,
}

/// A mistake with the id of its field.
pub struct Mistake {
    pub id: &'static str,
    pub text: String,
}

/// A language that may be spoken beside the main one.
pub struct Other {
    pub code: &'static str,
    pub name: &'static str,
    pub is_checked: bool,
}

impl SellerPage {
    /// The page of what is saved; [`SellerPage::with_form`] shows what was typed instead.
    pub fn new(shell: Shell, seller: &Seller, may_edit: bool) -> Self {
        let page = Self {
            shell,
            may_edit,
            is_default: seller.version == 0,
            form: SellerForm::default(),
            trouble: String::new(),
            mistakes: Vec::new(),
            languages: Vec::new(),
            others: Vec::new(),
            zones: if may_edit { chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()).collect() } else { Vec::new() },
            facts: facts(seller),
            logo: seller.logo.clone(),
            logo_mistake: String::new(),
            initial: seller.initial(),
        };
        page.with_form(SellerForm::of(seller, seller.version))
    }

    /// With what was typed.
    #[must_use]
    pub fn with_form(mut self, form: SellerForm) -> Self {
        self.mistakes = form.mistakes().into_iter().map(|(id, text)| Mistake { id, text: text.to_owned() }).collect();
        if !self.mistakes.is_empty() {
            self.trouble = "Nothing was saved yet".into();
        }
        let choice = |language: &Language| Choice {
            value: language.as_str().into(),
            label: language.both_names(),
            selected: language.as_str() == form.main_language.text,
        };
        self.languages = Language::ALL.iter().map(choice).collect();
        let other = |language: &Language| Other {
            code: language.as_str(),
            name: language.name(),
            is_checked: form.also.iter().any(|code| code == language.as_str()),
        };
        self.others = Language::ALL.iter().map(other).collect();
        self.form = form;
        self
    }

    /// With what is wrong with the picture.
    #[must_use]
    pub fn with_logo_mistake(self, mistake: String) -> Self {
        Self { logo_mistake: mistake, ..self }
    }

    /// With something that stands in the way of saving.
    #[must_use]
    pub fn with_trouble(self, trouble: String) -> Self {
        Self { trouble, ..self }
    }
}

fn facts(seller: &Seller) -> Vec<Fact> {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".into());
    let staff = if seller.staff_emails.is_empty() { "none".into() } else { seller.staff_emails.join(", ") };
    vec![
        Fact::text("Name", &seller.name),
        Fact::text("Mail", or_none(&seller.email)),
        Fact::text("Phone", or_none(&seller.phone)),
        Fact::text("Postal address", or_none(&seller.postal_address)),
        Fact::text("Privacy notice", or_none(&seller.privacy_url)),
        Fact::text("Staff told of new leads", staff),
        Fact::text("Time zone", seller.zone.name()),
        Fact::text("Currency", format!("{} · {}", seller.currency.code(), seller.currency.name())),
        Fact::text("Languages", seller.languages.iter().map(|language| language.name()).collect::<Vec<_>>().join(", ")),
    ]
}
