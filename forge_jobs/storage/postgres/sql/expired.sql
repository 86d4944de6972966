-- Jobs that wait although it is too late to start them.
SELECT seq, queue, attempts, kind, limit_key, id FROM forge_jobs.job
WHERE expires_at IS NOT NULL AND gate IS NOT NULL AND expires_at <= $1 ORDER BY expires_at LIMIT $2
FOR UPDATE SKIP LOCKED
