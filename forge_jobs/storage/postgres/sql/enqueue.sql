-- Stores one job unless a live one holds its (kind, unique key); gives back a row only if it was stored. Rings for it, if
-- there is a ring: not where 256 jobs are ready before it. Those have rung for every worker that there is, and a ring
-- takes a lock that lets transactions be committed one after the other only.
WITH stored AS (
    INSERT INTO forge_jobs.job (id, queue, kind, status, gate, priority, scheduled_at, enqueued_at, max_attempts, time_limit,
                                expires_at, unique_key, payload)
    VALUES ($1::uuid, $2, $3, 'pending', $4, $5, $6, $7, $8, $9, $10, $11, $12::json)
    ON CONFLICT (kind, unique_key) WHERE unique_key IS NOT NULL AND status IN ('pending', 'in_progress', 'failed')
    DO NOTHING
    RETURNING seq
)
SELECT seq, CASE
    WHEN $14::text IS NULL THEN NULL
    WHEN (SELECT count(*) FROM (SELECT 1 FROM forge_jobs.job WHERE gate = 0 AND queue = $2 LIMIT 256) AS before) < 256
    THEN pg_notify($13, $14)
END FROM stored
