//! The one rule by which a price is found. Pure: the same rows give the same winner, in whatever order they come.
//!
//! Only lists count that are switched on, hold at that moment, are in that currency and price the product for that quantity.
//! Among them: any other list before the default one; then the higher priority; then the later beginning; then the lower number.
//! Within a list, the price for the largest quantity that is reached. A product that is switched off has no price.

use std::cmp::Reverse;

use super::model::{Offered, PriceListId};
use crate::clock::UtcTime;
use crate::money::{Currency, Money};

/// How a price was found: what won, and every price that could have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Working {
    pub winner: Option<Offered>,
    /// Of that currency, best first: those that counted, then those that did not.
    pub weighed: Vec<Weighed>,
    /// False: the product is switched off, so nothing has won.
    pub is_sold: bool,
}

/// One price, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weighed {
    pub offered: Offered,
    pub verdict: Verdict,
}

/// Why a price won or lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Won,
    /// The product is switched off; else it would have won or lost by the rule.
    NotSold,
    ListIsOff,
    /// Its list begins later.
    Begins(UtcTime),
    /// Its list has ended.
    Ended(UtcTime),
    /// It is for so many at least.
    ForMore(i64),
    /// Another price of the same list is for a larger quantity that is reached.
    LargerQuantity(i64),
    /// It stands in the default list, and another list prices the product.
    DefaultYields,
    LowerPriority {
        own: i64,
        winner: i64,
    },
    /// The winner's list began later.
    EarlierBeginning,
    /// All else is equal: the older list wins.
    HigherNumber,
}

impl Working {
    /// The price of one.
    pub fn unit(&self) -> Option<Money> {
        self.winner.as_ref().map(Offered::unit)
    }
}

/// Finds the price of a product in a currency, for somebody who takes `quantity` at that moment. `offered` are its prices in
/// any order; those in other currencies are left aside.
pub fn price_for(is_sold: bool, offered: &[Offered], currency: Currency, (quantity, at): (i64, UtcTime)) -> Working {
    let mut prices: Vec<(Option<Verdict>, &Offered)> =
        offered.iter().filter(|price| price.list.currency == currency).map(|price| (obstacle(price, quantity, at), price)).collect();
    prices.sort_by_key(|(obstacle, price)| (obstacle.is_some(), rank(price)));
    let best = prices.first().filter(|(obstacle, _)| obstacle.is_none()).map(|(_, price)| *price);
    let weigh = |(obstacle, price): (Option<Verdict>, &Offered)| Weighed {
        verdict: match (obstacle, best) {
            (Some(obstacle), _) => obstacle,
            (None, _) if !is_sold => Verdict::NotSold,
            (None, Some(best)) => against(price, best),
            (None, None) => Verdict::NotSold,
        },
        offered: price.clone(),
    };
    Working { winner: best.filter(|_| is_sold).cloned(), weighed: prices.into_iter().map(weigh).collect(), is_sold }
}

/// Why a price does not count at all.
fn obstacle(offered: &Offered, quantity: i64, at: UtcTime) -> Option<Verdict> {
    let list = &offered.list;
    if !list.is_active {
        return Some(Verdict::ListIsOff);
    }
    if let Some(from) = list.valid_from.filter(|from| at < *from) {
        return Some(Verdict::Begins(from));
    }
    if let Some(until) = list.valid_until.filter(|until| at >= *until) {
        return Some(Verdict::Ended(until));
    }
    (quantity < offered.price.min_quantity).then_some(Verdict::ForMore(offered.price.min_quantity))
}

/// The smaller wins. No two prices of a product have the same: a list has one for each quantity.
fn rank(offered: &Offered) -> (bool, Reverse<i64>, Reverse<Option<UtcTime>>, PriceListId, Reverse<i64>) {
    let list = &offered.list;
    // A list without a beginning has begun before all others: None is less than any time.
    (list.is_default, Reverse(list.priority), Reverse(list.valid_from), list.id, Reverse(offered.price.min_quantity))
}

/// The first part of the rule by which they differ.
fn against(price: &Offered, best: &Offered) -> Verdict {
    let (list, winner) = (&price.list, &best.list);
    if list.id == winner.id {
        return if price.price.min_quantity == best.price.min_quantity {
            Verdict::Won
        } else {
            Verdict::LargerQuantity(best.price.min_quantity)
        };
    }
    if list.is_default != winner.is_default {
        return Verdict::DefaultYields;
    }
    if list.priority != winner.priority {
        return Verdict::LowerPriority { own: list.priority, winner: winner.priority };
    }
    if list.valid_from == winner.valid_from { Verdict::HigherNumber } else { Verdict::EarlierBeginning }
}

#[cfg(test)]
#[path = "pricing_tests.rs"]
mod tests;
