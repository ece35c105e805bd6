//! The pages of products and price lists: who sees and changes what, what is refused and how, and what the lists show.

use throughline::accounts::Role;
use throughline::catalog::{PriceListFacts, ProductFacts};

use super::{add, add_list, facts, found, list, price, save_new};
use crate::harness::{Answered, TestApp, Whole as Program, both_engines};
use crate::web::browser::Browser;

const NEW: [(&str, &str); 6] = [
    ("sku", "EQ-E2"),
    ("kind", "goods"),
    ("tax_class", "standard"),
    ("is_active", "on"),
    ("name_en", "Espresso <b>machine</b>"),
    ("category", "Machines"),
];

async fn operator(app: &TestApp) -> (Program, Browser) {
    let program = app.whole_with(Default::default(), &[]).await;
    let browser = Browser::signed_in(&program, Role::Operator).await;
    (program, browser)
}

/// Form fields with some of them replaced.
fn with<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = NEW.iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    kept.chain(changes).copied().collect()
}

fn status(answered: &Answered) -> u16 {
    answered.status.code
}

both_engines! {
    async fn a_product_is_added_priced_and_its_page_shows_the_working(app: TestApp) {
        let (program, browser) = operator(&app).await;
        assert!(browser.get("/products").await.text.contains("No products yet"));
        let added = browser.post("/products", &NEW).await;
        assert_eq!((status(&added), added.header("Location")), (303, Some("/products/1")), "{}", added.text);
        let page = browser.get("/products/1").await.text;
        assert!(page.contains("Espresso &#60;b&#62;machine&#60;/b&#62;") && page.contains("It has no price"), "{page}");
        assert!(browser.get("/products?show=unpriced").await.text.contains("EQ-E2"));

        let list = [("name", "Retail"), ("currency", "kwd"), ("priority", "0"), ("is_active", "on"), ("is_default", "on")];
        assert_eq!(browser.post("/price-lists", &list).await.header("Location"), Some("/price-lists/1"));
        let trade = [("name", "Trade"), ("currency", "KWD"), ("priority", "7"), ("is_active", "on"), ("valid_until", "2020-01-01T00:00")];
        assert_eq!(browser.post("/price-lists", &trade).await.header("Location"), Some("/price-lists/2"));
        for (version, list, amount) in [("1", "1", "1,234.500"), ("2", "2", "1000")] {
            let set = browser.post("/products/1/prices", &[("version", version), ("list", list), ("min_quantity", "1"), ("amount", amount)]).await;
            assert_eq!(status(&set), 303, "{}", set.text);
        }
        let page = browser.get("/products/1").await.text;
        assert!(page.contains("KWD\u{a0}1,234.500") && page.contains("The list ended 1 Jan 2020, 00:00:00."), "{page}");
        assert!(page.contains("Of the lists that count, it comes first."), "{page}");
        assert!(browser.get("/products").await.text.contains("KWD\u{a0}1,234.500"));
        assert!(browser.get("/products?show=unpriced").await.text.contains("Everything has a price"));
        assert_eq!(found(&program, throughline::catalog::ProductId(1)).await.offered.len(), 2);

        let price_id = found(&program, throughline::catalog::ProductId(1)).await.offered[0].price.id.to_string();
        assert_eq!(status(&browser.post("/products/1/prices/removal", &[("version", "3"), ("price", &price_id)]).await), 303);
        assert_eq!(found(&program, throughline::catalog::ProductId(1)).await.offered.len(), 1);
    }

    async fn mistakes_come_back_with_what_was_typed(app: TestApp) {
        let (program, browser) = operator(&app).await;
        add_list(&program, list("Retail", "EUR")).await;
        add(&program, "TAKEN").await;
        for (changes, words) in [
            (vec![("sku", ""), ("name_en", "")], "Enter a name in one language at least."),
            (vec![("sku", "taken")], "Another product has this SKU."),
            (vec![("image_url", "javascript:alert(1)")], "This is no web address."),
            (vec![("kind", "boat")], "Choose one of the kinds."),
        ] {
            let refused = browser.post("/products", &with(&changes)).await;
            assert!(status(&refused) == 422 && refused.text.contains(words), "{changes:?} {}", refused.text);
            assert!(refused.text.contains("value=\"Machines\""), "what was typed is kept: {}", refused.text);
        }
        for (fields, words) in [
            (vec![("list", "9"), ("amount", "5")], "Choose the list that the price stands in."),
            (vec![("list", "1"), ("amount", "1.500"), ("min_quantity", "1")], "Amounts in EUR have 2 decimals."),
            (vec![("list", "1"), ("amount", "-5"), ("min_quantity", "0")], "A price is not below zero."),
        ] {
            let refused = browser.post("/products/1/prices", &fields).await;
            assert!(status(&refused) == 422 && refused.text.contains(words), "{fields:?} {}", refused.text);
        }
        for (fields, words) in [
            (vec![("name", ""), ("currency", "XXX"), ("priority", "1")], "This is no currency."),
            (vec![("name", "retail"), ("currency", "EUR"), ("priority", "1")], "Another price list has this name."),
        ] {
            let refused = browser.post("/price-lists", &fields).await;
            assert!(status(&refused) == 422 && refused.text.contains(words), "{fields:?} {}", refused.text);
        }
        assert_eq!(status(&browser.get("/products/77").await), 404);
        assert_eq!(status(&browser.post("/products/77", &NEW).await), 404);
        assert_eq!(status(&browser.get("/price-lists/77").await), 404);
    }

    async fn two_editors_meet_in_a_message_and_nothing_is_overwritten(app: TestApp) {
        let (program, browser) = operator(&app).await;
        let id = add(&program, "EQ-E2").await;
        let retail = add_list(&program, list("Retail", "EUR")).await;
        assert_eq!(status(&browser.post("/products/1", &with(&[("version", "1"), ("name_en", "First")])).await), 303);
        let late = browser.post("/products/1", &with(&[("version", "1"), ("name_en", "Second")])).await;
        assert_eq!(status(&late), 409);
        assert!(late.text.contains("Somebody else has changed this product since you opened it.") && late.text.contains("value=\"Second\""));
        assert_eq!(found(&program, id).await.names.first().map(|(_, name)| name.to_owned()).as_deref(), Some("First"));
        // The page that came back was made over the newest version: saving again is a decision.
        assert_eq!(status(&browser.post("/products/1", &with(&[("version", "2"), ("name_en", "Second")])).await), 303);

        let late = browser.post("/products/1/prices", &[("version", "1"), ("list", "1"), ("min_quantity", "1"), ("amount", "5")]).await;
        assert!(status(&late) == 409 && late.text.contains("the prices below are the current ones"), "{}", late.text);
        assert_eq!(found(&program, id).await.offered.len(), 0);
        price(&program, id, retail, (1, 500)).await;
        assert_eq!(status(&browser.post("/products/1/prices/removal", &[("version", "3"), ("price", "1")]).await), 409);

        let form = [("name", "Retail"), ("priority", "3"), ("is_active", "on"), ("version", "1")];
        assert_eq!(status(&browser.post("/price-lists/1", &form).await), 303);
        let late = browser.post("/price-lists/1", &[("name", "Mine"), ("priority", "4"), ("version", "1")]).await;
        assert!(status(&late) == 409 && late.text.contains("Somebody else has changed this price list") && late.text.contains("value=\"Mine\""), "{}", late.text);
    }

    async fn viewers_see_and_do_not_change(app: TestApp) {
        let program = app.whole_with(Default::default(), &[]).await;
        let browser = Browser::signed_in(&program, Role::Viewer).await;
        add(&program, "EQ-E2").await;
        add_list(&program, list("Retail", "EUR")).await;
        for path in ["/products", "/products/1", "/price-lists", "/price-lists/1"] {
            let page = browser.get(path).await;
            assert!(status(&page) == 200 && !page.text.contains("method=\"post\" novalidate") && !page.text.contains("/new\""), "{path}: {}", page.text);
        }
        for path in ["/products", "/products/1", "/products/1/prices", "/products/1/prices/removal", "/price-lists", "/price-lists/1", "/products/imports/1/start"] {
            assert_eq!(status(&browser.post(path, &NEW).await), 403, "{path}");
        }
        assert_eq!(found(&program, throughline::catalog::ProductId(1)).await.product.version, 1);
    }

    async fn the_list_is_searched_narrowed_paged_and_exported(app: TestApp) {
        let (program, browser) = operator(&app).await;
        let retail = add_list(&program, PriceListFacts { is_default: true, ..list("Retail", "EUR") }).await;
        for number in 0..60 {
            let id = add(&program, &format!("EQ-{number:02}")).await;
            price(&program, id, retail, (1, 100 + number)).await;
        }
        save_new(&program, ProductFacts { category: Some("Beans".into()), is_active: false, ..facts("BN-1") }).await;
        let ids = |page: &str| page.matches("<tr role=\"row\" id=\"product-").count();
        let first = browser.get("/products").await.text;
        assert_eq!(ids(&first), 50);
        let older = first.split("href=\"").find(|link| link.contains("rel=\"next\"")).and_then(|link| link.split('"').next()).expect("a link").replace("&#38;", "&");
        assert_eq!(ids(&browser.get(&older).await.text), 11);
        for (query, count, words) in [
            ("text=eq-0", 10, "SKUs that begin with “eq-0”."),
            ("text=product+bn", 1, "Searched to the oldest product."),
            ("text=%D9%85%D8%A7%D9%83&show=inactive", 1, "Searched to the oldest product."),
            ("text=eq-0&in=names", 10, "Searched to the oldest product."),
            ("category=Beans", 1, "Newest first"),
            ("show=inactive", 1, "Newest first"),
            ("show=unpriced", 1, "Newest first"),
            ("show=active&category=Machines&text=eq-59", 1, "SKUs that begin with"),
            ("text=nothing-like-it", 0, "has “nothing-like-it” in its SKU or name"),
        ] {
            let page = browser.get(&format!("/products?{query}")).await.text;
            assert!(ids(&page) == count && page.contains(words), "{query}: {} {page}", ids(&page));
        }
        let file = browser.get("/products?format=csv").await;
        assert_eq!(file.header("Content-Disposition"), Some("attachment; filename=\"products.csv\""));
        assert_eq!(file.text.lines().count(), 62);
        assert!(file.text.contains("EQ-59,goods,Machines,standard,true,,Product EQ-59,,,,ماكينة,,EUR\u{a0}1.59,manual"), "{}", file.text);
        let data = browser.get("/products?format=json&text=eq-59").await.json();
        assert_eq!(data["products"][0]["prices_now"][0]["amount_minor"], 159);
        let next = browser.get("/products?format=json").await.json()["next"].as_str().expect("a next page").to_owned();
        assert!(next.contains("format=json"));
        assert_eq!(browser.get("/price-lists?format=csv").await.text.lines().count(), 2);
        assert_eq!(browser.get("/price-lists?format=json").await.json()["price_lists"][0]["currency"], "EUR");
    }
}
