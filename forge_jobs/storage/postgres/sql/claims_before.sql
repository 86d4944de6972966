-- What has been claimed for some time and has not ended.
SELECT seq, id, kind, queue, claim_no, attempts, max_attempts, crashes, started_at, process_id
FROM forge_jobs.job WHERE status = 'in_progress' AND started_at < $1 ORDER BY process_id, claim_no
