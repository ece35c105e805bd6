-- What was sealed of the personal values, and the salts that hide them: erasing a value takes its salt with it, and the
-- commitment alone says nothing about the value.
ALTER TABLE audit ADD COLUMN commitments TEXT;
ALTER TABLE audit ADD COLUMN salts TEXT;
-- What the sealer still has to do stands at the beginning of the unique index on seal_seq, in the order of ids: PostgreSQL needs
-- an index of its own for that, SQLite does not.
-- The end of the chain: one row, locked by whoever seals. A deleted end is found by it.
CREATE TABLE audit_chain (
    id BIGINT NOT NULL PRIMARY KEY,
    last_seq BIGINT NOT NULL,
    last_seal TEXT NOT NULL,
    sealed_at TIMESTAMP
);
INSERT INTO audit_chain (id, last_seq, last_seal) VALUES (1, 0, '');
