-- Since when a schedule is known: nothing that was due before counts as missed. And who holds it, why, until when.
CREATE TABLE schedules (
    name TEXT NOT NULL PRIMARY KEY,
    since TIMESTAMP NOT NULL,
    changed_at TIMESTAMP NOT NULL,
    paused_at TIMESTAMP,
    paused_by TEXT,
    paused_until TIMESTAMP,
    pause_reason TEXT
);
-- Each due time has a row, also one that did not fire: when that was decided, by which process, and what was decided.
ALTER TABLE schedule_runs RENAME COLUMN fired_at TO decided_at;
ALTER TABLE schedule_runs RENAME COLUMN fired_by TO decided_by;
ALTER TABLE schedule_runs ADD COLUMN outcome TEXT NOT NULL DEFAULT 'fired'
    CHECK (outcome IN ('fired', 'by_hand', 'overlapped', 'paused', 'missed'));
-- Who asked for the run, or held the schedule; and why.
ALTER TABLE schedule_runs ADD COLUMN actor TEXT;
ALTER TABLE schedule_runs ADD COLUMN reason TEXT;
-- How far the database's clock was ahead of the process's machine, when last measured.
ALTER TABLE processes ADD COLUMN clock_ahead_ms BIGINT;
