-- Two more states: held for a person to look at, and marked as spam.
ALTER TABLE leads DROP CONSTRAINT leads_status_check;
ALTER TABLE leads ADD CONSTRAINT leads_status_check CHECK (status IN ('pending', 'processing', 'sent', 'retry', 'failed', 'uncertain', 'cancelled', 'quarantined', 'spam'));
DROP INDEX leads_by_time;
DROP INDEX leads_by_source;
DROP INDEX leads_by_email;
-- Lists, searches and counts of leads pass over what is held without reading it.
CREATE INDEX leads_by_time ON leads (received_at, id) WHERE status <> 'quarantined' AND status <> 'spam';
CREATE INDEX leads_by_source ON leads (source, received_at, id) WHERE status <> 'quarantined' AND status <> 'spam';
CREATE INDEX leads_by_email ON leads (email_key, received_at, id) WHERE status <> 'quarantined' AND status <> 'spam';
-- Why a submission is held: reasons is JSON, [{"points", "words"}]. Gone with the lead.
CREATE TABLE suspicions (
    lead_id BIGINT NOT NULL PRIMARY KEY,
    score BIGINT NOT NULL,
    reasons TEXT NOT NULL,
    noted_at TIMESTAMP NOT NULL
);
