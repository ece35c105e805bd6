DROP TABLE schedule_runs;
DROP TABLE job_attempts;
DROP TABLE jobs;
DROP TABLE processes;
