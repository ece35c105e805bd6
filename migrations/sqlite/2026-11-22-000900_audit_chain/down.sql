DROP TABLE audit_chain;
UPDATE audit SET seal_seq = NULL, seal = NULL WHERE seal_seq IS NOT NULL;
ALTER TABLE audit DROP COLUMN salts;
ALTER TABLE audit DROP COLUMN commitments;
