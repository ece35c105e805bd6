//! What the page of a product and the form for a new one show, as finished text.

use askama::Template;
use askama_web::WebTemplate;

use super::form::{PriceForm, ProductForm, name_field};
use super::list_views::{TextIn, state};
use super::model::{Kind, Offered, PriceList, ProductFacts, TaxClass};
use super::pricing::{Verdict, Weighed, Working, price_for};
use super::queries::Whole;
use crate::money::Currency;
use crate::seller::{Language, Seller};
use crate::web::field::Mistake;
use crate::web::parts::{Choice, Fact, Pill};
use crate::web::{Field, Fields, Shell, Stamp, Times, format};

/// The form for a product that is not there yet.
#[derive(Template, WebTemplate)]
#[template(path = "catalog/new.html")]
pub struct NewProduct {
    pub shell: Shell,
    pub form: FormParts,
    pub mistakes: Vec<Mistake>,
}

/// A product: what is known of it, and how its prices are found.
#[derive(Template, WebTemplate)]
#[template(path = "catalog/show.html")]
pub struct ProductShow {
    pub shell: Shell,
    pub id: i64,
    pub sku: String,
    pub title: TextIn,
    pub pill: Pill,
    pub may_edit: bool,
    pub version: i64,
    pub facts: Vec<Fact>,
    pub names: Vec<(&'static str, TextIn)>,
    pub image_url: String,
    pub changed: Stamp,
    pub quantity: i64,
    /// `1 piece`
    pub pieces: String,
    pub workings: Vec<CurrencyWorking>,
    pub form: FormParts,
    pub price: PriceForm,
    pub lists: Vec<Choice>,
    /// Why nothing was saved; empty where all is well.
    pub trouble: String,
    pub mistakes: Vec<Mistake>,
    languages: Vec<Language>,
}

/// The form of a product, as the template prints it.
pub struct FormParts {
    pub form: ProductForm,
    pub kinds: Vec<Choice>,
    pub tax_classes: Vec<Choice>,
    pub names: Vec<NamePart>,
}

/// The field for the name in one language.
pub struct NamePart {
    pub id: String,
    pub language: &'static str,
    pub lang: &'static str,
    pub dir: &'static str,
    pub field: Field,
}

impl FormParts {
    /// With fields for the languages that the seller speaks, and for those that have a name.
    fn of(form: ProductForm, spoken: &[Language]) -> Self {
        let is_shown =
            |(language, field): &&(Language, Field)| spoken.contains(language) || !field.text.is_empty() || !field.mistake.is_empty();
        let part = |(language, field): &(Language, Field)| NamePart {
            id: name_field(*language),
            language: language.name(),
            lang: language.as_str(),
            dir: language.direction().as_str(),
            field: field.clone(),
        };
        Self {
            kinds: Choice::among(Kind::ALL.iter().map(|kind| (kind.as_str(), kind.label())), &form.kind.text),
            tax_classes: Choice::among(TaxClass::ALL.iter().map(|class| (class.as_str(), class.label())), &form.tax_class.text),
            names: form.names.iter().filter(is_shown).map(part).collect(),
            form,
        }
    }
}

impl NewProduct {
    /// Puts the page together.
    pub fn new(shell: Shell, seller: &Seller, form: ProductForm) -> Self {
        Self { shell, mistakes: form.mistakes(), form: FormParts::of(form, &seller.languages) }
    }
}

/// What the page of a product is made of.
pub struct Shown {
    pub whole: Whole,
    pub facts: ProductFacts,
    pub lists: Vec<PriceList>,
    pub seller: Seller,
    pub quantity: i64,
    pub may_edit: bool,
}

/// How the price in one currency is found.
pub struct CurrencyWorking {
    pub currency: &'static str,
    /// The price of one; empty where there is none.
    pub price: String,
    pub rows: Vec<WorkingRow>,
}

/// A price, and what came of it.
pub struct WorkingRow {
    pub price_id: i64,
    pub list: String,
    pub list_id: i64,
    pub is_default: bool,
    /// `1`, `from 10`
    pub quantity: String,
    pub amount: String,
    pub pill: Pill,
    pub why: String,
}

impl ProductShow {
    /// Puts the page together.
    pub fn new(shell: Shell, shown: &Shown) -> Self {
        let (times, product, facts) = (shell.frame.times, &shown.whole.product, &shown.facts);
        Self {
            id: product.id.0,
            sku: product.sku.clone(),
            title: facts.names.first().map_or_else(|| TextIn::code(&product.sku), TextIn::of),
            pill: state(product.is_active),
            may_edit: shown.may_edit,
            version: product.version,
            facts: told(shown),
            names: facts.names.0.iter().map(|(language, name)| (language.name(), TextIn::of((*language, name)))).collect(),
            image_url: product.image_url.clone().unwrap_or_default(),
            changed: times.stamp(product.updated_at),
            quantity: shown.quantity,
            pieces: format::counted(shown.quantity, "piece", "pieces"),
            workings: workings(shown, times),
            form: FormParts::of(ProductForm::of(facts, product.version), &shown.seller.languages),
            price: PriceForm::empty(),
            lists: list_choices(&shown.lists),
            trouble: String::new(),
            mistakes: Vec::new(),
            languages: shown.seller.languages.clone(),
            shell,
        }
    }

    /// With what was typed of the product.
    #[must_use]
    pub fn with_form(mut self, form: ProductForm) -> Self {
        self.mistakes = form.mistakes();
        self.trouble = "Nothing was saved yet".into();
        self.form = FormParts::of(form, &self.languages);
        self
    }

    /// With what was typed over a product that somebody else has changed. Saving again replaces theirs.
    #[must_use]
    pub fn with_edit_conflict(self, typed: &ProductFacts, why: &str) -> Self {
        let form = ProductForm::of(typed, self.version);
        let trouble = format!("{why}. What you typed is still here: save again to replace theirs, or open the page anew to see theirs.");
        Self { trouble, ..self.with_form(form) }
    }

    /// With what was typed of a price.
    #[must_use]
    pub fn with_price_form(mut self, form: PriceForm) -> Self {
        self.mistakes = form.mistakes();
        self.trouble = "Nothing was saved yet".into();
        for choice in &mut self.lists {
            choice.selected = choice.value == form.list.text;
        }
        self.price = form;
        self
    }

    /// With a price that was not saved because somebody else has changed the product; its prices are shown as they are now.
    #[must_use]
    pub fn with_price_conflict(self, typed: &Fields, why: &str) -> Self {
        let form = PriceForm {
            list: Field::of(typed.text("list")),
            min_quantity: Field::of(if typed.text("min_quantity").is_empty() { "1" } else { typed.text("min_quantity") }),
            amount: Field::of(typed.text("amount")),
        };
        let trouble = format!("{why}. Nothing was saved; the prices below are the current ones.");
        Self { trouble, ..self.with_price_form(form) }
    }
}

fn list_choices(lists: &[PriceList]) -> Vec<Choice> {
    let label = |list: &PriceList| format!("{} · {}{}", list.currency, list.name, if list.is_active { "" } else { " (switched off)" });
    lists.iter().map(|list| Choice { value: list.id.to_string(), label: label(list), selected: false }).collect()
}

fn told(shown: &Shown) -> Vec<Fact> {
    let (product, facts) = (&shown.whole.product, &shown.facts);
    let mut told = vec![
        Fact::code("SKU", &facts.sku),
        Fact::text("Kind", facts.kind.label()),
        Fact::text("Category", facts.category.as_deref().unwrap_or("none")),
        Fact::text("Tax class", facts.tax_class.label()),
        Fact::text("Came", product.source.label()),
    ];
    told.extend(product.zoho_item_id.as_ref().map(|id| Fact::code("Zoho item", id)));
    told
}

fn workings(shown: &Shown, times: Times) -> Vec<CurrencyWorking> {
    let Whole { product, offered, .. } = &shown.whole;
    let mut currencies: Vec<Currency> = offered.iter().map(|offered| offered.list.currency).collect();
    currencies.sort_unstable();
    currencies.dedup();
    let working = |currency: Currency| {
        let working = price_for(product.is_active, offered, currency, (shown.quantity, times.now));
        CurrencyWorking {
            currency: currency.code(),
            price: working.unit().map(|unit| unit.to_string()).unwrap_or_default(),
            rows: working.weighed.iter().map(|weighed| row(&working, weighed, times)).collect(),
        }
    };
    currencies.into_iter().map(working).collect()
}

fn row(working: &Working, weighed: &Weighed, times: Times) -> WorkingRow {
    let Offered { price, list } = &weighed.offered;
    let label = match weighed.verdict {
        Verdict::Won => "Applies",
        Verdict::Begins(_) => "Later",
        Verdict::Ended(_) => "Ended",
        Verdict::ListIsOff | Verdict::NotSold => "Switched off",
        Verdict::ForMore(_) => "For more",
        _ => "Outranked",
    };
    WorkingRow {
        price_id: price.id.0,
        list: list.name.clone(),
        list_id: list.id.0,
        is_default: list.is_default,
        quantity: if price.min_quantity == 1 { "1".into() } else { format!("from {}", format::number(price.min_quantity)) },
        amount: weighed.offered.unit().amount(),
        pill: Pill::of(label),
        why: why(working.winner.as_ref(), &weighed.verdict, times),
    }
}

/// Why a price won or lost, in a sentence.
fn why(winner: Option<&Offered>, verdict: &Verdict, times: Times) -> String {
    let winner = winner.map_or("the list that applies", |winner| winner.list.name.as_str());
    match verdict {
        Verdict::Won => "Of the lists that count, it comes first.".into(),
        Verdict::NotSold => "The product is switched off, so it has no price.".into(),
        Verdict::ListIsOff => "The list is switched off.".into(),
        Verdict::Begins(from) => format!("The list begins {}.", times.exact(*from).text),
        Verdict::Ended(until) => format!("The list ended {}.", times.exact(*until).text),
        Verdict::ForMore(least) => format!("It is for {} at least.", format::counted(*least, "piece", "pieces")),
        Verdict::LargerQuantity(least) => format!("The same list has a price from {} pieces on, which is reached.", format::number(*least)),
        Verdict::DefaultYields => format!("It is the default list, which yields to any other: {winner} prices it."),
        Verdict::LowerPriority { own, winner: other } => format!("{winner} has the higher priority: {other} over {own}."),
        Verdict::EarlierBeginning => format!("{winner} has the same priority and began later."),
        Verdict::HigherNumber => format!("{winner} is like it in everything, and older."),
    }
}
