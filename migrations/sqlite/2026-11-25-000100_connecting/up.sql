-- Whose account the grant is for, and what it allows, as far as the provider says.
ALTER TABLE connections ADD COLUMN organisation_id TEXT;
ALTER TABLE connections ADD COLUMN organisation_name TEXT;
ALTER TABLE connections ADD COLUMN scopes TEXT;
-- A sign-in at a provider that a person has begun: good once, for ten minutes, in the session that began it.
CREATE TABLE oauth_states (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    provider TEXT NOT NULL,
    state_hash TEXT NOT NULL UNIQUE,
    session_id BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    accounts_url TEXT NOT NULL,
    client_id TEXT NOT NULL,
    client_secret_sealed TEXT NOT NULL,
    move_to TEXT,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    used_at TIMESTAMP
);
CREATE INDEX oauth_states_by_time ON oauth_states (created_at);
CREATE INDEX oauth_states_by_session ON oauth_states (session_id);
-- The fields of the provider's leads when they were last read: JSON, since they are only ever read together.
CREATE TABLE crm_fields (
    connection_id BIGINT NOT NULL PRIMARY KEY REFERENCES connections (id) ON DELETE CASCADE,
    fields TEXT NOT NULL,
    read_at TIMESTAMP NOT NULL
);
-- Which field of the provider gets which part of a lead, as somebody saved it: JSON. Without a row the settings hold.
CREATE TABLE field_mappings (
    provider TEXT NOT NULL PRIMARY KEY,
    mapping TEXT NOT NULL,
    saved_at TIMESTAMP NOT NULL,
    saved_by TEXT NOT NULL
);
