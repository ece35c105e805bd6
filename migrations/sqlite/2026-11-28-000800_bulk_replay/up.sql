-- Receipts that fit a filter are replayed by a bulk operation too. SQLite changes a CHECK by making the table anew.
CREATE TABLE bulk_operations_anew (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    line_id TEXT NOT NULL,
    subject TEXT NOT NULL CHECK (subject IN ('jobs', 'leads', 'receipts')),
    act TEXT NOT NULL CHECK (act IN ('retry', 'cancel', 'discard', 'replay', 'replay_with_mails')),
    filter TEXT NOT NULL,
    reason TEXT,
    started_by TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'cancelled', 'failed')),
    job_id BIGINT,
    id_max BIGINT NOT NULL,
    total BIGINT NOT NULL,
    is_total_floor BOOLEAN NOT NULL,
    place TEXT,
    done BIGINT NOT NULL,
    skipped BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    reasons TEXT NOT NULL,
    cancelled_by TEXT,
    last_error TEXT,
    created_at TIMESTAMP NOT NULL,
    started_at TIMESTAMP,
    finished_at TIMESTAMP,
    updated_at TIMESTAMP NOT NULL
);
INSERT INTO bulk_operations_anew SELECT * FROM bulk_operations;
DROP TABLE bulk_operations;
ALTER TABLE bulk_operations_anew RENAME TO bulk_operations;
-- The same thing is not asked for twice at once.
CREATE UNIQUE INDEX bulk_operations_under_way ON bulk_operations (subject, act, filter) WHERE state IN ('waiting', 'running');
