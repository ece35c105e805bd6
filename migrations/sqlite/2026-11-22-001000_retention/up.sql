-- What is emptied after its time; a row leaves its index when that is done, so that a sweep reads only what is left to do.
CREATE INDEX audit_to_forget ON audit (at, id) WHERE address IS NOT NULL;
CREATE INDEX leads_to_forget ON leads (updated_at, id) WHERE provider_response IS NOT NULL;
