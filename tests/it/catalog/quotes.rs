//! What an order would cost, and everything that stands in the way of it.

use throughline::catalog::{Mistake, PriceListFacts, Quote, Wrong, quote};
use throughline::money::{Currency, Money};

use super::{add, add_list, currency, facts, list, price, save_new};
use crate::harness::{Whole as Program, both_engines};

async fn quoted(program: &Program, wanted: &[(&str, i64)], code: &str) -> Result<Quote, Vec<Mistake>> {
    let wanted: Vec<(String, i64)> = wanted.iter().map(|(sku, quantity)| ((*sku).to_owned(), *quantity)).collect();
    let (currency, at) = (currency(code), program.app.clock.now());
    program.ask(move |conn| quote(conn, &wanted, currency, at)).await
}

/// How many statements a quote of this asks.
async fn statements(program: &Program, wanted: Vec<(String, i64)>) -> usize {
    let at = program.app.clock.now();
    program.statements(move |conn| quote(conn, &wanted, Currency::EUR, at)).await
}

both_engines! {
    async fn an_order_costs_what_the_rule_says_in_each_currency(app: TestApp) {
        let program = app.whole_with(Default::default(), &[]).await;
        let retail = add_list(&program, PriceListFacts { is_default: true, ..list("Retail", "KWD") }).await;
        let trade = add_list(&program, PriceListFacts { priority: 5, ..list("Trade", "KWD") }).await;
        let japan = add_list(&program, list("Japan", "JPY")).await;
        let (machine, blend) = (add(&program, "EQ-E2").await, add(&program, "BN 1").await);
        price(&program, machine, retail, (1, 12_345)).await;
        price(&program, machine, trade, (10, 11_000)).await;
        price(&program, blend, retail, (1, 5)).await;
        price(&program, blend, japan, (1, 1_500)).await;

        let quote = quoted(&program, &[("eq-e2", 9), (" bn  1", 3)], "KWD").await.expect("no mistake");
        let told: Vec<_> = quote.lines.iter().map(|line| (line.sku.as_str(), line.quantity, line.unit.amount_minor, line.total.amount_minor)).collect();
        assert_eq!(told, [("EQ-E2", 9, 12_345, 111_105), ("BN 1", 3, 5, 15)]);
        assert_eq!(quote.total, Money::new(111_120, currency("KWD")));
        assert_eq!(quote.lines[0].names.in_language(throughline::seller::Language::Arabic), "ماكينة");
        let more = quoted(&program, &[("EQ-E2", 10)], "KWD").await.expect("no mistake");
        assert_eq!((more.total.amount_minor, more.lines[0].price_list.as_str()), (110_000, "Trade"));
        assert_eq!(quoted(&program, &[("BN 1", 2)], "JPY").await.expect("no mistake").total.to_string(), "JPY\u{a0}3,000");
    }

    async fn everything_that_stands_in_the_way_is_named_at_once(app: TestApp) {
        let program = app.whole_with(Default::default(), &[]).await;
        let retail = add_list(&program, list("Retail", "EUR")).await;
        let (sold, dear) = (add(&program, "SOLD").await, add(&program, "DEAR").await);
        add(&program, "UNPRICED").await;
        save_new(&program, throughline::catalog::ProductFacts { is_active: false, ..facts("OFF") }).await;
        price(&program, sold, retail, (1, 100)).await;
        price(&program, dear, retail, (1, 999_999_999_999)).await;
        let wanted = [("sold", 1), ("nobody\u{7}", 1), ("Sold", 0), ("OFF", 1_000_000), ("UNPRICED", 1), ("DEAR", -1)];
        let mistakes = quoted(&program, &wanted, "EUR").await.expect_err("nothing but the first is right");
        let told: Vec<_> = mistakes.into_iter().map(|mistake| (mistake.line, mistake.what.to_string())).collect();
        assert_eq!(told, [
            (Some(1), "there is no product “nobody”".to_owned()),
            (Some(2), "“SOLD” is named more than once: add the quantities up".to_owned()),
            (Some(2), "the quantity 0 is not between 1 and 999999".to_owned()),
            (Some(3), "the quantity 1000000 is not between 1 and 999999".to_owned()),
            (Some(3), "“OFF” is not sold at present".to_owned()),
            (Some(4), "“UNPRICED” has no price in EUR".to_owned()),
            (Some(5), "the quantity -1 is not between 1 and 999999".to_owned()),
        ]);
        let whole = |what| Err(vec![Mistake { line: None, what }]);
        assert_eq!(quoted(&program, &[], "EUR").await, whole(Wrong::Nothing));
        assert_eq!(quoted(&program, &[("x", 1); 101], "EUR").await, whole(Wrong::TooManyLines(101)));
        assert_eq!(quoted(&program, &[("SOLD", 1)], "USD").await.expect_err("no dollars")[0].what, Wrong::NoPrice("SOLD".into(), currency("USD")));
    }

    async fn a_hundred_lines_ask_no_more_than_one(app: TestApp) {
        let program = app.whole_with(Default::default(), &[]).await;
        let retail = add_list(&program, list("Retail", "EUR")).await;
        for number in 0..100 {
            let id = add(&program, &format!("P-{number}")).await;
            price(&program, id, retail, (1, 100)).await;
        }
        let all = (0..100).map(|number| (format!("p-{number}"), 1)).collect();
        let one = statements(&program, vec![("p-1".into(), 1)]).await;
        assert_eq!((one, statements(&program, all).await), (3, 3));
    }
}
