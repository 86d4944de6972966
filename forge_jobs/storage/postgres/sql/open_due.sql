-- Opens the gate of jobs whose time has come, the longest due first; rows that another opens just now are passed over.
-- Those of kinds with limits wait for a place then.
UPDATE forge_jobs.job
SET gate = CASE WHEN limit_key IS NULL THEN 0 WHEN limit_key = '' OR holds_key THEN 5 ELSE 2 END
WHERE seq = ANY (ARRAY(
    SELECT seq FROM forge_jobs.job WHERE gate = 1 AND scheduled_at <= $1 ORDER BY scheduled_at LIMIT $2
    FOR UPDATE SKIP LOCKED))
RETURNING queue, kind, limit_key
