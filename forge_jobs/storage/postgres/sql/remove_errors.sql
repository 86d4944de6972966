-- Removes a job's error history.
DELETE FROM forge_jobs.job_error WHERE seq = $1
