-- Of so many jobs that are due next those that wait for their next attempt, with their last error.
SELECT seq, id, kind, queue, attempts, scheduled_at, started_at, scheduled_at, process_id, claim_no,
       (SELECT entry FROM forge_jobs.job_error WHERE job_error.seq = due.seq ORDER BY no DESC LIMIT 1)
FROM (
    SELECT seq, id, kind, queue, status, attempts, scheduled_at, started_at, process_id, claim_no
    FROM forge_jobs.job WHERE gate = 1 AND scheduled_at >= $1 ORDER BY scheduled_at LIMIT $2
) AS due
WHERE status = 'failed'
