-- Jobs with one order_key run one at a time, the lowest unfinished id first. order_place: NULL holds no place, 0 is the head,
-- 1 waits behind it and takes no part in the claim's scan.
ALTER TABLE jobs ADD COLUMN order_key TEXT;
ALTER TABLE jobs ADD COLUMN order_place BIGINT;
-- An enqueue met this job while it ran: its finish queues it once more.
ALTER TABLE jobs ADD COLUMN run_again BOOLEAN NOT NULL DEFAULT FALSE;
-- After a batch that failed as a whole: the largest batch this job may be part of.
ALTER TABLE jobs ADD COLUMN batch_limit BIGINT;

DROP INDEX jobs_ready;
DROP INDEX jobs_running;
DROP INDEX jobs_by_state;
DROP INDEX jobs_by_kind;
-- The claim hops from kind to kind and lane to lane along it, and reads each from its oldest.
CREATE INDEX jobs_ready ON jobs (kind, lane, run_at, id) WHERE state = 'pending' AND COALESCE(order_place, 0) = 0;
-- Running jobs, and uncertain ones that are being looked up.
CREATE INDEX jobs_leased ON jobs (leased_by) WHERE leased_by IS NOT NULL;
-- Lists, each in the order of ids. Two partial indexes in place of two whole ones: on PostgreSQL each claim and each finish
-- writes to every index the row is in. Running jobs are few and are found by their lease.
CREATE INDEX jobs_open ON jobs (state, kind, id) WHERE state <> 'succeeded' AND state <> 'running';
CREATE INDEX jobs_done ON jobs (kind, id) WHERE state = 'succeeded';
CREATE INDEX jobs_in_order ON jobs (order_key, id) WHERE order_place IS NOT NULL;
-- Whatever the program believes, two jobs of one order key never run at once.
CREATE UNIQUE INDEX jobs_order_guard ON jobs (order_key) WHERE order_key IS NOT NULL AND state IN ('running', 'uncertain');

-- Locked by whoever changes the order of a key; gone when nothing waits for it. A job of a higher lane lifts those before it.
CREATE TABLE order_keys (
    order_key TEXT NOT NULL PRIMARY KEY,
    changed_at TIMESTAMP NOT NULL,
    lifted_to TEXT,
    lifted_until BIGINT
);
-- When to look up what became of an uncertain job, and how often that was done.
CREATE TABLE job_probes (
    job_id BIGINT NOT NULL PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    probe_at TIMESTAMP NOT NULL,
    probes BIGINT NOT NULL
);
CREATE INDEX job_probes_due ON job_probes (probe_at, job_id);
-- How far a long job has come, by its own word.
CREATE TABLE job_progress (
    job_id BIGINT NOT NULL PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    done BIGINT NOT NULL,
    total BIGINT,
    message TEXT,
    updated_at TIMESTAMP NOT NULL
);
-- A kind, a lane or a connection whose jobs are held by a person.
CREATE TABLE pauses (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('kind', 'lane', 'connection')),
    name TEXT NOT NULL,
    reason TEXT,
    paused_by TEXT NOT NULL,
    paused_at TIMESTAMP NOT NULL,
    until TIMESTAMP,
    UNIQUE (scope, name)
);
-- Calls made or reserved, in buckets that add up to the provider's windows.
CREATE TABLE call_usage (
    connection TEXT NOT NULL,
    window_s BIGINT NOT NULL,
    bucket_at TIMESTAMP NOT NULL,
    calls BIGINT NOT NULL,
    PRIMARY KEY (connection, window_s, bucket_at)
);
-- One row a run under way that may call: what it may still use, and a slot among the calls at once.
CREATE TABLE call_reservations (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    connection TEXT NOT NULL,
    process_id TEXT NOT NULL,
    calls BIGINT NOT NULL,
    reserved_at TIMESTAMP NOT NULL
);
CREATE INDEX call_reservations_by_connection ON call_reservations (connection, id);
CREATE INDEX call_reservations_by_process ON call_reservations (process_id);
