CREATE TABLE processes (
    id TEXT NOT NULL PRIMARY KEY,
    role TEXT NOT NULL,
    version TEXT NOT NULL,
    host TEXT NOT NULL,
    started_at TIMESTAMP NOT NULL,
    heartbeat_at TIMESTAMP NOT NULL
);
-- The outbox: everything still to be done to the outside world, and what became of it.
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    kind TEXT NOT NULL,
    lane TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'running', 'succeeded', 'dead', 'cancelled', 'uncertain')),
    payload TEXT NOT NULL,
    line_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    connection TEXT,
    unique_key TEXT,
    repeatable BOOLEAN NOT NULL,
    run_at TIMESTAMP NOT NULL,
    attempts BIGINT NOT NULL,
    attempts_max BIGINT NOT NULL,
    provider_failures BIGINT NOT NULL,
    lease_token BIGINT,
    leased_by TEXT,
    waits_for TEXT,
    last_class TEXT,
    last_error TEXT,
    last_failed_at TIMESTAMP,
    note TEXT,
    created_at TIMESTAMP NOT NULL,
    due_since TIMESTAMP NOT NULL,
    started_at TIMESTAMP,
    finished_at TIMESTAMP,
    updated_at TIMESTAMP NOT NULL
);
-- By connection first: the jobs of a blocked one are never walked over.
CREATE INDEX jobs_ready ON jobs (connection, run_at, id) WHERE state = 'pending';
CREATE INDEX jobs_running ON jobs (leased_by) WHERE state = 'running';
CREATE UNIQUE INDEX jobs_unique_unfinished ON jobs (unique_key)
    WHERE unique_key IS NOT NULL AND state IN ('pending', 'running', 'uncertain');
CREATE INDEX jobs_by_state ON jobs (state, id);
CREATE INDEX jobs_by_kind ON jobs (kind, state, id);
CREATE INDEX jobs_by_subject ON jobs (subject, id);
CREATE INDEX jobs_by_line ON jobs (line_id, id);
CREATE INDEX jobs_by_finish ON jobs (finished_at) WHERE finished_at IS NOT NULL;
-- Failed attempts and calls to providers; a first attempt that simply succeeds is told by its job row alone.
CREATE TABLE job_attempts (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    job_id BIGINT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    line_id TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    process_id TEXT NOT NULL,
    started_at TIMESTAMP NOT NULL,
    finished_at TIMESTAMP NOT NULL,
    outcome TEXT NOT NULL,
    class TEXT,
    message TEXT,
    provider TEXT,
    provider_call TEXT,
    provider_status BIGINT,
    provider_ms BIGINT,
    provider_request_id TEXT,
    request TEXT,
    response TEXT
);
CREATE INDEX job_attempts_by_job ON job_attempts (job_id, id);
CREATE INDEX job_attempts_by_line ON job_attempts (line_id, id);
-- Each due time is a row: whoever inserts it first has fired it.
CREATE TABLE schedule_runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    schedule TEXT NOT NULL,
    due_at TIMESTAMP NOT NULL,
    fired_at TIMESTAMP NOT NULL,
    fired_by TEXT NOT NULL,
    job_id BIGINT,
    UNIQUE (schedule, due_at)
);
