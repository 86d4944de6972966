-- Adds a line to a job's error history.
INSERT INTO forge_jobs.job_error (seq, no, entry)
SELECT $1, coalesce(max(no), 0) + 1, $2::json FROM forge_jobs.job_error WHERE seq = $1
