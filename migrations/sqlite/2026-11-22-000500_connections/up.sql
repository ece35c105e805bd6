-- Which key sealed the secrets here, with a known text sealed by it: a wrong key is found at start, not at the first use.
CREATE TABLE encryption_keys (
    id TEXT NOT NULL PRIMARY KEY,
    check_sealed TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL
);
-- One row a provider. Columns ending in _sealed are encrypted.
CREATE TABLE connections (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    provider TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('connected', 'needs_reconnect', 'disconnected')),
    state_reason TEXT,
    accounts_url TEXT NOT NULL,
    api_url TEXT NOT NULL,
    client_id TEXT NOT NULL,
    client_secret_sealed TEXT NOT NULL,
    refresh_token_sealed TEXT NOT NULL,
    access_token_sealed TEXT,
    access_expires_at TIMESTAMP,
    refreshing_until TIMESTAMP,
    refreshing_by TEXT,
    external_field TEXT,
    connected_at TIMESTAMP NOT NULL,
    connected_by TEXT NOT NULL,
    failures_in_a_row BIGINT NOT NULL,
    blocked_until TIMESTAMP,
    blocked_reason TEXT,
    probe_backoff_s BIGINT NOT NULL,
    last_success_at TIMESTAMP,
    last_error TEXT,
    last_error_at TIMESTAMP,
    updated_at TIMESTAMP NOT NULL
);
-- Each refresh of an access token: the provider allows 10 in 10 minutes, we allow ourselves 5.
CREATE TABLE token_refreshes (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    connection_id BIGINT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    at TIMESTAMP NOT NULL,
    error TEXT
);
CREATE INDEX token_refreshes_by_time ON token_refreshes (connection_id, at);
