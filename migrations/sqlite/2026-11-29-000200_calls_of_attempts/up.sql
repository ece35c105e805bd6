-- What came of each call of an attempt that made several, as JSON: call, status, ms, request_id.
ALTER TABLE job_attempts ADD COLUMN calls TEXT;
-- A query may name a person, and this column is none of those that hold personal data.
UPDATE job_attempts SET provider_call = SUBSTR(provider_call, 1, INSTR(provider_call, '?') - 1) WHERE INSTR(provider_call, '?') > 0;
