-- When the first job that waits for its time is due.
SELECT min(scheduled_at) FROM forge_jobs.job WHERE gate = 1
