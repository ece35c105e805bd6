-- Leads of an older system on their way in: one row a file.
CREATE TABLE imports (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    source TEXT NOT NULL,
    file_name TEXT NOT NULL,
    file_hash TEXT NOT NULL,
    file_bytes BIGINT NOT NULL,
    -- What was recognised and chosen: format, separator, columns.
    plan TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('staged', 'running', 'done', 'cancelled')),
    -- How far it is: a run that was cut off goes on here.
    rows_done BIGINT NOT NULL,
    bytes_done BIGINT NOT NULL,
    queued BIGINT NOT NULL,
    sent BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    skipped BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    noted BIGINT NOT NULL,
    last_error TEXT,
    created_by TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    finished_at TIMESTAMP,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX imports_by_time ON imports (created_at, id);
CREATE INDEX imports_by_file ON imports (source, file_hash);
-- Which rows were taken over, by a digest of what tells them apart: a second import of the same leads brings nothing twice.
CREATE TABLE imported_leads (
    source TEXT NOT NULL,
    row_key TEXT NOT NULL,
    line_id TEXT NOT NULL,
    import_id BIGINT NOT NULL,
    PRIMARY KEY (source, row_key)
);
-- An uploaded file in pieces, so that whichever process runs the import has it. Removed when the import has ended.
CREATE TABLE import_pieces (
    import_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    data BLOB NOT NULL,
    staged_at TIMESTAMP NOT NULL,
    PRIMARY KEY (import_id, seq)
);
CREATE INDEX import_pieces_by_time ON import_pieces (staged_at);
-- Rows that were not taken over, as they came, and why: to be mended and imported again.
CREATE TABLE import_refusals (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    import_id BIGINT NOT NULL,
    line BIGINT NOT NULL,
    why TEXT NOT NULL,
    content TEXT NOT NULL,
    refused_at TIMESTAMP NOT NULL
);
CREATE INDEX import_refusals_by_import ON import_refusals (import_id, id);
CREATE INDEX import_refusals_by_time ON import_refusals (refused_at);
