-- Stores many jobs, in the order given, that differ in their ids and payloads only, and rings for them; says whether it
-- did. It does not where their kind has limits: each has a key of its own then.
WITH limited AS (
    SELECT 1 FROM forge_jobs.kind WHERE name = $4 AND limited
), stored AS (
    INSERT INTO forge_jobs.job (id, queue, kind, status, gate, priority, scheduled_at, enqueued_at, max_attempts, time_limit,
                                expires_at, trace, payload)
    SELECT id, $3, $4, 'pending', $5, $6, $7, $8, $9, $10, $11, $12, payload
    FROM unnest($1::uuid[], $2::json[]) WITH ORDINALITY AS new (id, payload, n)
    WHERE NOT EXISTS (SELECT 1 FROM limited)
    ORDER BY n
), counted AS (
    INSERT INTO forge_jobs.metric_entry (at, queue, kind, entry)
    SELECT $8, $3, $4, json_build_object('enqueued', cardinality($1::uuid[])) WHERE NOT EXISTS (SELECT 1 FROM limited)
)
SELECT NOT EXISTS (SELECT 1 FROM limited), count(pg_notify($13, message))
FROM unnest($14::text[]) AS message WHERE NOT EXISTS (SELECT 1 FROM limited)
