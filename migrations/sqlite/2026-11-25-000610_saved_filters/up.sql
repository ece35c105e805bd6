-- Filters of lists that people keep under a name; an admin may show theirs to everyone.
CREATE TABLE saved_filters (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    list TEXT NOT NULL CHECK (list IN ('leads', 'outbox')),
    name TEXT NOT NULL,
    query TEXT NOT NULL,
    is_shared BOOLEAN NOT NULL,
    created_at TIMESTAMP NOT NULL,
    UNIQUE (user_id, list, name)
);
CREATE INDEX saved_filters_shared ON saved_filters (list) WHERE is_shared;
