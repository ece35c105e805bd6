//! Products and prices under people who change them at the same time, and what is written down of it.

use throughline::Error;
use throughline::catalog::actions::{self, Saved};
use throughline::catalog::model::{PriceListId, ProductId, Source};
use throughline::catalog::price_list_actions;
use throughline::catalog::queries::NewPrice;
use throughline::db::Tx;

use super::{add, add_list, audited, by, facts, found, list, price, save_new};
use crate::harness::{Whole as Program, both_engines};

async fn edit(program: &Program, id: ProductId, version: i64, name: &str) -> Result<Saved, Error> {
    let (by, mut new) = (by(program), found(program, id).await);
    new.names.0.insert(throughline::seller::Language::English, name.to_owned());
    let new = throughline::catalog::ProductFacts::of(&new.product, &new.names);
    let write = move |tx: &mut Tx<'_>| actions::edit(tx, (id, version), &new, &by);
    // Another key than the other's: on PostgreSQL they meet in the database, not in one thread.
    program.app.store.write("test.edit", name, write).await.map_err(Error::from)
}

async fn set(program: &Program, id: ProductId, version: i64, amount_minor: i64) -> Result<(), Error> {
    let (by, new) = (by(program), NewPrice { list: PriceListId(1), min_quantity: 1, amount_minor });
    let write = move |tx: &mut Tx<'_>| actions::set_price(tx, (id, version), new, &by);
    program.app.store.write("test.price", &amount_minor.to_string(), write).await.map_err(Error::from)
}

both_engines! {
    async fn of_two_who_save_over_one_version_the_second_is_told(app: TestApp) {
        let program = app.whole_with(Default::default(), &[]).await;
        let id = add(&program, "EQ-E2").await;
        let (one, other) = tokio::join!(edit(&program, id, 1, "One"), edit(&program, id, 1, "Other"));
        let outcomes = [&one, &other];
        assert_eq!(outcomes.iter().filter(|saved| matches!(saved, Ok(Saved::Done(_)))).count(), 1, "{outcomes:?}");
        let conflict = outcomes.iter().find_map(|saved| saved.as_ref().err()).expect("one is refused");
        assert_eq!(conflict.to_string(), "Somebody else has changed this product since you opened it");
        let kept = found(&program, id).await;
        assert_eq!(kept.product.version, 2);
        assert_eq!(kept.names.first().map(|(_, name)| name.to_owned()), Some(if one.is_ok() { "One" } else { "Other" }.to_owned()));
    }

    async fn two_prices_at_once_are_one_and_a_conflict_and_a_price_counts_as_a_change(app: TestApp) {
        let program = app.whole_with(Default::default(), &[]).await;
        add_list(&program, list("Retail", "EUR")).await;
        let id = add(&program, "EQ-E2").await;
        assert!(!found(&program, id).await.product.has_price);
        let (one, other) = tokio::join!(set(&program, id, 1, 100), set(&program, id, 1, 200));
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
        let kept = found(&program, id).await;
        assert_eq!((kept.offered.len(), kept.product.version, kept.product.has_price), (1, 2, true));
        assert!(edit(&program, id, 1, "Late").await.is_err(), "who saw the product without the price is told");

        let (by, gone) = (by(&program), kept.offered[0].price.id);
        let remove = move |tx: &mut Tx<'_>| actions::remove_price(tx, (id, 2), gone, &by);
        program.app.store.write("test.remove", "k", remove).await.expect("it is removed");
        assert!(!found(&program, id).await.product.has_price, "the list of products without a price has it again");
        assert_eq!(audited(&program, id.subject()).await.into_iter().map(|(action, ..)| action).collect::<Vec<_>>(), [
            "catalog.create_product",
            "catalog.set_price",
            "catalog.remove_price",
        ]);
    }

    async fn one_sku_is_one_product_however_it_is_written(app: TestApp) {
        let program = app.whole_with(Default::default(), &[]).await;
        let id = add(&program, "EQ-E2").await;
        assert_eq!(save_new(&program, facts("eq-e2")).await, Saved::SkuTaken(id));
        let (one, other) = tokio::join!(save_new(&program, facts("New 1")), save_new(&program, facts("NEW 1")));
        assert_eq!([one, other].iter().filter(|saved| matches!(saved, Saved::Done(_))).count(), 1, "{one:?} {other:?}");
        let second = add(&program, "B").await;
        let (by, renamed) = (by(&program), facts("Eq-E2"));
        let write = move |tx: &mut Tx<'_>| actions::edit(tx, (second, 1), &renamed, &by);
        assert_eq!(program.app.store.write("test.edit", "k", write).await.expect("an answer"), Saved::SkuTaken(id));
    }

    async fn what_was_before_and_after_is_in_the_audit_and_saving_the_same_is_no_change(app: TestApp) {
        let program = app.whole_with(Default::default(), &[]).await;
        let retail = add_list(&program, list("Retail", "JPY")).await;
        let id = add(&program, "EQ-E2").await;
        assert!(matches!(edit(&program, id, 1, "Product EQ-E2").await, Ok(Saved::Done(_))));
        assert_eq!(found(&program, id).await.product.version, 1);
        edit(&program, id, 1, "Espresso").await.expect("saved");
        price(&program, id, retail, (1, 1_500)).await;
        price(&program, id, retail, (1, 1_600)).await;
        let audited = audited(&program, id.subject()).await;
        let [_, edited, _, repriced] = audited.as_slice() else { panic!("{audited:?}") };
        assert!(edited.1.as_deref().is_some_and(|before| before.contains("Product EQ-E2")), "{edited:?}");
        assert!(edited.2.as_deref().is_some_and(|after| after.contains("\"en\":\"Espresso\"")), "{edited:?}");
        assert_eq!(repriced.1.as_deref(), Some(r#"{"amount_minor":1500,"currency":"JPY","min_quantity":1,"price_list":"Retail"}"#));
        assert_eq!(repriced.2.as_deref(), Some(r#"{"amount_minor":1600,"currency":"JPY","min_quantity":1,"price_list":"Retail"}"#));
    }

    async fn a_currency_has_one_default_list_and_a_name_is_used_once(app: TestApp) {
        use price_list_actions::Saved;
        let program = app.whole_with(Default::default(), &[]).await;
        let default = |name: &str, code: &str| throughline::catalog::PriceListFacts { is_default: true, ..list(name, code) };
        add_list(&program, default("Retail", "EUR")).await;
        add_list(&program, default("Retail Japan", "JPY")).await;
        for (facts, expected) in [
            (default("Other", "EUR"), Saved::DefaultTaken("Retail".into())),
            (list("RETAIL ", "EUR"), Saved::NameTaken),
        ] {
            let by = by(&program);
            let write = move |tx: &mut Tx<'_>| price_list_actions::create(tx, &facts, Source::Manual, &by);
            assert_eq!(program.app.store.write("test.list", "k", write).await.expect("an answer"), expected);
        }
        // Two at once: the unique index decides.
        let create = |name: &'static str| {
            let (by, facts) = (by(&program), default(name, "CHF"));
            program.app.store.write("test.list", name, move |tx: &mut Tx<'_>| price_list_actions::create(tx, &facts, Source::Manual, &by))
        };
        let (one, other) = tokio::join!(create("a"), create("b"));
        let done = |saved: &Result<Saved, _>| matches!(saved, Ok(Saved::Done(_)));
        assert!(done(&one) != done(&other), "{one:?} {other:?}");
    }

    async fn of_two_who_save_one_price_list_the_second_is_told_and_its_currency_stays(app: TestApp) {
        use price_list_actions::Saved;
        let program = app.whole_with(Default::default(), &[]).await;
        let id = add_list(&program, list("Retail", "EUR")).await;
        let edit = |key: &'static str, priority: i64| {
            let (by, facts) = (by(&program), throughline::catalog::PriceListFacts { priority, ..list("Retail", "JPY") });
            program.app.store.write("test.edit", key, move |tx: &mut Tx<'_>| price_list_actions::edit(tx, (id, 1), &facts, &by))
        };
        let (one, other) = tokio::join!(edit("a", 1), edit("b", 2));
        assert!(matches!(one, Ok(Saved::Done(_))) != matches!(other, Ok(Saved::Done(_))), "{one:?} {other:?}");
        let kept = program.ask(move |conn| throughline::catalog::price_list_queries::find(conn, id)).await.expect("it is there");
        assert_eq!((kept.version, kept.currency.code()), (2, "EUR"));
    }
}
