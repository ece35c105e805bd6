DROP TABLE field_mappings;
DROP TABLE crm_fields;
DROP TABLE oauth_states;
ALTER TABLE connections DROP COLUMN scopes;
ALTER TABLE connections DROP COLUMN organisation_name;
ALTER TABLE connections DROP COLUMN organisation_id;
