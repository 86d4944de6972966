-- Stores many jobs, in the order given, but none whose (kind, unique key) a live one holds, or one before it; rings, if
-- there are rings, and gives back the ids of those with unique keys that were stored. For those of kinds with limits it is
-- noted that places are to be given out, and coordinators are called.
WITH new AS (
    SELECT new.*, CASE WHEN rules.name IS NOT NULL THEN coalesce(new.concurrency_key, nullif(regexp_replace(
               (replace(new.payload, '\u0000', '\ufffd')::json -> rules.concurrency_key)::text, '^"(.*)"$', '\1'), 'null'),
               '') END AS limit_key
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[], $5::timestamptz[], $7::int[], $8::int[], $9::bigint[],
                $10::timestamptz[], $11::text[], $12::text[], $13::text[], $14::text[])
         WITH ORDINALITY AS new (id, queue, kind, gate, scheduled_at, priority, max_attempts, time_limit, expires_at, payload,
                                 concurrency_key, trace, unique_key, n)
    LEFT JOIN forge_jobs.kind AS rules ON rules.name = new.kind AND rules.limited
), stored AS (
    INSERT INTO forge_jobs.job (id, queue, kind, status, gate, priority, scheduled_at, enqueued_at, max_attempts, time_limit,
                                expires_at, payload, limit_key, trace, unique_key)
    SELECT id, queue, kind, 'pending',
           CASE WHEN gate = 1 THEN 1 WHEN limit_key IS NULL THEN 0 WHEN limit_key = '' THEN 5 ELSE 2 END,
           priority, scheduled_at, $6, max_attempts, time_limit, expires_at, payload::json, limit_key, trace, unique_key
    FROM new
    ORDER BY n
    ON CONFLICT (kind, unique_key) WHERE unique_key IS NOT NULL AND status IN ('pending', 'in_progress', 'failed')
    DO NOTHING
    RETURNING id, queue, kind, limit_key, gate, unique_key
), noted AS (
    INSERT INTO forge_jobs.admission (kind, limit_key)
    SELECT DISTINCT kind, limit_key FROM stored WHERE limit_key IS NOT NULL AND gate <> 1
    RETURNING no
), counted AS (
    INSERT INTO forge_jobs.metric_entry (at, queue, kind, entry)
    SELECT $6, queue, kind, json_build_object('enqueued', count(*)) FROM stored GROUP BY queue, kind
), told AS (
    SELECT pg_notify($15, message) FROM unnest($16::text[]) AS message
    UNION ALL
    SELECT pg_notify($15, $17) WHERE EXISTS (SELECT 1 FROM noted)
)
SELECT stored.id FROM stored WHERE unique_key IS NOT NULL
UNION ALL
SELECT NULL FROM told
