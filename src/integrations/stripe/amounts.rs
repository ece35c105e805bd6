//! Amounts as Stripe counts them (docs.stripe.com/currencies, read 2026-11): in the smallest unit of the currency, like ours, but for the
//! Icelandic króna and the Ugandan shilling, which have no decimals and are sent and told with two, and for the Malagasy ariary, which ISO
//! 4217 gives two decimals and Stripe none.

use crate::money::{Currency, Money};

/// Those that are counted with two decimals that they do not have.
const WITH_TWO_MORE: [&str; 2] = ["ISK", "UGX"];

/// Those that have two decimals and are counted without.
const WITH_TWO_LESS: [&str; 1] = ["MGA"];

/// Stripe cannot charge exactly this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} cannot be charged by card: Stripe counts this currency less finely, so its last decimals must be 0")]
pub struct NotChargeable(pub Money);

/// What is sent to charge this much.
pub fn charged(money: Money) -> Result<i64, NotChargeable> {
    match money.currency.exponent() {
        0 if WITH_TWO_MORE.contains(&money.currency.code()) => money.amount_minor.checked_mul(100).ok_or(NotChargeable(money)),
        2 if WITH_TWO_LESS.contains(&money.currency.code()) && money.amount_minor % 100 == 0 => Ok(money.amount_minor / 100),
        2 if WITH_TWO_LESS.contains(&money.currency.code()) => Err(NotChargeable(money)),
        3 if money.amount_minor % 10 != 0 => Err(NotChargeable(money)),
        _ => Ok(money.amount_minor),
    }
}

/// What an amount that Stripe tells is in our minor units; `code` in any case.
pub fn told(amount: i64, code: &str) -> i64 {
    match Currency::parse(code) {
        Ok(currency) if WITH_TWO_MORE.contains(&currency.code()) => amount / 100,
        Ok(currency) if WITH_TWO_LESS.contains(&currency.code()) => amount.saturating_mul(100),
        _ => amount,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_sent_as_stripe_counts_them() {
        let sent = |amount, code| charged(Money::new(amount, Currency::from_code(code).expect("a currency")));
        assert_eq!((sent(1_050, "EUR"), sent(500, "JPY"), sent(5_120, "KWD")), (Ok(1_050), Ok(500), Ok(5_120)));
        assert_eq!((sent(5, "ISK"), sent(5, "UGX")), (Ok(500), Ok(500)));
        assert_eq!((sent(500_000, "MGA"), sent(500_020, "MGA").is_err()), (Ok(5_000), true));
        assert!(sent(5_124, "KWD").is_err() && sent(i64::MAX, "ISK").is_err());
        assert_eq!(
            sent(5_124, "KWD").map_err(|why| why.to_string()),
            Err("KWD\u{a0}5.124 cannot be charged by card: Stripe counts this currency less finely, so its last decimals must be 0".into())
        );
    }

    /// docs.stripe.com/currencies, "Zero-decimal currencies", read 2026-11.
    #[test]
    fn what_stripe_counts_without_decimals_is_sent_so() {
        for code in ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"] {
            let currency = Currency::from_code(code).expect("a currency");
            let whole = Money::new((0..currency.exponent()).fold(7, |amount, _| amount * 10), currency);
            assert_eq!(charged(whole), Ok(7), "{code}");
        }
    }

    #[test]
    fn amounts_are_read_back_as_they_were_sent() {
        for (amount, code) in [(1_050, "EUR"), (500, "JPY"), (5_120, "KWD"), (5, "ISK"), (70_000, "UGX"), (500_000, "MGA")] {
            let sent = charged(Money::new(amount, Currency::from_code(code).expect("a currency"))).expect("chargeable");
            assert_eq!(told(sent, &code.to_ascii_lowercase()), amount, "{code}");
        }
        assert_eq!(told(500, ""), 500);
    }
}
