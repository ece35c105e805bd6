-- What each user wants to be told by mail. No row: nothing.
CREATE TABLE mail_choices (
    user_id BIGINT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    new_leads TEXT NOT NULL CHECK (new_leads IN ('at_once', 'daily', 'off')),
    daily_at TEXT NOT NULL,
    since TIMESTAMP NOT NULL
);
-- Leads in the order in which they became news: ids are given under a lock, so that a reader's place in it means something.
CREATE TABLE lead_news (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    lead_id BIGINT NOT NULL UNIQUE REFERENCES leads (id) ON DELETE CASCADE,
    noted_at TIMESTAMP NOT NULL
);
-- How far each reader of the news was told, and until when single mails are held back.
CREATE TABLE news_readers (
    reader TEXT NOT NULL PRIMARY KEY,
    told_up_to BIGINT NOT NULL,
    held_until TIMESTAMP,
    daily_until TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
-- The answer that somebody gets who has just written to us. One row.
CREATE TABLE reply_settings (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    is_on BOOLEAN NOT NULL,
    changed_at TIMESTAMP NOT NULL
);
CREATE TABLE reply_texts (
    language TEXT NOT NULL PRIMARY KEY,
    subject TEXT NOT NULL,
    body TEXT NOT NULL
);
-- Whom we answered when, by a hash of the address: once a day at most.
CREATE TABLE replied_addresses (
    address_hash TEXT NOT NULL PRIMARY KEY,
    replied_at TIMESTAMP NOT NULL
);
CREATE INDEX replied_addresses_by_time ON replied_addresses (replied_at);
