-- Stores one job unless a live one holds its (kind, unique key), and rings for it; gives back a row only if it was stored.
WITH stored AS (
    INSERT INTO forge_jobs.job (id, queue, kind, status, gate, priority, scheduled_at, enqueued_at, max_attempts, time_limit,
                                expires_at, unique_key, payload)
    VALUES ($1::uuid, $2, $3, 'pending', $4, $5, $6, $7, $8, $9, $10, $11, $12::json)
    ON CONFLICT (kind, unique_key) WHERE unique_key IS NOT NULL AND status IN ('pending', 'in_progress', 'failed')
    DO NOTHING
    RETURNING seq
)
SELECT seq, pg_notify($13, $14) FROM stored
