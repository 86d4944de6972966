-- Stores one job unless a live one holds its (kind, unique key); gives back a row only if it was stored. Rings for it, if
-- there is a ring: not where 256 jobs are ready before it. Those have rung for every worker that there is, and a ring
-- takes a lock that lets transactions be committed one after the other only. For a job of a kind with limits it is noted
-- that a place is to be given out, and coordinators are called. (Its key is the JSON text of an argument, without quotes
-- around it; a NUL in it cannot be had as text.)
WITH rules AS (
    SELECT coalesce($15::text, nullif(regexp_replace(
               (replace($12::text, '\u0000', '\ufffd')::json -> concurrency_key)::text, '^"(.*)"$', '\1'), 'null'),
               '') AS limit_key
    FROM forge_jobs.kind WHERE name = $3 AND limited
), stored AS (
    INSERT INTO forge_jobs.job (id, queue, kind, status, gate, priority, scheduled_at, enqueued_at, max_attempts, time_limit,
                                expires_at, unique_key, payload, limit_key, trace)
    SELECT $1::uuid, $2, $3, 'pending',
           CASE WHEN $4 = 1 THEN 1 WHEN limit_key IS NULL THEN 0 WHEN limit_key = '' THEN 5 ELSE 2 END,
           $5, $6, $7, $8, $9, $10, $11, $12::json, limit_key, $16
    FROM (SELECT 1) AS one LEFT JOIN rules ON true
    ON CONFLICT (kind, unique_key) WHERE unique_key IS NOT NULL AND status IN ('pending', 'in_progress', 'failed')
    DO NOTHING
    RETURNING seq, limit_key
), noted AS (
    INSERT INTO forge_jobs.admission (kind, limit_key)
    SELECT $3, limit_key FROM stored WHERE limit_key IS NOT NULL AND $4 <> 1
    RETURNING no
), counted AS (
    INSERT INTO forge_jobs.metric_entry (at, queue, kind, entry) SELECT $7, $2, $3, '{"enqueued":1}' FROM stored
)
SELECT seq, CASE
    WHEN EXISTS (SELECT 1 FROM noted) THEN pg_notify($13, $17)
    WHEN $14::text IS NULL THEN NULL
    WHEN (SELECT count(*) FROM (SELECT 1 FROM forge_jobs.job WHERE gate = 0 AND queue = $2 LIMIT 256) AS before) < 256
    THEN pg_notify($13, $14)
END FROM stored
