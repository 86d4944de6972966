-- A job's error history, oldest line first.
SELECT entry FROM forge_jobs.job_error WHERE seq = $1 ORDER BY no
