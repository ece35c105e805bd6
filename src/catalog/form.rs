//! The forms of a product and of a price: what was typed, and everything that is wrong with it.

use super::model::{AMOUNT_MAX_MINOR, Kind, Names, PriceList, PriceListId, ProductFacts, QUANTITY_MAX, TaxClass, sku};
use super::queries::NewPrice;
use crate::money::{Currency, Money};
use crate::seller::Language;
use crate::web::field::{Mistake, line, optional, web_address};
use crate::web::{Field, Fields};

/// Characters of a name.
pub const NAME_MAX: usize = 200;
/// Characters of a category.
pub const CATEGORY_MAX: usize = 80;

/// The form of a product as its page shows it.
#[derive(Clone, Debug, Default)]
pub struct ProductForm {
    pub sku: Field,
    pub kind: Field,
    pub category: Field,
    pub image_url: Field,
    pub tax_class: Field,
    pub is_active: bool,
    /// Of every language.
    pub names: Vec<(Language, Field)>,
    pub version: i64,
}

impl ProductForm {
    /// Of a product that is not there yet.
    pub fn empty() -> Self {
        Self {
            kind: Field::of(Kind::Goods.as_str()),
            tax_class: Field::of(TaxClass::Standard.as_str()),
            is_active: true,
            names: Language::ALL.iter().map(|language| (*language, Field::default())).collect(),
            ..Self::default()
        }
    }

    /// Of what is saved.
    pub fn of(facts: &ProductFacts, version: i64) -> Self {
        let name = |language: &Language| facts.names.0.get(language).cloned().unwrap_or_default();
        Self {
            sku: Field::of(&facts.sku),
            kind: Field::of(facts.kind.as_str()),
            category: Field::of(facts.category.clone().unwrap_or_default()),
            image_url: Field::of(facts.image_url.clone().unwrap_or_default()),
            tax_class: Field::of(facts.tax_class.as_str()),
            is_active: facts.is_active,
            names: Language::ALL.iter().map(|language| (*language, Field::of(name(language)))).collect(),
            version,
        }
    }

    /// What was typed and the version it was typed over, or the form with every mistake.
    pub fn parse(fields: &Fields) -> Result<(ProductFacts, i64), Box<Self>> {
        let mut form = Self { version: version(fields), is_active: !fields.text("is_active").is_empty(), ..Self::default() };
        let sku = form.sku.read(fields, "sku", sku);
        let kind = form.kind.read(fields, "kind", |text| Kind::parse(text).ok_or_else(|| "Choose one of the kinds.".to_owned()));
        let category = form.category.read(fields, "category", optional(category));
        let image_url = form.image_url.read(fields, "image_url", optional(image_address));
        let tax = |text: &str| TaxClass::parse(text).ok_or_else(|| "Choose one of the tax classes.".to_owned());
        let tax_class = form.tax_class.read(fields, "tax_class", tax);
        let names = form.read_names(fields);
        match (sku, kind, category, image_url, tax_class, names) {
            (Some(sku), Some(kind), Some(category), Some(image_url), Some(tax_class), Some(names)) => {
                Ok((ProductFacts { sku, kind, category, image_url, is_active: form.is_active, tax_class, names }, form.version))
            }
            _ => Err(Box::new(form)),
        }
    }

    fn read_names(&mut self, fields: &Fields) -> Option<Names> {
        let mut read = Vec::new();
        for language in Language::ALL {
            let mut field = Field::default();
            read.push(field.read(fields, &name_field(*language), optional(name)).map(|name| name.map(|name| (*language, name))));
            self.names.push((*language, field));
        }
        let names: Names = read.into_iter().collect::<Option<Vec<_>>>()?.into_iter().flatten().collect();
        if names.0.is_empty()
            && let Some((_, field)) = self.names.first_mut()
        {
            field.mistake = "Enter a name in one language at least.".into();
            return None;
        }
        Some(names)
    }

    /// The same form with a SKU that another product has.
    #[must_use]
    pub fn with_sku_taken(mut self) -> Self {
        self.sku.mistake = "Another product has this SKU. Upper and lower case make no difference.".into();
        self
    }

    /// Each mistake with the id of its field, in the order of the page.
    pub fn mistakes(&self) -> Vec<Mistake> {
        let names = self.names.iter().map(|(language, field)| Mistake::of(&name_field(*language), field));
        let first = std::iter::once(Mistake::of("sku", &self.sku)).chain(names);
        let rest = [("kind", &self.kind), ("category", &self.category), ("tax_class", &self.tax_class), ("image_url", &self.image_url)];
        first.chain(rest.map(|(id, field)| Mistake::of(id, field))).flatten().collect()
    }
}

/// The form's field for the name in a language.
pub fn name_field(language: Language) -> String {
    format!("name_{}", language.as_str())
}

fn version(fields: &Fields) -> i64 {
    fields.text("version").parse().unwrap_or_default()
}

/// A name of a product.
pub fn name(text: &str) -> Result<String, String> {
    line(text, NAME_MAX, "A name")
}

/// A category.
pub fn category(text: &str) -> Result<String, String> {
    line(text, CATEGORY_MAX, "A category")
}

/// The address of a picture.
pub fn image_address(text: &str) -> Result<String, String> {
    web_address(text, "https://www.example.com/pictures/eq-e2.webp")
}

/// A price that can be set, in that currency.
pub fn amount(text: &str, currency: Currency) -> Result<i64, String> {
    let money = Money::parse(text, currency).map_err(|mistake| mistake.to_string())?;
    match money.amount_minor {
        ..0 => Err("A price is not below zero.".into()),
        amount_minor if amount_minor > AMOUNT_MAX_MINOR => Err(format!("A price is at most {}.", Money::new(AMOUNT_MAX_MINOR, currency))),
        amount_minor => Ok(amount_minor),
    }
}

/// The form of a price as a product's page shows it.
#[derive(Clone, Debug, Default)]
pub struct PriceForm {
    pub list: Field,
    pub min_quantity: Field,
    pub amount: Field,
}

impl PriceForm {
    /// Before anything is typed.
    pub fn empty() -> Self {
        Self { min_quantity: Field::of("1"), ..Self::default() }
    }

    /// The price that was typed with the version of the product it was typed over, or the form with every mistake.
    pub fn parse(fields: &Fields, lists: &[PriceList]) -> Result<(NewPrice, i64), Box<Self>> {
        let mut form = Self::default();
        let list = form.list.read(fields, "list", |text| {
            let id = text.parse().map(PriceListId).ok();
            lists.iter().find(|list| Some(list.id) == id).ok_or_else(|| "Choose the list that the price stands in.".to_owned())
        });
        let min_quantity = form.min_quantity.read(fields, "min_quantity", quantity);
        // Without its list an amount has no currency to be read in.
        let amount_minor = match list {
            Some(list) => form.amount.read(fields, "amount", |text| amount(text, list.currency)),
            None => form.amount.read(fields, "amount", |_| Ok(0)),
        };
        match (list, min_quantity, amount_minor) {
            (Some(list), Some(min_quantity), Some(amount_minor)) => {
                Ok((NewPrice { list: list.id, min_quantity, amount_minor }, version(fields)))
            }
            _ => Err(Box::new(form)),
        }
    }

    /// Each mistake with the id of its field.
    pub fn mistakes(&self) -> Vec<Mistake> {
        let fields = [("list", &self.list), ("min_quantity", &self.min_quantity), ("amount", &self.amount)];
        fields.into_iter().filter_map(|(id, field)| Mistake::of(id, field)).collect()
    }
}

/// How many somebody must take.
fn quantity(text: &str) -> Result<i64, String> {
    let quantity = text.parse().ok().filter(|quantity| (1..=QUANTITY_MAX).contains(quantity));
    quantity.ok_or_else(|| "Enter a whole number from 1 on.".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        Fields::parse(url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish().as_bytes()).expect("a form")
    }

    #[test]
    fn what_is_typed_well_becomes_facts_that_fill_the_same_form() {
        let typed = [
            ("sku", " EQ-E2 "),
            ("kind", "goods"),
            ("tax_class", "standard"),
            ("is_active", "on"),
            ("name_ar", "ماكينة"),
            ("name_en", "Espresso machine"),
            ("image_url", "https://example.com/e2.webp"),
            ("version", "3"),
        ];
        let (facts, version) = ProductForm::parse(&fields(&typed)).expect("no mistake");
        assert_eq!((facts.sku.as_str(), facts.category.as_deref(), version), ("EQ-E2", None, 3));
        assert_eq!(facts.names.first(), Some((Language::English, "Espresso machine")));
        let shown = ProductForm::of(&facts, version);
        assert_eq!((shown.sku.text.as_str(), shown.is_active, shown.mistakes().len()), ("EQ-E2", true, 0));
        assert_eq!(shown.names[4].1.text, "ماكينة");
    }

    #[test]
    fn every_mistake_is_named() {
        let typed = [("kind", "x"), ("category", &"x".repeat(81)), ("image_url", "javascript:alert(1)"), ("tax_class", "")];
        let form = ProductForm::parse(&fields(&typed)).expect_err("nothing here is right");
        let named: Vec<_> = form.mistakes().into_iter().map(|mistake| mistake.id).collect();
        assert_eq!(named, ["sku", "name_en", "kind", "category", "tax_class", "image_url"]);
    }

    #[test]
    fn a_price_is_read_in_the_currency_of_its_list() {
        let yen = Currency::from_code("JPY").expect("a currency");
        assert_eq!((amount("1,500", yen), amount("15.00", Currency::EUR)), (Ok(1_500), Ok(1_500)));
        assert_eq!(amount("-1", yen), Err("A price is not below zero.".to_owned()));
        assert!(amount("10000000000", Currency::EUR).expect_err("too much").starts_with("A price is at most"));
        let form = PriceForm::parse(&fields(&[("min_quantity", "0"), ("amount", "x")]), &[]).expect_err("wrong");
        assert_eq!(form.mistakes().len(), 2, "an amount cannot be wrong before its currency is known");
    }
}
