//! Writes JSON whose amounts are the decimal text they were made from: no float in between.

use crate::money::Money;

/// The members of an object, each finished.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(Vec<String>);

impl Fields {
    /// A text.
    pub(super) fn text(self, name: &str, value: &str) -> Self {
        self.raw(name, &quoted(value))
    }

    /// A text, where there is one.
    pub(super) fn text_if(self, name: &str, value: Option<&str>) -> Self {
        match value.filter(|value| !value.is_empty()) {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    /// `51.20` for 5120 cents.
    pub(super) fn amount(self, name: &str, amount: Money) -> Self {
        self.raw(name, &amount.plain())
    }

    /// A whole number.
    pub(super) fn number(self, name: &str, number: i64) -> Self {
        self.raw(name, &number.to_string())
    }

    /// Yes.
    pub(super) fn yes(self, name: &str) -> Self {
        self.raw(name, "true")
    }

    /// A list of objects.
    pub(super) fn list(self, name: &str, items: &[Self]) -> Self {
        let items: Vec<String> = items.iter().map(Self::json).collect();
        self.raw(name, &format!("[{}]", items.join(",")))
    }

    /// The object.
    pub(super) fn json(&self) -> String {
        format!("{{{}}}", self.0.join(","))
    }

    fn raw(mut self, name: &str, json: &str) -> Self {
        self.0.push(format!("{}:{json}", quoted(name)));
        self
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;

    #[test]
    fn amounts_are_written_as_they_are_and_texts_are_escaped() {
        let money = |minor, code: &str| Money::new(minor, Currency::from_code(code).expect("a currency"));
        let line = Fields::default().text("name", "A \"b\"\n").number("quantity", 2).amount("rate", money(5_120, "EUR"));
        let whole =
            Fields::default().amount("yen", money(5_000, "JPY")).amount("dinar", money(5_125, "KWD")).yes("is").list("lines", &[line]);
        let expected = r#"{"yen":5000,"dinar":5.125,"is":true,"lines":[{"name":"A \"b\"\n","quantity":2,"rate":51.20}]}"#;
        assert_eq!(whole.json(), expected);
        assert!(serde_json::from_str::<serde_json::Value>(&whole.json()).is_ok());
        assert_eq!(Fields::default().amount("large", money(i64::MAX, "EUR")).json(), r#"{"large":92233720368547758.07}"#);
    }
}
