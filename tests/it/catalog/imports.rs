//! A file of products: looked over, taken over whole or not at all, resumed, and the same file again.

use rocket::http::{ContentType, Header};
use throughline::accounts::Role;
use throughline::catalog::{PriceListFacts, ProductId};

use super::{add, add_list, audited, found, list, price};
use crate::harness::{Answered, TestApp, Whole as Program, both_engines, read};
use crate::web::browser::Browser;

/// One product that is there, one that is new, one that stays as it is.
const FILE: &str = "sku,name_en,name_ar,category,price_eur,price:Trade,colour\n\
                    eq-e2,Espresso machine,,,\"1,234.50\",,teal\n\
                    NEW 1,House blend,خلطة البيت,Beans,28.95,25,\n\
                    same,Product SAME,,,,,\n";

async fn operator(app: &TestApp) -> (Program, Browser) {
    let program = app.whole_with(Default::default(), &[]).await;
    let browser = Browser::signed_in(&program, Role::Operator).await;
    let retail = add_list(&program, PriceListFacts { is_default: true, ..list("Retail", "EUR") }).await;
    add_list(&program, list("Trade", "EUR")).await;
    let machine = add(&program, "EQ-E2").await;
    price(&program, machine, retail, (1, 100)).await;
    add(&program, "SAME").await;
    (program, browser)
}

async fn upload(browser: &Browser, file: &[u8]) -> Answered {
    let head =
        b"--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"C:\\new\\products.csv\"\r\nContent-Type: text/csv\r\n\r\n";
    let body = [head.as_slice(), file, b"\r\n--X--\r\n"].concat();
    let kind = ContentType::new("multipart", "form-data").with_params([("boundary", "X")]);
    let request = browser.0.post("/products/imports").header(kind).header(Header::new("Accept", "text/html")).body(body);
    read(request.header(Header::new("Sec-Fetch-Site", "same-origin")).dispatch().await).await
}

async fn page(browser: &Browser, path: &str) -> String {
    let answered = browser.get(path).await;
    assert_eq!(answered.status.code, 200, "{}", answered.text);
    answered.text
}

async fn sql(program: &Program, statement: &'static str) {
    use diesel::prelude::*;
    let write = move |tx: &mut throughline::db::Tx<'_>| -> throughline::Result<()> {
        diesel::sql_query(statement).execute(tx.conn())?;
        Ok(())
    };
    program.app.store.write("test.sql", "k", write).await.expect("written");
}

both_engines! {
    async fn a_file_is_looked_over_taken_over_and_the_same_again_changes_nothing(app: TestApp) {
        let (program, browser) = operator(&app).await;
        assert!(page(&browser, "/products/imports").await.contains("Nothing was imported yet"));
        let uploaded = upload(&browser, FILE.as_bytes()).await;
        assert_eq!(uploaded.header("Location"), Some("/products/imports/1"), "{}", uploaded.text);
        let shown = page(&browser, "/products/imports/1").await;
        for words in [
            "products.csv",
            "Name in English: “Product EQ-E2” → “Espresso machine”",
            "Retail: EUR\u{a0}1.00 → EUR\u{a0}1,234.50",
            "Trade: EUR\u{a0}25.00",
            "Columns that nothing is taken from: <bdi>colour</bdi>",
            "<dt>New</dt><dd><bdi>1</bdi></dd><dt>Changed</dt><dd><bdi>1</bdi></dd><dt>Unchanged</dt><dd><bdi>1</bdi></dd>",
        ] {
            assert!(shown.contains(words), "{words}: {shown}");
        }
        assert_eq!(found(&program, ProductId(1)).await.product.version, 2, "a look writes nothing");

        assert_eq!(browser.post("/products/imports/1/start", &[]).await.status.code, 303);
        program.run_until_idle().await;
        assert!(page(&browser, "/products/imports/1").await.contains(">Done<"));
        let (machine, blend) = (found(&program, ProductId(1)).await, found(&program, ProductId(3)).await);
        assert_eq!((machine.product.sku.as_str(), machine.names.0.len(), machine.product.category.as_deref()), ("EQ-E2", 2, Some("Machines")));
        assert_eq!(machine.offered[0].price.amount_minor, 123_450);
        assert_eq!((blend.product.sku.as_str(), blend.offered.len(), blend.product.has_price), ("NEW 1", 2, true));
        let last = audited(&program, ProductId(1).subject()).await.pop().expect("a row");
        assert!(last.0 == "catalog.import_product" && last.1.is_some_and(|before| before.contains("\"amount_minor\":100,")), "{:?}", last.2);

        upload(&browser, FILE.as_bytes()).await;
        let again = page(&browser, "/products/imports/2").await;
        assert!(again.contains("It would change nothing") && !again.contains("/products/imports/2/start"), "{again}");
        assert_eq!(browser.post("/products/imports/2/start", &[]).await.status.code, 303);
        program.run_until_idle().await;
        let versions = [(1, &machine), (3, &blend)];
        for (id, before) in versions {
            assert_eq!(found(&program, ProductId(id)).await.product.version, before.product.version);
        }
    }

    async fn one_row_that_cannot_be_taken_over_keeps_the_whole_file_out(app: TestApp) {
        let (program, browser) = operator(&app).await;
        let file = format!("{FILE}NAMELESS,,,,5,,\nNEW 1,again,,,,,\nX,x,,,1.500,,\n");
        upload(&browser, file.as_bytes()).await;
        let shown = page(&browser, "/products/imports/1").await;
        for words in ["Line 5</strong> <bdi>the product is new, and has no name.", "Line 6</strong> <bdi>the SKU stands in line 3 already", "Line 7</strong> <bdi>price_eur: Amounts in EUR have 2 decimals."] {
            assert!(shown.contains(words), "{words}: {shown}");
        }
        assert!(!shown.contains("/start\""), "it cannot be started: {shown}");
        assert_eq!(browser.post("/products/imports/1/start", &[]).await.status.code, 303);
        assert!(page(&browser, "/products/imports/1").await.contains("3 of its rows cannot be taken over"));
        program.run_until_idle().await;
        assert_eq!(found(&program, ProductId(1)).await.product.version, 2);
        assert!(program.ask(|conn| throughline::catalog::queries::find(conn, ProductId(3))).await.is_none());
        assert_eq!(browser.post("/products/imports/1/cancellation", &[]).await.status.code, 303);
        assert!(page(&browser, "/products/imports/1").await.contains(">Cancelled<"));
    }

    async fn what_is_no_such_file_is_refused_by_name_and_leaves_nothing(app: TestApp) {
        let (_program, browser) = operator(&app).await;
        for (bytes, words) in [
            (b"PK\x03\x04".to_vec(), "an Excel workbook"),
            (b"name_en\nx\n".to_vec(), "no column is called “sku”"),
            (b"sku,price_usd\nx,1\n".to_vec(), "the default price list in USD, which there is not"),
            (b"sku\n".to_vec(), "the file has no rows"),
            (vec![], "the file is empty"),
            ([b"sku\n".to_vec(), vec![b'x'; 2 * 1024 * 1024]].concat(), "larger than 2 MiB"),
        ] {
            assert_eq!(upload(&browser, &bytes).await.header("Location"), Some("/products/imports"));
            assert!(page(&browser, "/products/imports").await.contains(words), "{words}");
        }
        for _ in 0..5 {
            assert_ne!(upload(&browser, FILE.as_bytes()).await.header("Location"), Some("/products/imports"));
        }
        upload(&browser, FILE.as_bytes()).await;
        assert!(page(&browser, "/products/imports").await.contains("5 uploaded files wait to be imported"));
    }

    async fn a_run_that_was_cut_off_goes_on_where_it_was(app: TestApp) {
        let (program, browser) = operator(&app).await;
        let rows: String = (0..120).map(|number| format!("P-{number:03},Name {number},,,{number}.00,,\n")).collect();
        let head = FILE.lines().next().expect("a header");
        upload(&browser, format!("{head}\n{rows}").as_bytes()).await;
        assert_eq!(browser.post("/products/imports/1/start", &[]).await.status.code, 303);
        // As a process leaves it that was killed after the first chunk.
        sql(&program, "UPDATE product_imports SET rows_done = 50, created = 50 WHERE id = 1").await;
        program.run_until_idle().await;
        let shown = page(&browser, "/products/imports/1").await;
        assert!(shown.contains("<dt>New</dt><dd><bdi>120</bdi></dd>"), "{shown}");
        let skus: Vec<String> = program.ask(|conn| {
            use diesel::prelude::*;
            use throughline::db::schema::products;
            products::table.filter(products::sku.like("P-%")).order(products::id).select(products::sku).load(conn)
        }).await;
        assert_eq!((skus.len(), skus[0].as_str(), skus[69].as_str()), (70, "P-050", "P-119"));
        assert_eq!(program.ask(|conn| {
            use diesel::prelude::*;
            use throughline::db::schema::product_imports;
            product_imports::table.filter(product_imports::content.is_null()).count().get_result::<i64>(conn)
        }).await, 1, "the file is needed no more");
    }

    async fn an_import_is_forgotten_after_its_time_and_its_products_stay(app: TestApp) {
        let (program, browser) = operator(&app).await;
        upload(&browser, FILE.as_bytes()).await;
        for (days, left) in [(89, 1), (2, 0)] {
            app.clock.advance(std::time::Duration::from_secs(days * 24 * 60 * 60));
            throughline::retention::sweep(&program.app).await.expect("it sweeps");
            let count = |conn: &mut throughline::db::Conn| {
                use diesel::prelude::*;
                throughline::db::schema::product_imports::table.count().get_result::<i64>(conn)
            };
            assert_eq!(program.ask(count).await, left, "after {days} more days");
        }
        assert_eq!(found(&program, ProductId(1)).await.product.version, 2);
    }
}
