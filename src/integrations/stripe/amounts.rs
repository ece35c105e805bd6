//! Amounts as Stripe counts them (docs.stripe.com/currencies, read 2026-11): in the smallest unit of the currency, like ours, but for the
//! Icelandic króna and the Ugandan shilling, which have no decimals and are sent and told with two.

use crate::money::{Currency, Money};

/// Those that are counted with two decimals that they do not have.
const WITH_TWO_MORE: [&str; 2] = ["ISK", "UGX"];

/// Stripe cannot charge exactly this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} cannot be charged by card: the last of three decimals must be 0")]
pub struct NotChargeable(pub Money);

/// What is sent to charge this much.
pub fn charged(money: Money) -> Result<i64, NotChargeable> {
    match money.currency.exponent() {
        0 if WITH_TWO_MORE.contains(&money.currency.code()) => money.amount_minor.checked_mul(100).ok_or(NotChargeable(money)),
        3 if money.amount_minor % 10 != 0 => Err(NotChargeable(money)),
        _ => Ok(money.amount_minor),
    }
}

/// What an amount that Stripe tells is in our minor units; `code` in any case.
pub fn told(amount: i64, code: &str) -> i64 {
    let has_more = Currency::parse(code).is_ok_and(|currency| WITH_TWO_MORE.contains(&currency.code()));
    if has_more { amount / 100 } else { amount }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_sent_as_stripe_counts_them() {
        let sent = |amount, code| charged(Money::new(amount, Currency::from_code(code).expect("a currency")));
        assert_eq!((sent(1_050, "EUR"), sent(500, "JPY"), sent(5_120, "KWD")), (Ok(1_050), Ok(500), Ok(5_120)));
        assert_eq!((sent(5, "ISK"), sent(5, "UGX")), (Ok(500), Ok(500)));
        assert!(sent(5_124, "KWD").is_err() && sent(i64::MAX, "ISK").is_err());
        assert_eq!(
            sent(5_124, "KWD").map_err(|why| why.to_string()),
            Err("KWD\u{a0}5.124 cannot be charged by card: the last of three decimals must be 0".into())
        );
    }

    #[test]
    fn amounts_are_read_back_as_they_were_sent() {
        for (amount, code) in [(1_050, "EUR"), (500, "JPY"), (5_120, "KWD"), (5, "ISK"), (70_000, "UGX")] {
            let sent = charged(Money::new(amount, Currency::from_code(code).expect("a currency"))).expect("chargeable");
            assert_eq!(told(sent, &code.to_ascii_lowercase()), amount, "{code}");
        }
        assert_eq!(told(500, ""), 500);
    }
}
