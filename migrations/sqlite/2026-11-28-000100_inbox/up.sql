-- Everything that providers told us, as it came. One row for each event of a provider, however often it is sent.
CREATE TABLE receipts (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    provider TEXT NOT NULL,
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    object_id TEXT,
    verdict TEXT NOT NULL CHECK (verdict IN ('verified', 'fetched')),
    livemode BOOLEAN,
    account TEXT,
    api_version TEXT,
    headers TEXT,
    body BLOB,
    size_bytes BIGINT NOT NULL,
    address TEXT,
    happened_at TIMESTAMP,
    received_at TIMESTAMP NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('received', 'handled', 'superseded', 'not_handled', 'refused', 'failed')),
    reason TEXT,
    caused TEXT,
    line_id TEXT NOT NULL,
    duplicates BIGINT NOT NULL,
    seen_again_at TIMESTAMP,
    settled_at TIMESTAMP,
    UNIQUE (provider, event_id)
);
CREATE INDEX receipts_by_time ON receipts (received_at, id);
-- When a provider was last heard of, and which way.
CREATE INDEX receipts_by_source ON receipts (provider, verdict, received_at, id);
CREATE INDEX receipts_by_state ON receipts (state, received_at, id);
CREATE INDEX receipts_by_type ON receipts (event_type, received_at, id);
CREATE INDEX receipts_by_object ON receipts (object_id, received_at, id);
-- Those whose content is still kept, for the day on which it goes.
CREATE INDEX receipts_whole ON receipts (received_at, id) WHERE body IS NOT NULL;
CREATE INDEX receipts_by_line ON receipts (line_id);
-- What was posted with a wrong signature: the newest thousand, for finding out why. Never interpreted.
CREATE TABLE refused_webhooks (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    provider TEXT NOT NULL,
    flaw TEXT NOT NULL,
    address TEXT NOT NULL,
    headers TEXT NOT NULL,
    body BLOB NOT NULL,
    size_bytes BIGINT NOT NULL,
    received_at TIMESTAMP NOT NULL
);
CREATE INDEX refused_webhooks_by_time ON refused_webhooks (received_at, id);
-- How many there were in each hour, beyond those that are kept.
CREATE TABLE refused_webhook_counts (
    provider TEXT NOT NULL,
    flaw TEXT NOT NULL,
    hour_at TIMESTAMP NOT NULL,
    refused BIGINT NOT NULL,
    PRIMARY KEY (provider, flaw, hour_at)
);
CREATE INDEX refused_webhook_counts_by_hour ON refused_webhook_counts (hour_at);
-- How far the events that a provider keeps have been read.
CREATE TABLE event_feeds (
    provider TEXT NOT NULL PRIMARY KEY,
    begins_at TIMESTAMP NOT NULL,
    cursor_id TEXT,
    cursor_at TIMESTAMP,
    walk_newest_id TEXT,
    walk_newest_at TIMESTAMP,
    walk_after_id TEXT,
    read_at TIMESTAMP,
    gap_from TIMESTAMP,
    gap_found_at TIMESTAMP
);
