-- Opens the gate of jobs whose time has come, the longest due first; rows that another opens just now are passed over.
UPDATE forge_jobs.job SET gate = 0
WHERE seq = ANY (ARRAY(
    SELECT seq FROM forge_jobs.job WHERE gate = 1 AND scheduled_at <= $1 ORDER BY scheduled_at LIMIT $2
    FOR UPDATE SKIP LOCKED))
RETURNING queue
