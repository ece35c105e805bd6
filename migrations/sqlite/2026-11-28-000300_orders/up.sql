-- What a customer bought, and where its money stands. State and sums are worked out from stripe_objects each time one of them changes.
CREATE TABLE orders (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- Ours, in the metadata of what we have Stripe make. Empty: the order began at Stripe.
    reference TEXT UNIQUE,
    state TEXT NOT NULL,
    currency TEXT,
    total_minor BIGINT,
    paid_minor BIGINT NOT NULL DEFAULT 0,
    refunded_minor BIGINT NOT NULL DEFAULT 0,
    lost_minor BIGINT NOT NULL DEFAULT 0,
    attention TEXT,
    email TEXT,
    person TEXT,
    customer TEXT,
    line_id TEXT NOT NULL,
    placed_at TIMESTAMP NOT NULL,
    paid_at TIMESTAMP,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX orders_by_time ON orders (placed_at, id);
CREATE INDEX orders_by_state ON orders (state, placed_at, id);
CREATE INDEX orders_by_email ON orders (email, placed_at, id) WHERE email IS NOT NULL;
CREATE INDEX orders_to_look_at ON orders (placed_at, id) WHERE attention IS NOT NULL;
CREATE TABLE order_lines (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    order_id BIGINT NOT NULL REFERENCES orders (id),
    position BIGINT NOT NULL,
    sku TEXT NOT NULL,
    name TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    unit_minor BIGINT NOT NULL,
    total_minor BIGINT NOT NULL,
    UNIQUE (order_id, position)
);
-- The last word on each object of Stripe that says something about an order (docs/orders.md says which word is the last).
CREATE TABLE stripe_objects (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    object_id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    status_rank BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL,
    settled_minor BIGINT NOT NULL,
    currency TEXT,
    made_at TIMESTAMP,
    payment TEXT,
    charge TEXT,
    invoice TEXT,
    subscription TEXT,
    customer TEXT,
    reference TEXT,
    email TEXT,
    person TEXT,
    event_id TEXT NOT NULL,
    event_at TIMESTAMP NOT NULL,
    line_id TEXT NOT NULL,
    order_id BIGINT REFERENCES orders (id),
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX stripe_objects_by_order ON stripe_objects (order_id, id) WHERE order_id IS NOT NULL;
CREATE INDEX stripe_objects_by_payment ON stripe_objects (payment) WHERE payment IS NOT NULL;
CREATE INDEX stripe_objects_by_charge ON stripe_objects (charge) WHERE charge IS NOT NULL;
CREATE INDEX stripe_objects_by_invoice ON stripe_objects (invoice) WHERE invoice IS NOT NULL;
CREATE INDEX stripe_objects_without_order ON stripe_objects (event_at, id) WHERE order_id IS NULL;
-- One row, locked by whoever joins objects to orders. (A lock on the table itself would keep vacuum from it.)
CREATE TABLE order_book (
    id BIGINT NOT NULL PRIMARY KEY
);
INSERT INTO order_book (id) VALUES (1);
