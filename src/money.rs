//! Amounts of money: whole minor units with their currency, never a float. How they are read from what people type and how they
//! are written on pages; rules of one provider (Stripe's króna, say) belong to that provider's client.

mod typed;

pub use typed::AmountMistake;

use std::fmt;

use iso_currency::Currency as Iso;

/// A currency that prices can have: of ISO 4217, without funds, metals and the codes for tests.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Currency(Iso);

/// The text is no currency that prices can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("This is no currency. Enter its three letters, such as AED.")]
pub struct NoCurrency;

impl Currency {
    pub const EUR: Self = Self(Iso::EUR);
    pub const USD: Self = Self(Iso::USD);

    /// Reads a code as it is stored: `AED`.
    pub fn from_code(code: &str) -> Option<Self> {
        Iso::from_code(code).map(Self).filter(|currency| currency.can_price())
    }

    /// Reads a code as people type it.
    pub fn parse(text: &str) -> Result<Self, NoCurrency> {
        Self::from_code(&text.trim().to_ascii_uppercase()).ok_or(NoCurrency)
    }

    /// Every currency, by its code.
    pub fn all() -> Vec<Self> {
        let mut all: Vec<Self> = (0..1_000).filter_map(Iso::from_numeric).map(Self).filter(|currency| currency.can_price()).collect();
        all.sort_by_key(|currency| currency.code());
        all
    }

    /// Its three letters.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Its name in English.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// How many decimals its amounts have: 2 for most, 0 for JPY, 3 for KWD.
    pub fn exponent(self) -> usize {
        usize::from(self.0.exponent().unwrap_or_default())
    }

    fn can_price(self) -> bool {
        self.0.exponent().is_some() && !self.0.is_special() && !self.0.is_fund()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.code().to_owned()
    }
}

impl TryFrom<String> for Currency {
    type Error = NoCurrency;

    fn try_from(code: String) -> Result<Self, NoCurrency> {
        Self::from_code(&code).ok_or(NoCurrency)
    }
}

/// An amount in minor units (fils, cents; whole yen) of a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Money {
    pub amount_minor: i64,
    pub currency: Currency,
}

/// Why two amounts, or an amount and a number, make no third.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArithmeticError {
    #[error("amounts in {0} and {1} cannot be added up")]
    Currencies(Currency, Currency),
    #[error("the amount in {0} is larger than can be stored")]
    Overflow(Currency),
}

impl Money {
    /// So many minor units.
    pub const fn new(amount_minor: i64, currency: Currency) -> Self {
        Self { amount_minor, currency }
    }

    /// Nothing, in this currency.
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// The sum with an amount in the same currency.
    pub fn checked_add(self, other: Self) -> Result<Self, ArithmeticError> {
        self.with(other, i64::checked_add)
    }

    /// What is left without an amount in the same currency.
    pub fn checked_sub(self, other: Self) -> Result<Self, ArithmeticError> {
        self.with(other, i64::checked_sub)
    }

    /// So many times this amount.
    pub fn checked_mul(self, count: i64) -> Result<Self, ArithmeticError> {
        let amount_minor = self.amount_minor.checked_mul(count).ok_or(ArithmeticError::Overflow(self.currency))?;
        Ok(Self { amount_minor, ..self })
    }

    /// The sum of amounts that all are in this currency.
    pub fn checked_sum(currency: Currency, amounts: impl IntoIterator<Item = Self>) -> Result<Self, ArithmeticError> {
        amounts.into_iter().try_fold(Self::zero(currency), Self::checked_add)
    }

    fn with(self, other: Self, act: impl Fn(i64, i64) -> Option<i64>) -> Result<Self, ArithmeticError> {
        if self.currency != other.currency {
            return Err(ArithmeticError::Currencies(self.currency, other.currency));
        }
        let amount_minor = act(self.amount_minor, other.amount_minor).ok_or(ArithmeticError::Overflow(self.currency))?;
        Ok(Self { amount_minor, ..self })
    }

    /// The amount alone, for tables whose column names the currency: `14,385.00`.
    pub fn amount(self) -> String {
        let (whole, decimals) = self.digits();
        let sign = if self.amount_minor < 0 { "−" } else { "" };
        format!("{sign}{}{decimals}", grouped(&whole))
    }

    /// The amount for programs and for fields that are typed over: `14385.00`, with a hyphen for a minus.
    pub fn plain(self) -> String {
        let (whole, decimals) = self.digits();
        let sign = if self.amount_minor < 0 { "-" } else { "" };
        format!("{sign}{whole}{decimals}")
    }

    /// The digits before the point, and the point with those after it; nothing where the currency has no decimals.
    fn digits(self) -> (String, String) {
        let exponent = self.currency.exponent();
        let digits = format!("{:0>width$}", self.amount_minor.unsigned_abs(), width = exponent + 1);
        let (whole, decimals) = digits.split_at(digits.len() - exponent);
        (whole.to_owned(), if exponent == 0 { String::new() } else { format!(".{decimals}") })
    }
}

/// `AED 14,385.00`, with a space that does not break.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}\u{a0}{}", self.currency, self.amount()))
    }
}

/// Digits in groups of three: `12,481`.
pub fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn currency() -> impl Strategy<Value = Currency> {
        proptest::sample::select(Currency::all())
    }

    fn money(amount_minor: i64, code: &str) -> Money {
        Money::new(amount_minor, Currency::from_code(code).expect("a currency"))
    }

    #[test]
    fn amounts_have_the_decimals_of_their_currency() {
        let shown = [(1_438_500, "AED"), (5, "EUR"), (1_500, "JPY"), (0, "JPY"), (12_345, "KWD"), (-1_234_567, "USD"), (i64::MIN, "EUR")];
        assert_eq!(
            shown.map(|(amount_minor, code)| money(amount_minor, code).to_string().replace('\u{a0}', " ")),
            ["AED 14,385.00", "EUR 0.05", "JPY 1,500", "JPY 0", "KWD 12.345", "USD −12,345.67", "EUR −92,233,720,368,547,758.08"]
        );
        assert_eq!(money(-1_234_567, "USD").plain(), "-12345.67");
    }

    #[test]
    fn only_what_can_be_a_price_is_a_currency() {
        assert_eq!(["XXX", "XTS", "XAU", "XAD", "CLF", "USN", "AAA", "", "eur"].map(Currency::from_code), [None; 9]);
        assert_eq!(Currency::parse(" eur "), Ok(Currency::EUR));
        assert_eq!(Currency::parse("€"), Err(NoCurrency));
        let codes: Vec<_> = Currency::all().iter().map(|currency| currency.code()).collect();
        assert!(codes.len() > 140 && codes.is_sorted() && codes.contains(&"AED"), "{codes:?}");
    }

    #[test]
    fn different_currencies_are_never_added_and_nothing_wraps_around() {
        let (aed, usd) = (money(100, "AED"), money(100, "USD"));
        assert_eq!(aed.checked_add(usd), Err(ArithmeticError::Currencies(aed.currency, usd.currency)));
        assert_eq!(money(i64::MAX, "USD").checked_add(money(1, "USD")), Err(ArithmeticError::Overflow(usd.currency)));
        assert_eq!(money(i64::MIN, "USD").checked_sub(money(1, "USD")), Err(ArithmeticError::Overflow(usd.currency)));
        assert_eq!(money(i64::MAX / 2, "USD").checked_mul(3), Err(ArithmeticError::Overflow(usd.currency)));
        assert_eq!(Money::checked_sum(usd.currency, [usd, usd]), Ok(money(200, "USD")));
        assert_eq!(Money::checked_sum(usd.currency, [usd, aed]), Err(ArithmeticError::Currencies(usd.currency, aed.currency)));
    }

    #[test]
    fn it_is_kept_as_json_without_a_float() {
        let kept = serde_json::to_string(&money(1_438_500, "AED")).expect("JSON");
        assert_eq!(kept, r#"{"amount_minor":1438500,"currency":"AED"}"#);
        assert_eq!(serde_json::from_str::<Money>(&kept).expect("reads back"), money(1_438_500, "AED"));
        assert!(serde_json::from_str::<Money>(r#"{"amount_minor":1,"currency":"XXX"}"#).is_err());
        assert!(serde_json::from_str::<Money>(r#"{"amount_minor":1.5,"currency":"AED"}"#).is_err());
    }

    proptest! {
        #[test]
        fn what_was_added_can_be_taken_away(a: i64, b: i64, currency in currency()) {
            let (a, b) = (Money::new(a, currency), Money::new(b, currency));
            if let Ok(sum) = a.checked_add(b) {
                prop_assert_eq!(sum.checked_sub(b), Ok(a));
                prop_assert_eq!(Money::checked_sum(currency, [b, a]), Ok(sum));
            }
        }

        #[test]
        fn so_many_times_is_so_many_added(amount in -1_000_000_000i64..1_000_000_000, count in 0i64..50, currency in currency()) {
            let one = Money::new(amount, currency);
            let times = usize::try_from(count).expect("small");
            prop_assert_eq!(one.checked_mul(count), Money::checked_sum(currency, std::iter::repeat_n(one, times)));
        }
    }
}
