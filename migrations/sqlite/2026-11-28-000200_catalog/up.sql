-- What is sold. The key is the SKU as it is compared (docs/catalog.md); lists read it in the order of its bytes on both engines.
CREATE TABLE products (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    sku TEXT NOT NULL,
    sku_key TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('goods', 'service', 'shipping')),
    category TEXT,
    image_url TEXT,
    is_active BOOLEAN NOT NULL,
    tax_class TEXT NOT NULL CHECK (tax_class IN ('standard', 'reduced', 'zero', 'exempt')),
    source TEXT NOT NULL CHECK (source IN ('manual', 'import', 'zoho')),
    zoho_item_id TEXT UNIQUE,
    -- Whether prices has a row of it, in any list: so that those without one are found without a look at all of them.
    has_price BOOLEAN NOT NULL,
    -- Counts every change of the product, its names and its prices: whoever saves over another version is refused.
    version BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX products_by_time ON products (created_at, id);
CREATE INDEX products_by_category ON products (category, created_at, id);
CREATE INDEX products_unpriced ON products (created_at, id) WHERE NOT has_price;
CREATE INDEX products_inactive ON products (created_at, id) WHERE NOT is_active;
CREATE TABLE product_names (
    product_id BIGINT NOT NULL REFERENCES products (id) ON DELETE CASCADE,
    language TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (product_id, language)
);
-- Prices in one currency that hold for some time. A list without a beginning or an end holds from ever or for ever.
CREATE TABLE price_lists (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    currency TEXT NOT NULL,
    priority BIGINT NOT NULL,
    valid_from TIMESTAMP,
    valid_until TIMESTAMP,
    is_active BOOLEAN NOT NULL,
    is_default BOOLEAN NOT NULL,
    source TEXT NOT NULL CHECK (source IN ('manual', 'import', 'zoho')),
    zoho_pricebook_id TEXT UNIQUE,
    version BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
-- One list a currency has the prices of everything that no other list prices.
CREATE UNIQUE INDEX price_lists_default ON price_lists (currency) WHERE is_default;
CREATE TABLE prices (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    product_id BIGINT NOT NULL REFERENCES products (id) ON DELETE CASCADE,
    price_list_id BIGINT NOT NULL REFERENCES price_lists (id),
    -- The price of one, for whoever takes at least so many.
    min_quantity BIGINT NOT NULL CHECK (min_quantity >= 1),
    amount_minor BIGINT NOT NULL CHECK (amount_minor >= 0),
    updated_at TIMESTAMP NOT NULL,
    UNIQUE (product_id, price_list_id, min_quantity)
);
CREATE INDEX prices_by_list ON prices (price_list_id);
-- An uploaded file of products on its way in: small, so it stands in one row until it has been taken over or discarded.
CREATE TABLE product_imports (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    file_name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('staged', 'running', 'done', 'cancelled')),
    content BLOB,
    -- What its columns hold, as it was shown before the start.
    plan TEXT NOT NULL,
    row_count BIGINT NOT NULL,
    -- How far it is: a run that was cut off goes on here.
    rows_done BIGINT NOT NULL,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    unchanged BIGINT NOT NULL,
    last_error TEXT,
    created_by TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    finished_at TIMESTAMP
);
CREATE INDEX product_imports_by_time ON product_imports (created_at, id);
