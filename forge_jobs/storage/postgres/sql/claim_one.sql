-- Claims the first job in line, where nothing is handed in and one is enough: answers as exchange.sql does, in a third of
-- the server's time. It claims nothing, and says so where that one says "metered", if the first in line needs more: its
-- kind takes tokens to start, or has got limits since it was stored. Of a queue with a cap it gives nothing.
WITH me AS MATERIALIZED (
    SELECT host_id FROM forge_jobs.process WHERE process_id = $1 FOR SHARE
), allowed AS MATERIALIZED (
    SELECT 1 FROM me
    WHERE NOT EXISTS (
        SELECT 1 FROM forge_jobs.queue
        WHERE name = $2 AND (paused OR throttled_until > $4 OR max_workers IS NOT NULL))
), line AS MATERIALIZED (
    SELECT job.seq, job.kind, job.limit_key
    FROM forge_jobs.job
    WHERE gate = 0 AND queue = $2 AND kind = ANY($3::text[]) AND (expires_at IS NULL OR expires_at > $4)
      AND EXISTS (SELECT 1 FROM allowed)
    ORDER BY priority, scheduled_at, seq
    LIMIT 1
    FOR UPDATE SKIP LOCKED
), plain AS MATERIALIZED (
    SELECT seq FROM line
    WHERE NOT EXISTS (
        SELECT 1 FROM forge_jobs.kind
        WHERE name = line.kind AND (metered OR (limited AND line.limit_key IS NULL)))
), claimed AS (
    UPDATE forge_jobs.job
    SET status = 'in_progress', gate = NULL, attempts = least(attempts, 999999) + 1, process_id = $1, started_at = $4, claim_no = $5
    FROM plain WHERE job.seq = plain.seq
    RETURNING job.seq, job.id::text, job.kind, job.claim_no, job.attempts, job.max_attempts, job.crashes, job.payload,
              job.time_limit, job.expires_at, job.limit_key, job.throttles, job.trace, job.priority, job.scheduled_at,
              date_part('epoch', clock_timestamp() - statement_timestamp())
), counted AS (
    INSERT INTO forge_jobs.metric_entry (at, queue, kind, entry) SELECT $4, $2, kind, '{"claimed": 1}' FROM claimed
)
SELECT json_build_array(
           (SELECT host_id FROM me), '{}'::bigint[], EXISTS (SELECT 1 FROM allowed),
           EXISTS (SELECT 1 FROM line) AND NOT EXISTS (SELECT 1 FROM plain), name, paused, backoff_enabled, backoff_base,
           backoff_max, keep_done, keep_dead, max_workers, memory_limit, keep_done_jobs, keep_dead_jobs, cool_down,
           throttles,
           CASE WHEN isfinite(throttled_until) THEN round(1e6 * date_part('epoch', throttled_until))::bigint END) AS header,
       NULL::bigint AS seq, NULL::text AS id, NULL AS kind, NULL::bigint AS claim_no, NULL::integer AS attempts,
       NULL::integer AS max_attempts, NULL::integer AS crashes, NULL::json AS payload, NULL::bigint AS time_limit,
       NULL::timestamptz AS expires_at, NULL AS limit_key, NULL::integer AS throttles, NULL AS trace,
       NULL::integer AS priority, NULL::timestamptz AS scheduled_at, NULL::float8 AS took
FROM (SELECT 1) AS one LEFT JOIN forge_jobs.queue ON name = $2
UNION ALL
SELECT NULL, claimed.* FROM claimed
