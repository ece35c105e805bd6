-- Mails that are to be sent or were: what each says, to whom. Its job carries the id alone.
CREATE TABLE mails (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    message_key TEXT NOT NULL UNIQUE,
    purpose TEXT NOT NULL CHECK (purpose IN ('lead', 'leads', 'daily', 'reply')),
    reader TEXT NOT NULL,
    line_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    to_name TEXT,
    to_address TEXT NOT NULL,
    reply_name TEXT,
    reply_address TEXT,
    letter TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    sent_at TIMESTAMP
);
-- How many a reader was sent lately.
CREATE INDEX mails_by_reader ON mails (reader, purpose, created_at);
