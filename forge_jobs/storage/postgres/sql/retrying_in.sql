-- How many jobs of a queue wait for the time of their next attempt.
SELECT count(*) FROM forge_jobs.job WHERE gate = 1 AND status = 'failed' AND queue = $1
