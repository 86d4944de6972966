-- Errors of no job, and jobs that failed without one.
SELECT NULL, 'error ' || no || ' is of job number ' || seq || ', which is not there' FROM forge_jobs.job_error
WHERE NOT EXISTS (SELECT 1 FROM forge_jobs.job WHERE job.seq = job_error.seq)
UNION ALL
SELECT id, status || ' without an error' FROM forge_jobs.job
WHERE status IN ('failed', 'dead') AND NOT EXISTS (SELECT 1 FROM forge_jobs.job_error WHERE job_error.seq = job.seq)
LIMIT $1
