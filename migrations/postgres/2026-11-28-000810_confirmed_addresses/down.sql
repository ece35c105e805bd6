ALTER TABLE contact_addresses DROP COLUMN confirmed_at;
ALTER TABLE contact_addresses DROP COLUMN confirmed_by;
