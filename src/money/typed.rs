//! Reads amounts as people type them and as spreadsheets write them. What can mean two amounts is refused, never guessed.

use super::{Currency, Money};

/// Why a text is no amount, as its writer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountMistake {
    #[error("Enter an amount.")]
    Empty,
    #[error("This is no amount. Write digits, and a point before the decimals, such as {0}.")]
    NotANumber(Example),
    #[error("This names another currency; here amounts are in {0}.")]
    OtherCurrency(Currency),
    #[error("Amounts in {} have {}. Write it such as {}.", .0.currency(), .0.decimals(), .0)]
    TooManyDecimals(Example),
    #[error("This can be read in two ways. Write it without a sign between thousands, and a point before the decimals, such as {0}.")]
    Ambiguous(Example),
    #[error("This amount is larger than can be stored.")]
    TooLarge,
}

/// Writes an amount of the currency as it is best typed: `1234.50`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example(Currency);

impl std::fmt::Display for Example {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(["1234", "1234.5", "1234.50", "1234.500"].get(self.0.exponent()).unwrap_or(&"1234"))
    }
}

impl Example {
    fn currency(&self) -> Currency {
        self.0
    }

    fn decimals(&self) -> String {
        match self.0.exponent() {
            0 => "no decimals".into(),
            exponent => format!("{exponent} decimals"),
        }
    }
}

impl Money {
    /// Reads `14385`, `14,385.00`, `14.385,00`, `14 385,00`, `AED 14,385.00`, also with Arabic digits. A point or comma that
    /// stands alone before three digits groups thousands if it is a comma, and is refused if it is a point; in a currency with
    /// three decimals the comma is refused there and the point begins the decimals.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, AmountMistake> {
        let text = without_code(text.trim(), currency)?;
        if text.is_empty() {
            return Err(AmountMistake::Empty);
        }
        let (sign, text) = text.strip_prefix(['-', '−']).map_or(("", text), |rest| ("-", rest.trim_start()));
        let not_a_number = AmountMistake::NotANumber(Example(currency));
        let number: String = text.chars().map(western).collect::<Option<_>>().ok_or(not_a_number)?;
        let (whole, fraction) = match decimal_sign(&number, currency)?.and_then(|sign| number.rsplit_once(sign)) {
            Some((_, fraction)) if fraction.is_empty() || !all_digits(fraction) => return Err(not_a_number),
            Some(("", fraction)) => ("0", fraction),
            Some(parts) => parts,
            None => (number.as_str(), ""),
        };
        let whole = ungrouped(whole).ok_or(not_a_number)?;
        let decimals = fitting(fraction, currency)?;
        let amount_minor = format!("{sign}{whole}{decimals}").parse().map_err(|_| AmountMistake::TooLarge)?;
        Ok(Self { amount_minor, currency })
    }
}

/// The text without the currency's own code before or behind it.
fn without_code(text: &str, currency: Currency) -> Result<&str, AmountMistake> {
    let is_code = |part: &&str| Currency::parse(part).is_ok();
    let before = text.get(..3).filter(is_code).map(|code| (code, &text[3..]));
    let behind = || {
        let start = text.len().checked_sub(3)?;
        text.get(start..).filter(is_code).map(|code| (code, &text[..start]))
    };
    match before.or_else(behind) {
        Some((code, number)) if code.eq_ignore_ascii_case(currency.code()) => Ok(number.trim()),
        Some(_) => Err(AmountMistake::OtherCurrency(currency)),
        None => Ok(text),
    }
}

/// Western digits, points and commas; an apostrophe for every sign that can only stand between thousands.
fn western(c: char) -> Option<char> {
    let digit = |zero: char| char::from_digit(u32::from(c) - u32::from(zero), 10);
    match c {
        '0'..='9' | '.' | ',' => Some(c),
        '٠'..='٩' => digit('٠'),
        '۰'..='۹' => digit('۰'),
        '٫' => Some('.'),
        '٬' | '\'' | '’' | ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}' => Some('\''),
        _ => None,
    }
}

/// Which sign begins the decimals, if one does.
fn decimal_sign(number: &str, currency: Currency) -> Result<Option<char>, AmountMistake> {
    let count = |sign: char| number.matches(sign).count();
    match (count('.'), count(',')) {
        (1, 0) => Ok(Some('.')),
        (0, 1) => {
            let is_before_three = number.rsplit_once(',').is_some_and(|(_, rest)| rest.len() == 3);
            match (is_before_three, currency.exponent()) {
                (true, 3) => Err(AmountMistake::Ambiguous(Example(currency))),
                (true, _) => Ok(None),
                (false, _) => Ok(Some(',')),
            }
        }
        // One sign, more than once: it groups.
        (_, 0) | (0, _) => Ok(None),
        // Both: the last begins the decimals, and must be alone; `ungrouped` sees to that.
        _ => Ok(number.chars().rev().find(|c| matches!(c, '.' | ','))),
    }
}

/// The digits of a whole number whose thousands may be apart, all by the same sign.
fn ungrouped(whole: &str) -> Option<String> {
    let Some(sign) = whole.chars().find(|c| !c.is_ascii_digit()) else {
        return all_digits(whole).then(|| whole.to_owned());
    };
    let mut groups = whole.split(sign);
    let first = groups.next()?;
    let is_grouped =
        first.len() <= 3 && !first.starts_with('0') && all_digits(first) && groups.all(|group| group.len() == 3 && all_digits(group));
    is_grouped.then(|| whole.replace(sign, ""))
}

/// The decimals, filled up to as many as the currency has.
fn fitting(fraction: &str, currency: Currency) -> Result<String, AmountMistake> {
    let exponent = currency.exponent();
    let (kept, rest) = fraction.split_at(fraction.len().min(exponent));
    // Spreadsheets fill up with zeros. Exactly three digits may be thousands, of somebody who groups them by points.
    let is_filling = rest.bytes().all(|digit| digit == b'0') && fraction.len() != 3;
    if !rest.is_empty() && !is_filling {
        return Err(AmountMistake::TooManyDecimals(Example(currency)));
    }
    Ok(format!("{kept:0<exponent$}"))
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &str, code: &str) -> Result<i64, String> {
        let currency = Currency::from_code(code).expect("a currency");
        Money::parse(text, currency).map(|money| money.amount_minor).map_err(|mistake| mistake.to_string())
    }

    #[test]
    fn people_write_amounts_in_many_ways() {
        for text in [
            "14385",
            "14385.00",
            "14,385.00",
            "14.385,00",
            "14 385,00",
            "14\u{202f}385,00",
            "14'385.00",
            "14’385.0",
            "AED 14,385.00",
            "14385 aed",
            "aed14385",
            "AED\u{a0}14,385.00",
            "14,385",
            "14385,0",
            "14385.0000",
            "١٤٬٣٨٥٫٠٠",
            "۱۴۳۸۵",
        ] {
            assert_eq!(parsed(text, "AED"), Ok(1_438_500), "{text}");
        }
        assert_eq!(
            ["1,234,567", "1.234.567", "1.234.567,5", "1,234,567.5"].map(|text| parsed(text, "EUR")),
            [Ok(123_456_700), Ok(123_456_700), Ok(123_456_750), Ok(123_456_750)]
        );
        assert_eq!(
            [".5", "0,05", "-3", "− 3.10", "EUR −3.10"].map(|text| parsed(text, "EUR")),
            [Ok(50), Ok(5), Ok(-300), Ok(-310), Ok(-310)]
        );
        assert_eq!(["1500", "1,500", "1500.00"].map(|text| parsed(text, "JPY")), [Ok(1_500), Ok(1_500), Ok(1_500)]);
        assert_eq!(
            ["1.5", "1.500", "1500,25", "1,500.250"].map(|text| parsed(text, "KWD")),
            [Ok(1_500), Ok(1_500), Ok(1_500_250), Ok(1_500_250)]
        );
    }

    #[test]
    fn what_is_no_amount_is_refused_in_words() {
        let refused = |text, code| parsed(text, code).expect_err(text);
        for text in [
            "abc",
            "1,23,4",
            "12,34.5.6",
            "1 2345",
            "0,500",
            "1234,500",
            "1'234.567,89",
            "1-",
            "--1",
            "5.",
            "1e3",
            "٣x",
            ",",
            "€5",
            "1 .5",
            ".",
            "-",
        ] {
            assert_eq!(
                refused(text, "EUR"),
                "This is no amount. Write digits, and a point before the decimals, such as 1234.50.",
                "{text}"
            );
        }
        assert_eq!(refused("", "EUR"), "Enter an amount.");
        assert_eq!(refused("EUR ", "EUR"), "Enter an amount.");
        assert_eq!(refused("USD 5", "EUR"), "This names another currency; here amounts are in EUR.");
        assert_eq!(refused("1.500", "EUR"), "Amounts in EUR have 2 decimals. Write it such as 1234.50.");
        assert_eq!(refused("1.234", "EUR"), "Amounts in EUR have 2 decimals. Write it such as 1234.50.");
        assert_eq!(refused("1.5", "JPY"), "Amounts in JPY have no decimals. Write it such as 1234.");
        assert!(refused("1,500", "KWD").starts_with("This can be read in two ways."));
        assert_eq!(refused("92233720368547758.08", "EUR"), "This amount is larger than can be stored.");
    }

    proptest! {
        #[test]
        fn what_we_write_reads_back(amount_minor: i64, currency in proptest::sample::select(Currency::all())) {
            let money = Money::new(amount_minor, currency);
            for text in [money.to_string(), money.amount(), money.plain(), format!("{} {currency}", money.plain())] {
                prop_assert_eq!(Money::parse(&text, currency), Ok(money), "{}", text);
            }
        }

        #[test]
        fn other_text_is_refused_quietly(text in "[0-9.,' ٠-٩A-Z−-]{0,14}|.{0,20}", currency in proptest::sample::select(Currency::all())) {
            if let Ok(money) = Money::parse(&text, currency) {
                prop_assert_eq!(Money::parse(&money.to_string(), currency), Ok(money));
            }
        }
    }
}
