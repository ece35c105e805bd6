-- The timeline: what happened, append-only.
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    line_id TEXT NOT NULL,
    source TEXT NOT NULL,
    source_event_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    occurred_at TIMESTAMP NOT NULL,
    recorded_at TIMESTAMP NOT NULL,
    data TEXT NOT NULL,
    UNIQUE (source, source_event_id)
);
CREATE INDEX events_by_time ON events (occurred_at, id);
CREATE INDEX events_by_line ON events (line_id, id);
CREATE INDEX events_by_subject ON events (subject, id);
-- Who did what, when, why. seal_seq and seal stay empty until the sealer has chained the row.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    at TIMESTAMP NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    line_id TEXT,
    reason TEXT,
    before TEXT,
    after TEXT,
    address TEXT,
    seal_seq BIGINT UNIQUE,
    seal TEXT
);
CREATE INDEX audit_by_time ON audit (at, id);
CREATE INDEX audit_by_subject ON audit (subject, id);
CREATE INDEX audit_by_line ON audit (line_id, id);
