//! The catalogue of `demo`: what the sample leads ask for, priced in two currencies, with a list that has not begun yet, one for
//! larger quantities, and a product that still lacks a price.

use anyhow::{Context, bail};
use chrono::TimeDelta;
use throughline::app::App;
use throughline::catalog::actions::{self, Saved};
use throughline::catalog::model::{Kind, Names, Source, TaxClass};
use throughline::catalog::queries::NewPrice;
use throughline::catalog::{PriceListFacts, PriceListId, ProductFacts, price_list_actions};
use throughline::db::Tx;
use throughline::money::Currency;
use throughline::outbox::admin::Request;
use throughline::seller::Language;
use throughline::{Error, Result};

/// A product: SKU, names in English and Arabic, kind, category, whole dirhams and euros. No dirhams: no price at all.
type Sample = (&'static str, (&'static str, &'static str), Kind, &'static str, (i64, i64));

const SAMPLES: &[Sample] = &[
    ("FLT-100", ("Filter unit 100", "وحدة ترشيح ١٠٠"), Kind::Goods, "Filters", (1_150, 285)),
    ("FLT-200", ("Filter unit 200", "وحدة ترشيح ٢٠٠"), Kind::Goods, "Filters", (1_890, 469)),
    ("FLT-400", ("Filter unit 400", "وحدة ترشيح ٤٠٠"), Kind::Goods, "Filters", (3_240, 799)),
    ("KIT-001", ("Demonstration kit, small", "طقم عرض صغير"), Kind::Goods, "Kits", (450, 112)),
    ("KIT-002", ("Demonstration kit, Pro", "طقم عرض احترافي"), Kind::Goods, "Kits", (980, 243)),
    ("KIT-003", ("Demonstration kit, plant", ""), Kind::Goods, "Kits", (0, 0)),
    ("PMP-110", ("Pump 110 W", "مضخة ١١٠ واط"), Kind::Goods, "Pumps", (760, 189)),
    ("PMP-220", ("Pump 220 W", "مضخة ٢٢٠ واط"), Kind::Goods, "Pumps", (1_320, 328)),
    ("PMP-300", ("Pump 300 W", "مضخة ٣٠٠ واط"), Kind::Goods, "Pumps", (1_710, 425)),
    ("SOL-050", ("Solar panel 50 W, salt-proof", "لوح شمسي ٥٠ واط"), Kind::Goods, "Solar", (640, 159)),
    ("SOL-100", ("Solar panel 100 W", "لوح شمسي ١٠٠ واط"), Kind::Goods, "Solar", (1_090, 271)),
    ("SPR-300", ("Spare parts, series 300", "قطع غيار السلسلة ٣٠٠"), Kind::Goods, "Spare parts", (215, 54)),
    ("SPR-310", ("Spare parts, series 310", "قطع غيار السلسلة ٣١٠"), Kind::Goods, "Spare parts", (235, 59)),
    ("SPR-330", ("Spare parts, series 330", "قطع غيار السلسلة ٣٣٠"), Kind::Goods, "Spare parts", (265, 66)),
    ("SRV-036", ("Service plan, 36 months", "خطة صيانة ٣٦ شهرًا"), Kind::Service, "Service", (3_400, 845)),
    ("SHIP-STD", ("Delivery, standard", "توصيل عادي"), Kind::Shipping, "Delivery", (35, 9)),
    ("VLV-015", ("Valve 15 mm", "صمام ١٥ مم"), Kind::Goods, "Valves", (48, 12)),
    ("VLV-040", ("Valve 40 mm", "صمام ٤٠ مم"), Kind::Goods, "Valves", (132, 33)),
];

/// What larger quantities cost, in percent of the price of one.
const TRADE_PERCENT: i64 = 85;
const TRADE_FROM: i64 = 10;

/// Adds lists, products and prices.
pub async fn fill(app: &App) -> anyhow::Result<()> {
    let by = Request { actor: "demo".into(), reason: None, address: None, now: app.clock.now() };
    let write = move |tx: &mut Tx<'_>| lists(tx, &by);
    let lists =
        app.store.write("demo.price_lists", "price_lists", write).await.map_err(Error::from)?.context("the names of the lists are free")?;
    for sample in SAMPLES {
        let by = Request { actor: "demo".into(), reason: None, address: None, now: app.clock.now() };
        let write = move |tx: &mut Tx<'_>| product(tx, sample, lists, &by);
        if !app.store.write("demo.product", sample.0, write).await.map_err(Error::from)? {
            bail!("there is a product {} already", sample.0);
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Lists {
    dirhams: PriceListId,
    euros: PriceListId,
    trade: PriceListId,
    next_year: PriceListId,
}

fn lists(tx: &mut Tx<'_>, by: &Request) -> Result<Option<Lists>> {
    let dirham = Currency::from_code("AED").unwrap_or(Currency::USD);
    let retail = |name: &str, currency: Currency| PriceListFacts {
        name: name.into(),
        currency,
        priority: 0,
        valid_from: None,
        valid_until: None,
        is_active: true,
        is_default: true,
    };
    let trade = PriceListFacts { priority: 10, is_default: false, ..retail("Trade", dirham) };
    let begins = by.now + TimeDelta::days(34);
    let next = PriceListFacts { valid_from: Some(begins), priority: 5, is_default: false, ..retail("Retail, next year", dirham) };
    let mut ids = Vec::new();
    for facts in [retail("Retail", dirham), retail("Retail Europe", Currency::EUR), trade, next] {
        if let price_list_actions::Saved::Done(id) = price_list_actions::create(tx, &facts, Source::Manual, by)? {
            ids.push(id);
        }
    }
    let [dirhams, euros, trade, next_year] = ids[..] else { return Ok(None) };
    Ok(Some(Lists { dirhams, euros, trade, next_year }))
}

/// False: it is there already.
fn product(tx: &mut Tx<'_>, (sku, (english, arabic), kind, category, (aed, eur)): &Sample, lists: Lists, by: &Request) -> Result<bool> {
    let names = [(Language::English, *english), (Language::Arabic, *arabic)];
    let facts = ProductFacts {
        sku: (*sku).into(),
        kind: *kind,
        category: Some((*category).into()),
        image_url: None,
        is_active: true,
        tax_class: TaxClass::Standard,
        names: names
            .into_iter()
            .filter(|(_, name)| !name.is_empty())
            .map(|(language, name)| (language, name.to_owned()))
            .collect::<Names>(),
    };
    let Saved::Done(id) = actions::create(tx, &facts, Source::Manual, by)? else { return Ok(false) };
    let mut prices = Vec::new();
    if *aed > 0 {
        prices.push(NewPrice { list: lists.dirhams, min_quantity: 1, amount_minor: aed * 100 });
        prices.push(NewPrice { list: lists.euros, min_quantity: 1, amount_minor: eur * 100 });
        prices.push(NewPrice { list: lists.trade, min_quantity: TRADE_FROM, amount_minor: aed * TRADE_PERCENT });
        prices.push(NewPrice { list: lists.next_year, min_quantity: 1, amount_minor: aed * 105 });
    }
    for (version, price) in (1..).zip(prices) {
        actions::set_price(tx, (id, version), price, by)?;
    }
    Ok(true)
}
