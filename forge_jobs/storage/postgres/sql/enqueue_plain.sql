-- Stores many jobs that have no unique key, in the order given, and rings for them.
WITH stored AS (
    INSERT INTO forge_jobs.job (id, queue, kind, status, gate, priority, scheduled_at, enqueued_at, max_attempts, time_limit,
                                expires_at, payload)
    SELECT new.id, new.queue, new.kind, 'pending', new.gate, new.priority, new.scheduled_at, $6, new.max_attempts,
           new.time_limit, new.expires_at, new.payload::json
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[], $5::timestamptz[], $7::int[], $8::int[], $9::bigint[],
                $10::timestamptz[], $11::text[])
         WITH ORDINALITY AS new (id, queue, kind, gate, scheduled_at, priority, max_attempts, time_limit, expires_at, payload, n)
    ORDER BY new.n
)
SELECT pg_notify($12, message) FROM unnest($13::text[]) AS message
