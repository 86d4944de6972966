-- How many jobs of a queue are claimed.
SELECT count(*) FROM forge_jobs.job WHERE status = 'in_progress' AND queue = $1
