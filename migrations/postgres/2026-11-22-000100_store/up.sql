-- One row a group commit: after a connection lost at COMMIT, inserting the same id tells whether the batch was committed.
CREATE TABLE write_batches (
    id TEXT NOT NULL PRIMARY KEY,
    committed_at TIMESTAMP NOT NULL
);
CREATE INDEX write_batches_by_time ON write_batches (committed_at);
