-- Retention by number, beside retention by age: at most so many of the newest are kept; NULL: any number.

ALTER TABLE forge_jobs.queue ADD COLUMN keep_done_jobs bigint, ADD COLUMN keep_dead_jobs bigint;
