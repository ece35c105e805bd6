ALTER TABLE processes DROP COLUMN clock_ahead_ms;
DELETE FROM schedule_runs WHERE outcome <> 'fired';
ALTER TABLE schedule_runs DROP COLUMN reason;
ALTER TABLE schedule_runs DROP COLUMN actor;
ALTER TABLE schedule_runs DROP COLUMN outcome;
ALTER TABLE schedule_runs RENAME COLUMN decided_by TO fired_by;
ALTER TABLE schedule_runs RENAME COLUMN decided_at TO fired_at;
DROP TABLE schedules;
