CREATE TABLE leads (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    line_id TEXT NOT NULL UNIQUE,
    status_token_hash TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('quote', 'chatbot')),
    source TEXT NOT NULL,
    name TEXT NOT NULL,
    email TEXT,
    email_key TEXT,
    phone TEXT,
    phone_e164 TEXT,
    company TEXT,
    message TEXT,
    items TEXT NOT NULL,
    utm TEXT NOT NULL,
    page_url TEXT,
    consent_given BOOLEAN,
    consent_wording TEXT,
    conversation_id TEXT,
    transcript TEXT,
    extra TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'processing', 'sent', 'retry', 'failed', 'uncertain', 'cancelled')),
    retry_count BIGINT NOT NULL,
    last_error TEXT,
    processed_at TIMESTAMP,
    zoho_lead_id TEXT,
    provider_response TEXT,
    received_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX leads_by_time ON leads (received_at, id);
CREATE INDEX leads_by_status ON leads (status, received_at, id);
CREATE INDEX leads_by_source ON leads (source, received_at, id);
CREATE INDEX leads_by_email ON leads (email_key, received_at, id);
-- What an Idempotency-Key was answered with: the same key and body get the same answer for 24 h.
CREATE TABLE idempotency_answers (
    route TEXT NOT NULL,
    key_hash TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    status BIGINT NOT NULL,
    answer TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    PRIMARY KEY (route, key_hash)
);
CREATE INDEX idempotency_answers_by_time ON idempotency_answers (created_at);
