-- Two more states: held for a person to look at, and marked as spam. SQLite changes a CHECK by making the table anew.
CREATE TABLE leads_new (
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
    status TEXT NOT NULL CHECK (status IN ('pending', 'processing', 'sent', 'retry', 'failed', 'uncertain', 'cancelled', 'quarantined', 'spam')),
    retry_count BIGINT NOT NULL,
    last_error TEXT,
    processed_at TIMESTAMP,
    zoho_lead_id TEXT,
    provider_response TEXT,
    received_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
INSERT INTO leads_new (
    id, line_id, status_token_hash, kind, source, name, email, email_key, phone, phone_e164, company, message, items, utm, page_url,
    consent_given, consent_wording, conversation_id, transcript, extra, status, retry_count, last_error, processed_at, zoho_lead_id,
    provider_response, received_at, updated_at
) SELECT
    id, line_id, status_token_hash, kind, source, name, email, email_key, phone, phone_e164, company, message, items, utm, page_url,
    consent_given, consent_wording, conversation_id, transcript, extra, status, retry_count, last_error, processed_at, zoho_lead_id,
    provider_response, received_at, updated_at
FROM leads;
-- Ids are never given twice, also not those of leads that are gone.
DELETE FROM sqlite_sequence WHERE name = 'leads_new';
INSERT INTO sqlite_sequence (name, seq) SELECT 'leads_new', seq FROM sqlite_sequence WHERE name = 'leads';
DROP TABLE leads;
ALTER TABLE leads_new RENAME TO leads;
-- Lists, searches and counts of leads pass over what is held without reading it.
CREATE INDEX leads_by_time ON leads (received_at, id) WHERE status <> 'quarantined' AND status <> 'spam';
CREATE INDEX leads_by_status ON leads (status, received_at, id);
CREATE INDEX leads_by_source ON leads (source, received_at, id) WHERE status <> 'quarantined' AND status <> 'spam';
CREATE INDEX leads_by_email ON leads (email_key, received_at, id) WHERE status <> 'quarantined' AND status <> 'spam';
CREATE INDEX leads_to_forget ON leads (updated_at, id) WHERE provider_response IS NOT NULL;
-- Why a submission is held: reasons is JSON, [{"points", "words"}]. Gone with the lead.
CREATE TABLE suspicions (
    lead_id BIGINT NOT NULL PRIMARY KEY,
    score BIGINT NOT NULL,
    reasons TEXT NOT NULL,
    noted_at TIMESTAMP NOT NULL
);
