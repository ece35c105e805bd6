ALTER TABLE leads DROP COLUMN language;
ALTER TABLE leads DROP COLUMN consent_version;
DROP TABLE consent_wordings;
