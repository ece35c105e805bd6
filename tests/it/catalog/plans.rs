//! The plan of each question that the list of products asks: of a million products none may read them all.

use crate::harness::both_engines;
use crate::web::big_tables::{fill, plan};

/// Products, one a second; one in a hundred is switched off, one in a hundred has no price.
const FILL: &[&str] = &[
    "INSERT INTO products (sku, sku_key, kind, category, is_active, tax_class, source, has_price, version, created_at, updated_at)
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
     SELECT 'SKU-' || i, 'sku-' || i, 'goods', 'category-' || (i % 50), i % 100 <> 0, 'standard', 'import', i % 100 <> 1, 1, AT(i), AT(i) FROM n",
    "INSERT INTO product_names (product_id, language, name) SELECT id, 'en', 'Name ' || id FROM products",
    "INSERT INTO price_lists (name, name_key, currency, priority, is_active, is_default, source, version, created_at, updated_at)
     SELECT 'List ' || id, 'list ' || id, 'EUR', id, TRUE, FALSE, 'manual', 1, created_at, created_at FROM products WHERE id <= 5",
    "INSERT INTO prices (product_id, price_list_id, min_quantity, amount_minor, updated_at)
     SELECT p.id, l.id, 1, 100, p.created_at FROM products p, price_lists l WHERE p.has_price",
    "ANALYZE",
];

both_engines! {
    async fn every_question_of_the_list_is_answered_from_an_index(app: TestApp) {
        let program = app.whole_with(Default::default(), &[]).await;
        fill(&app, &program, FILL).await;
        for (index, sql) in [
            ("products_by_time", "SELECT * FROM products ORDER BY created_at DESC, id DESC LIMIT 51"),
            ("products_by_time", "SELECT * FROM products WHERE is_active = TRUE ORDER BY created_at DESC, id DESC LIMIT 51"),
            ("products_by_time", "SELECT * FROM products WHERE created_at <= '2026-11-21 03:00:00' AND (created_at < '2026-11-21 03:00:00' OR id < 9) ORDER BY created_at DESC, id DESC LIMIT 51"),
            ("products_unpriced", "SELECT * FROM products WHERE (NOT products.has_price) ORDER BY created_at DESC, id DESC LIMIT 51"),
            ("products_inactive", "SELECT * FROM products WHERE (NOT products.is_active) ORDER BY created_at DESC, id DESC LIMIT 51"),
            ("products_unpriced", "SELECT COUNT(*) FROM (SELECT 1 AS one FROM products WHERE NOT products.has_price LIMIT 10000) AS first"),
            ("products_by_category", "SELECT * FROM products WHERE category = 'category-7' ORDER BY created_at DESC, id DESC LIMIT 51"),
            ("products_by_category", "SELECT category FROM products WHERE category > 'category-7' ORDER BY category LIMIT 1"),
            ("sku_key", "SELECT id FROM products WHERE sku_key >= 'sku-77' AND sku_key < 'sku-78' ORDER BY sku_key LIMIT 1"),
            ("sku_key", "SELECT * FROM products WHERE sku_key IN ('sku-1', 'sku-2', 'sku-3')"),
            ("product_names", "SELECT * FROM product_names WHERE product_id IN (1, 2, 3)"),
            ("prices", "SELECT * FROM prices INNER JOIN price_lists ON prices.price_list_id = price_lists.id WHERE prices.product_id IN (1, 2, 3)"),
        ] {
            let plan = plan(&app, &program, sql).await;
            assert!(plan.contains(index), "{sql}\n{plan}");
            assert!(!plan.contains("Seq Scan on products") && !plan.contains("Seq Scan on prices") && !plan.contains("SCAN products\n"), "{sql}\n{plan}");
        }
    }
}
