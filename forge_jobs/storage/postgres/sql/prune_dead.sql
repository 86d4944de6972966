-- Dead jobs of a queue that are past its retention, the oldest first.
SELECT seq FROM forge_jobs.job
WHERE status = 'dead' AND queue = $1 AND finished_at < $2 ORDER BY finished_at LIMIT $3 FOR UPDATE SKIP LOCKED
