//! The rule of prices: each part of it by name, and that there is one winner whatever the order.

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::catalog::model::{Price, PriceId, PriceList, ProductId, Source};

const EURO: Currency = Currency::EUR;

fn at(hours: i64) -> UtcTime {
    UtcTime::default() + TimeDelta::hours(hours)
}

/// A price of 100 times the list's number, for one.
fn offered(list: i64, change: impl FnOnce(&mut PriceList, &mut Price)) -> Offered {
    let mut price =
        Price { id: PriceId(list), product_id: ProductId(1), price_list_id: PriceListId(list), min_quantity: 1, amount_minor: list * 100 };
    let mut list = PriceList {
        id: PriceListId(list),
        name: format!("List {list}"),
        currency: EURO,
        priority: 0,
        valid_from: None,
        valid_until: None,
        is_active: true,
        is_default: false,
        source: Source::Manual,
        zoho_pricebook_id: None,
        version: 1,
        created_at: at(0),
        updated_at: at(0),
    };
    change(&mut list, &mut price);
    Offered { price, list }
}

fn verdicts(offered: &[Offered], quantity: i64, hours: i64) -> Vec<(i64, Verdict)> {
    let working = price_for(true, offered, EURO, (quantity, at(hours)));
    working.weighed.into_iter().map(|weighed| (weighed.offered.price.amount_minor, weighed.verdict)).collect()
}

#[test]
fn each_part_of_the_rule_decides_where_those_before_it_are_equal() {
    let default = offered(1, |list, _| (list.is_default, list.priority) = (true, 99));
    let plain = offered(2, |_, _| {});
    let high = offered(3, |list, _| list.priority = 5);
    let late = offered(4, |list, _| (list.priority, list.valid_from) = (5, Some(at(-1))));
    let later = offered(5, |list, _| (list.priority, list.valid_from) = (5, Some(at(0))));
    let same = offered(6, |list, _| (list.priority, list.valid_from) = (5, Some(at(0))));
    assert_eq!(verdicts(&[default.clone(), plain.clone()], 1, 0), [(200, Verdict::Won), (100, Verdict::DefaultYields)]);
    assert_eq!(verdicts(&[plain, high.clone()], 1, 0), [(300, Verdict::Won), (200, Verdict::LowerPriority { own: 0, winner: 5 })]);
    assert_eq!(verdicts(&[high, late.clone()], 1, 0), [(400, Verdict::Won), (300, Verdict::EarlierBeginning)]);
    assert_eq!(verdicts(&[late, later.clone()], 1, 0), [(500, Verdict::Won), (400, Verdict::EarlierBeginning)]);
    assert_eq!(verdicts(&[same, later], 1, 0), [(500, Verdict::Won), (600, Verdict::HigherNumber)]);
    assert_eq!(verdicts(&[default], 1, 0), [(100, Verdict::Won)], "the default list prices what no other does");
}

#[test]
fn a_list_counts_from_its_first_moment_to_before_its_last() {
    let spring = offered(1, |list, _| (list.valid_from, list.valid_until) = (Some(at(10)), Some(at(20))));
    for (hours, verdict) in [(9, Verdict::Begins(at(10))), (10, Verdict::Won), (19, Verdict::Won), (20, Verdict::Ended(at(20)))] {
        assert_eq!(verdicts(std::slice::from_ref(&spring), 1, hours), [(100, verdict)], "{hours} h");
    }
    let off = offered(2, |list, _| list.is_active = false);
    assert_eq!(verdicts(&[off, spring], 1, 10), [(100, Verdict::Won), (200, Verdict::ListIsOff)]);
}

#[test]
fn within_a_list_the_largest_quantity_that_is_reached_counts() {
    let tier =
        |min_quantity, amount_minor| offered(1, move |_, price| (price.min_quantity, price.amount_minor) = (min_quantity, amount_minor));
    let tiers = [tier(1, 500), tier(10, 450), tier(100, 400)];
    let won = |quantity| price_for(true, &tiers, EURO, (quantity, at(0))).unit().map(|unit| unit.amount_minor);
    assert_eq!([1, 9, 10, 99, 100, 5_000].map(won), [Some(500), Some(500), Some(450), Some(450), Some(400), Some(400)]);
    assert_eq!(verdicts(&tiers, 10, 0), [(450, Verdict::Won), (500, Verdict::LargerQuantity(10)), (400, Verdict::ForMore(100))]);
    // A list with a higher priority that prices larger quantities alone leaves small ones to the others.
    let bulk = offered(2, |list, price| (list.priority, price.min_quantity) = (9, 50));
    assert_eq!(verdicts(&[tier(1, 500), bulk], 10, 0), [(500, Verdict::Won), (200, Verdict::ForMore(50))]);
}

#[test]
fn a_product_that_is_switched_off_has_no_price_and_other_currencies_are_left_aside() {
    let euro = offered(1, |_, _| {});
    let dollar = offered(2, |list, _| (list.currency, list.priority) = (Currency::USD, 9));
    let working = price_for(false, &[euro.clone(), dollar.clone()], EURO, (1, at(0)));
    assert_eq!((working.unit(), working.weighed.len(), &working.weighed[0].verdict), (None, 1, &Verdict::NotSold));
    assert_eq!(price_for(true, &[euro, dollar.clone()], EURO, (1, at(0))).unit(), Some(Money::new(100, EURO)));
    assert_eq!(price_for(true, &[dollar], EURO, (1, at(0))), Working { winner: None, weighed: Vec::new(), is_sold: true });
}

/// Prices of at most six lists that are alike in most things, so that every part of the rule decides now and then.
fn some_prices() -> impl Strategy<Value = Vec<Offered>> {
    let list = (0i64..3, proptest::option::of(-2i64..3), proptest::option::of(-2i64..6), any::<bool>(), any::<bool>());
    let tiers = proptest::collection::btree_set(1i64..6, 0..4);
    proptest::collection::vec((list, tiers), 0..6).prop_map(|lists| {
        let mut prices = Vec::new();
        for (place, ((priority, from, until, is_active, is_default), tiers)) in lists.into_iter().enumerate() {
            let number = i64::try_from(place).expect("few") + 1;
            for min_quantity in tiers {
                prices.push(offered(number, |list, price| {
                    (list.priority, list.is_active, list.is_default) = (priority, is_active, is_default);
                    (list.valid_from, list.valid_until) = (from.map(at), until.map(at));
                    (price.min_quantity, price.id) = (min_quantity, PriceId(number * 10 + min_quantity));
                }));
            }
        }
        prices
    })
}

proptest! {
    #[test]
    fn the_winner_does_not_hang_on_the_order_and_is_the_only_one(
        (sorted, shuffled) in some_prices().prop_flat_map(|prices| (Just(prices.clone()), Just(prices).prop_shuffle())),
        quantity in 1i64..7,
        hours in -3i64..7,
    ) {
        let (one, other) = (price_for(true, &sorted, EURO, (quantity, at(hours))), price_for(true, &shuffled, EURO, (quantity, at(hours))));
        prop_assert_eq!(&one, &other);
        prop_assert_eq!(one.weighed.len(), sorted.len());
        let won: Vec<_> = one.weighed.iter().filter(|weighed| weighed.verdict == Verdict::Won).map(|weighed| &weighed.offered).collect();
        prop_assert_eq!(won, one.winner.iter().collect::<Vec<_>>());
        let counts = sorted.iter().any(|price| obstacle(price, quantity, at(hours)).is_none());
        prop_assert_eq!(one.winner.is_some(), counts, "there is a winner exactly where a price counts");
    }

    #[test]
    fn taking_a_loser_away_changes_nothing(prices in some_prices(), quantity in 1i64..7, hours in -3i64..7, which: prop::sample::Index) {
        let before = price_for(true, &prices, EURO, (quantity, at(hours)));
        let losers: Vec<_> = before.weighed.iter().filter(|weighed| weighed.verdict != Verdict::Won).map(|weighed| weighed.offered.clone()).collect();
        if !losers.is_empty() {
            let gone = which.get(&losers);
            let left: Vec<_> = prices.into_iter().filter(|price| price != gone).collect();
            prop_assert_eq!(price_for(true, &left, EURO, (quantity, at(hours))).winner, before.winner);
        }
    }
}
