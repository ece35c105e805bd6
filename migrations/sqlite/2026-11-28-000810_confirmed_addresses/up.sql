-- Who of the staff said that an address is this contact's own.
ALTER TABLE contact_addresses ADD COLUMN confirmed_by TEXT;
ALTER TABLE contact_addresses ADD COLUMN confirmed_at TIMESTAMP;
