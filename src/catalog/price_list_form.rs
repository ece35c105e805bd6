//! The form of a list of prices.

use super::model::PriceListFacts;
use super::price_list_actions::Saved;
use crate::clock::UtcTime;
use crate::money::Currency;
use crate::web::field::{Mistake, line, optional};
use crate::web::{Field, Fields, Times};

const NAME_MAX: usize = 80;
const PRIORITY_MAX: i64 = 1_000;

/// The form as its page shows it.
#[derive(Clone, Debug, Default)]
pub struct PriceListForm {
    pub name: Field,
    /// Only while the list is not there yet: its prices are amounts in it.
    pub currency: Field,
    pub priority: Field,
    pub valid_from: Field,
    pub valid_until: Field,
    pub is_active: bool,
    pub is_default: bool,
    pub default_mistake: String,
    pub version: i64,
}

impl PriceListForm {
    /// Of a list that is not there yet.
    pub fn empty(currency: Currency) -> Self {
        Self { currency: Field::of(currency.code()), priority: Field::of("0"), is_active: true, ..Self::default() }
    }

    /// Of what is saved, or was understood of what was typed; times in the zone of the page.
    pub fn typed(facts: &PriceListFacts, version: i64, times: Times) -> Self {
        let moment = |at: Option<UtcTime>| Field::of(at.map(|at| times.input(at)).unwrap_or_default());
        Self {
            name: Field::of(&facts.name),
            currency: Field::of(facts.currency.code()),
            priority: Field::of(facts.priority.to_string()),
            valid_from: moment(facts.valid_from),
            valid_until: moment(facts.valid_until),
            is_active: facts.is_active,
            is_default: facts.is_default,
            version,
            ..Self::default()
        }
    }

    /// The same form with what another list has already.
    #[must_use]
    pub fn with_taken(mut self, taken: &Saved) -> Self {
        match taken {
            Saved::Done(_) => {}
            Saved::NameTaken => self.name.mistake = "Another price list has this name. Upper and lower case make no difference.".into(),
            Saved::DefaultTaken(other) => {
                self.default_mistake = format!("“{other}” is the default list in {} already. Change that one first.", self.currency.text);
            }
        }
        self
    }

    /// What was typed with the version it was typed over, or the form with every mistake. `fixed` is the currency of a list that
    /// is there already.
    pub fn parse(fields: &Fields, fixed: Option<Currency>, times: Times) -> Result<(PriceListFacts, i64), Box<Self>> {
        let mut form = Self {
            version: fields.text("version").parse().unwrap_or_default(),
            is_active: !fields.text("is_active").is_empty(),
            is_default: !fields.text("is_default").is_empty(),
            ..Self::default()
        };
        let name = form.name.read(fields, "name", name);
        let currency = match fixed {
            Some(currency) => {
                form.currency = Field::of(currency.code());
                Some(currency)
            }
            None => form.currency.read(fields, "currency", |text| Currency::parse(text).map_err(|mistake| mistake.to_string())),
        };
        let priority = form.priority.read(fields, "priority", priority);
        let moment = |text: &str| times.moment(text).ok_or_else(|| "Enter a day and a time, such as 2026-12-01T00:00.".to_owned());
        let valid_from = form.valid_from.read(fields, "valid_from", optional(moment));
        let valid_until = form.valid_until.read(fields, "valid_until", optional(moment));
        if let (Some(Some(from)), Some(Some(until))) = (valid_from, valid_until)
            && until <= from
        {
            form.valid_until.mistake = "The end is not after the beginning.".into();
            return Err(Box::new(form));
        }
        match (name, currency, priority, valid_from, valid_until) {
            (Some(name), Some(currency), Some(priority), Some(valid_from), Some(valid_until)) => {
                let (is_active, is_default) = (form.is_active, form.is_default);
                Ok((PriceListFacts { name, currency, priority, valid_from, valid_until, is_active, is_default }, form.version))
            }
            _ => Err(Box::new(form)),
        }
    }

    /// Each mistake with the id of its field, in the order of the page.
    pub fn mistakes(&self) -> Vec<Mistake> {
        let fields = [
            ("name", &self.name),
            ("currency", &self.currency),
            ("priority", &self.priority),
            ("valid_from", &self.valid_from),
            ("valid_until", &self.valid_until),
        ];
        let default = Field { text: String::new(), mistake: self.default_mistake.clone() };
        fields.into_iter().chain([("is_default", &default)]).filter_map(|(id, field)| Mistake::of(id, field)).collect()
    }
}

fn name(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("Enter a name, such as Retail 2027.".into()) } else { line(text, NAME_MAX, "A name") }
}

fn priority(text: &str) -> Result<i64, String> {
    let priority = text.parse().ok().filter(|priority| (-PRIORITY_MAX..=PRIORITY_MAX).contains(priority));
    priority.ok_or_else(|| format!("Enter a whole number from −{PRIORITY_MAX} to {PRIORITY_MAX}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_typed_in_the_zone_of_the_page_and_every_mistake_is_named() {
        let times = Times { zone: chrono_tz::Asia::Dubai, now: UtcTime::default() };
        let parse = |text: &str| PriceListForm::parse(&Fields::parse(text.as_bytes()).expect("a form"), None, times);
        let good = "name=Retail+2027&currency=aed&priority=5&valid_from=2027-01-01T00:00&is_active=on&version=2";
        let (facts, version) = parse(good).expect("no mistake");
        assert_eq!((facts.currency.code(), facts.priority, facts.is_default, version), ("AED", 5, false, 2));
        assert_eq!(facts.valid_from.map(|from| from.to_string()).as_deref(), Some("2026-12-31 20:00:00"));
        let form = parse("currency=XXX&priority=high&valid_from=soon&valid_until=2026-13-01T00:00").expect_err("wrong");
        let named: Vec<_> = form.mistakes().into_iter().map(|mistake| mistake.id).collect();
        assert_eq!(named, ["name", "currency", "priority", "valid_from", "valid_until"]);
        let form = parse("name=x&currency=AED&priority=0&valid_from=2027-01-01T00:00&valid_until=2027-01-01T00:00").expect_err("empty");
        assert_eq!(form.valid_until.mistake, "The end is not after the beginning.");
    }
}
