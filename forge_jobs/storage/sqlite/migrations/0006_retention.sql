-- Retention by number, beside retention by age: at most so many of the newest are kept; NULL: any number.

ALTER TABLE queue ADD COLUMN keep_done_jobs INTEGER;
ALTER TABLE queue ADD COLUMN keep_dead_jobs INTEGER;
