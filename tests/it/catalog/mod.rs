//! The catalogue on both engines.

mod command;
mod imports;
mod pages;
mod plans;
mod products;
mod quotes;

use throughline::catalog::actions::{self, Saved};
use throughline::catalog::model::{Kind, Names, PriceListId, ProductId, Source, TaxClass};
use throughline::catalog::queries::{self, NewPrice, Whole};
use throughline::catalog::{PriceListFacts, ProductFacts, price_list_actions};
use throughline::db::Tx;
use throughline::money::Currency;
use throughline::outbox::admin::Request;
use throughline::seller::Language;

use crate::harness::Whole as Program;

/// Whoever acts in these tests.
pub fn by(program: &Program) -> Request {
    Request { actor: "user:1".into(), reason: None, address: None, now: program.app.clock.now() }
}

pub fn currency(code: &str) -> Currency {
    Currency::from_code(code).expect("a currency")
}

/// A product of that SKU that is sold.
pub fn facts(sku: &str) -> ProductFacts {
    ProductFacts {
        sku: sku.into(),
        kind: Kind::Goods,
        category: Some("Machines".into()),
        image_url: None,
        is_active: true,
        tax_class: TaxClass::Standard,
        names: Names::from_iter([(Language::English, format!("Product {sku}")), (Language::Arabic, "ماكينة".to_owned())]),
    }
}

/// A list that holds always.
pub fn list(name: &str, code: &str) -> PriceListFacts {
    let currency = currency(code);
    PriceListFacts { name: name.into(), currency, priority: 0, valid_from: None, valid_until: None, is_active: true, is_default: false }
}

pub async fn add_list(program: &Program, facts: PriceListFacts) -> PriceListId {
    let by = by(program);
    let write = move |tx: &mut Tx<'_>| price_list_actions::create(tx, &facts, Source::Manual, &by);
    match program.app.store.write("test.list", "price_lists", write).await.expect("it is written") {
        price_list_actions::Saved::Done(id) => id,
        other => panic!("not added: {other:?}"),
    }
}

pub async fn save_new(program: &Program, facts: ProductFacts) -> Saved {
    let by = by(program);
    let write = move |tx: &mut Tx<'_>| actions::create(tx, &facts, Source::Manual, &by);
    program.app.store.write("test.product", "products", write).await.expect("it is written")
}

pub async fn add(program: &Program, sku: &str) -> ProductId {
    match save_new(program, facts(sku)).await {
        Saved::Done(id) => id,
        other @ Saved::SkuTaken(_) => panic!("not added: {other:?}"),
    }
}

/// Sets a price over the version that the product has now.
pub async fn price(program: &Program, id: ProductId, list: PriceListId, (min_quantity, amount_minor): (i64, i64)) {
    let (by, version) = (by(program), found(program, id).await.product.version);
    let new = NewPrice { list, min_quantity, amount_minor };
    let write = move |tx: &mut Tx<'_>| actions::set_price(tx, (id, version), new, &by);
    program.app.store.write("test.price", &id.subject(), write).await.expect("it is set");
}

pub async fn found(program: &Program, id: ProductId) -> Whole {
    program.ask(move |conn| queries::find(conn, id)).await.expect("it is there")
}

/// What the audit says of a subject: action, before, after.
pub async fn audited(program: &Program, subject: String) -> Vec<(String, Option<String>, Option<String>)> {
    use diesel::prelude::*;
    use throughline::db::schema::audit;
    let ask = move |conn: &mut throughline::db::Conn| {
        let found = audit::table.filter(audit::subject.eq(subject)).order(audit::id);
        found.select((audit::action, audit::before, audit::after)).load(conn)
    };
    program.ask(ask).await
}
