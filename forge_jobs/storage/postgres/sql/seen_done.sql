-- Jobs of a queue that are done since an instant, for those who follow what happens.
SELECT seq, id, kind, queue, attempts, finished_at, started_at, NULL, process_id, claim_no, NULL
FROM forge_jobs.job WHERE status = 'done' AND queue = $1 AND finished_at >= $2 ORDER BY finished_at LIMIT $3
