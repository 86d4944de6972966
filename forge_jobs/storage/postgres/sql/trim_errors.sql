-- Keeps the newest lines of a job's error history.
DELETE FROM forge_jobs.job_error
WHERE seq = $1 AND no <= (SELECT max(no) FROM forge_jobs.job_error WHERE seq = $1) - $2
