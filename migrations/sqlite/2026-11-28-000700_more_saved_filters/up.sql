-- Filters of orders, receipts and products are kept too. SQLite changes a CHECK by making the table anew.
CREATE TABLE saved_filters_anew (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    list TEXT NOT NULL CHECK (list IN ('leads', 'outbox', 'orders', 'inbox', 'products')),
    name TEXT NOT NULL,
    query TEXT NOT NULL,
    is_shared BOOLEAN NOT NULL,
    created_at TIMESTAMP NOT NULL,
    UNIQUE (user_id, list, name)
);
INSERT INTO saved_filters_anew SELECT * FROM saved_filters;
DROP TABLE saved_filters;
ALTER TABLE saved_filters_anew RENAME TO saved_filters;
CREATE INDEX saved_filters_shared ON saved_filters (list) WHERE is_shared;
